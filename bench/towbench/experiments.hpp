#pragma once
/// The experiments, by family. Each makes its own Stage, runs its processes and gives rows.

#include <functional>
#include <string>
#include <vector>

#include "machine.hpp"
#include "result.hpp"

namespace towbench {

struct Settings {
  double seconds = 2.5;  ///< about how long one experiment measures
  int first_core = 0, second_core = 1;
};

struct Experiment {
  std::string name, what;
  bool needs_two_cores;
  std::function<std::vector<Row>(const Settings&)> run;
};

void add_one_way(std::vector<Experiment>& all);
void add_streams(std::vector<Experiment>& all);
void add_fan_in(std::vector<Experiment>& all);
void add_sleeping(std::vector<Experiment>& all);
void add_setup(std::vector<Experiment>& all);

/// In a process of its own, started by the setup experiment: joins the bus at `path` and prints by
/// how many KiB its anonymous memory grew. Returns the exit code.
int report_joined_memory(const std::string& path);

}  // namespace towbench
