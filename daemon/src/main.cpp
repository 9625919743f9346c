// towd, the supervisor: repairs at once what dead processes left on a bus.

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>

#include "supervisor.hpp"

namespace {

constexpr const char* kFooter =
    "Nothing needs towd: without it whoever opens a bus, or is blocked by the dead, repairs.\n"
    "With it that takes a millisecond or two. It keeps no state: kill it, start it again, start\n"
    "several (one acts, the others stand by).\n"
    "\n"
    "The file is TOML, and so is optional:\n"
    "  buses = [\"market\", \"/srv/bus\"]        # as --bus\n"
    "  directories = [\"/dev/shm/towpath-0\"]   # all buses in there, also later ones\n"
    "  look_every_ms = 20                     # for processes of other PID namespaces\n"
    "  log_level = \"info\"                     # debug, info, warning, error\n"
    "\n"
    "Examples:\n"
    "  towd                                   all buses of this user\n"
    "  towd --bus market --log-level debug\n"
    "  systemctl --user start towd            with the unit that comes with it\n";

void set_up_log(const std::string& level) {
  auto log = spdlog::stderr_logger_st("towd");
  // The journal stamps lines itself.
  log->set_pattern(std::getenv("JOURNAL_STREAM") != nullptr ? "%v" : "%Y-%m-%d %H:%M:%S.%e %l %v");
  const auto chosen = spdlog::level::from_str(level);
  if (chosen == spdlog::level::off) {
    throw std::runtime_error("log level " + level + " is none of debug, info, warning, error");
  }
  log->set_level(chosen);
  spdlog::set_default_logger(log);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Watches buses and repairs at once what dead processes left", "towd");
  towd::Settings given;
  std::string file, level;
  app.add_option("--bus", given.buses, "Watch this bus, a name or a path with a '/'; repeatable")
      ->type_name("NAME");
  app.add_option("--config", file, "Read this file first")->type_name("FILE");
  app.add_option("--log-level", level, "debug, info, warning or error")->type_name("LEVEL");
  app.set_version_flag("--version", "towd " + std::string(tow::kVersion), "Print the version");
  app.footer(kFooter);
  CLI11_PARSE(app, argc, argv);
  try {
    towd::Settings settings;
    if (!file.empty()) towd::read_settings(file, settings);
    if (!given.buses.empty()) {
      settings.buses = given.buses;
      settings.directories.clear();
    }
    if (!level.empty()) settings.log_level = level;
    towd::add_defaults(settings);
    set_up_log(settings.log_level);
    towd::Supervisor(settings).run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "towd: {}\n", error.what());
    return 1;
  }
  return 0;
}
