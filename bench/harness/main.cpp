/// The command line of a benchmark: runs its experiments one after the other.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "experiment.hpp"
#include "report.hpp"
#include "stage.hpp"

namespace {

using namespace towbench;

struct Arguments {
  std::vector<std::string> only;
  std::string json;
  double seconds = Settings{}.seconds;
  bool list = false;
};

std::vector<Experiment> all_experiments() {
  std::vector<Experiment> all;
  add_experiments(all);
  return all;
}

/// Those whose name contains one of `only`; all when it is empty.
std::vector<Experiment> chosen(const std::vector<std::string>& only) {
  std::vector<Experiment> experiments = all_experiments();
  if (only.empty()) return experiments;
  std::erase_if(experiments, [&](const Experiment& experiment) {
    return std::none_of(only.begin(), only.end(), [&](const std::string& part) {
      return experiment.name.find(part) != std::string::npos;
    });
  });
  if (experiments.empty()) throw std::runtime_error("no experiment of that name; see --list");
  return experiments;
}

/// Why the experiments between two cores cannot be run here, or empty.
std::string obstacle(const Machine& machine) {
  if (machine.cores.size() < 2) return "two cores are needed and this process may use one only";
  if (!machine.invariant_counter) {
    return "the processor's counter is not invariant: stamps of two cores cannot be compared";
  }
  return {};
}

int run_all(const Arguments& arguments) {
  const std::vector<Experiment> experiments = chosen(arguments.only);
  const Machine machine = look_at_machine();
  Settings settings{.seconds = arguments.seconds};
  settings.first_core = machine.cores.at(0);
  if (machine.cores.size() > 1) settings.second_core = machine.cores[1];
  print_heading(machine);
  print_column_names();
  std::vector<Row> rows;
  int failures = 0;
  for (const Experiment& experiment : experiments) {
    if (const std::string why = obstacle(machine); experiment.needs_two_cores && !why.empty()) {
      fmt::print("{}: skipped, {}\n", experiment.name, why);
      continue;
    }
    try {
      for (Row& row : experiment.run(settings)) {
        print_row(row);
        rows.push_back(std::move(row));
      }
    } catch (const std::exception& error) {
      fmt::print("{}: FAILED, {}\n", experiment.name, error.what());
      ++failures;
    }
  }
  if (!arguments.json.empty()) write_json(arguments.json, machine, rows);
  return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures messages between processes on two cores, with the floor in the same run.");
  Arguments arguments;
  app.add_option("--only", arguments.only, "run experiments whose name contains NAME")
      ->type_name("NAME");
  app.add_option("--seconds", arguments.seconds, "how long each experiment measures")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_option("--json", arguments.json, "also write the results to FILE")->type_name("FILE");
  app.add_flag("--list", arguments.list, "list the experiments and stop");
  CLI11_PARSE(app, argc, argv);
  try {
    if (!arguments.list) return run_all(arguments);
    for (const Experiment& experiment : all_experiments()) {
      fmt::print("{:<24} {}\n", experiment.name, experiment.what);
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", argv[0], error.what());
    return 2;
  }
  return 0;
}
