// tow, the command people type.

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>

#include "command.hpp"
#include "output.hpp"

namespace {

constexpr const char* kFooter =
    "Examples:\n"
    "  tow ls                                what is on the bus\n"
    "  seq 5 | tow pub numbers               publish lines; makes bus and topic if need be\n"
    "  tow send orders hi --priority 7       one message, with attributes\n"
    "  tow sub numbers --from oldest         read what is there\n"
    "  tow call upper hello                  ask a service, such as tow serve makes\n"
    "  tow group create orders workers       consumers that share a topic's messages\n"
    "  tow consume orders workers            be one of them\n"
    "  tow doctor                            is this host fit for it?\n"
    "Sizes take K, M and G (1K = 1024); durations take us, ms, s, m and h (plain: seconds).\n"
    "tow COMMAND --help says more of each.\n"
    "\n"
    "Exit codes:\n"
    "  0  done\n"
    "  1  failed; stderr says why and what to do\n"
    "  2  usage: an unknown option, a bad name, a value out of range\n"
    "  3  no such bus, topic, group or exchange\n"
    "  4  timed out, or nothing was received\n";

void add_commands(CLI::App& app, tow::cli::Context& context) {
  const char* const bus = std::getenv("TOWPATH_BUS");
  if (bus != nullptr && *bus != '\0') context.bus = bus;
  app.add_option("--bus", context.bus,
                 "Name of the bus, or its path if it has a '/'; else $TOWPATH_BUS")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_flag("--json", context.json, "Print JSON instead of text");
  app.set_version_flag("--version", "tow " + std::string(tow::kVersion), "Print the version");
  app.require_subcommand(0, 1);  // none at all gets better words from us
  app.footer(kFooter);
  tow::cli::add_ls(app, context);
  tow::cli::add_info(app, context);
  tow::cli::add_pub(app, context);
  tow::cli::add_send(app, context);
  tow::cli::add_sub(app, context);
  tow::cli::add_hz(app, context);
  tow::cli::add_create(app, context);
  tow::cli::add_exchange(app, context);
  tow::cli::add_call(app, context);
  tow::cli::add_serve(app, context);
  tow::cli::add_group(app, context);
  tow::cli::add_consume(app, context);
  tow::cli::add_dlq(app, context);
  tow::cli::add_ps(app, context);
  tow::cli::add_rm(app, context);
  tow::cli::add_heal(app, context);
  tow::cli::add_doctor(app, context);
  tow::cli::add_completion(app, context);
}

int run(int argc, char** argv) {
  CLI::App app("Towpath: a shared-memory message bus for the processes of one host", "tow");
  tow::cli::Context context;
  add_commands(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    app.exit(help);  // --help and --version
    return tow::cli::kOk;
  } catch (const CLI::ParseError& error) {
    std::string command;
    for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
      at = at->get_subcommands().front();
      command += at->get_name() + ' ';
    }
    tow::cli::complain(std::string(error.what()) + " (try tow " + command + "--help)");
    return tow::cli::kUsage;
  }
  if (!context.run) {
    tow::cli::complain("name a command (try tow --help)");
    return tow::cli::kUsage;
  }
  context.bus_given = app.get_option("--bus")->count() != 0;
  const int code = context.run();
  tow::cli::flush();
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has enough, such as head, is no failure
  try {
    return run(argc, argv);
  } catch (const tow::cli::BrokenPipe&) {
    _exit(tow::cli::kOk);  // stdio must not try to write the rest
  } catch (const tow::BadResult& bad) {
    return tow::cli::fail(bad.error());
  } catch (const std::exception& error) {
    tow::cli::complain(error.what());
    return tow::cli::kFailed;
  }
}
