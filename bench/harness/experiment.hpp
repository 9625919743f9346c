#pragma once
/// An experiment makes its own Stage, runs its processes and gives rows.

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

/// What an executable measures: each defines it.
void add_experiments(std::vector<Experiment>& all);

}  // namespace towbench
