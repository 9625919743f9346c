#pragma once
/// What the commands of tow share: global options, exit codes, and how a command registers itself.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <towpath/towpath.hpp>

namespace tow::cli {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;    ///< the thing was tried and failed
inline constexpr int kUsage = 2;     ///< the command line makes no sense
inline constexpr int kNotFound = 3;  ///< no such bus or topic
inline constexpr int kTimedOut = 4;  ///< the time passed, or nothing was received

/// The options that stand before or after any command.
struct Context {
  std::string bus = "default";
  bool bus_given = false;  ///< on the command line, not by the environment
  bool json = false;
  std::function<int()> run;  ///< the command that was asked for; returns the exit code
};

using Action = std::function<int(const Context&)>;

/// Adds a command that runs `action` once the whole command line was read.
CLI::App* add_command(CLI::App& app, Context& context, const std::string& name,
                      const std::string& description, Action action);
/// Adds the argument TOPIC, required.
CLI::Option* add_topic(CLI::App* command, std::string& topic);

void add_ls(CLI::App& app, Context& context);
void add_info(CLI::App& app, Context& context);
void add_pub(CLI::App& app, Context& context);
void add_send(CLI::App& app, Context& context);
void add_sub(CLI::App& app, Context& context);
void add_hz(CLI::App& app, Context& context);
void add_create(CLI::App& app, Context& context);
void add_exchange(CLI::App& app, Context& context);
void add_call(CLI::App& app, Context& context);
void add_serve(CLI::App& app, Context& context);
void add_group(CLI::App& app, Context& context);
void add_consume(CLI::App& app, Context& context);
void add_dlq(CLI::App& app, Context& context);
void add_ps(CLI::App& app, Context& context);
void add_rm(CLI::App& app, Context& context);
void add_heal(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_completion(CLI::App& app, Context& context);

/// Looks at the bus without joining it. Throws BadResult.
Bus open_to_look(const Context& context);
/// Joins a bus that exists. Throws BadResult.
Bus open_to_join(const Context& context);

/// Says `tow: <message>` on stderr.
void complain(const std::string& message);
/// The exit code that an error stands for.
int exit_code(Code code);
/// Both of them.
int fail(Error error);

}  // namespace tow::cli
