#pragma once
/// The experiments with Towpath, by family.

#include "bench/harness/experiment.hpp"

namespace towbench {

void add_one_way(std::vector<Experiment>& all);
void add_large(std::vector<Experiment>& all);
void add_streams(std::vector<Experiment>& all);
void add_fan_in(std::vector<Experiment>& all);
void add_fan_out(std::vector<Experiment>& all);
void add_sleeping(std::vector<Experiment>& all);
void add_burst(std::vector<Experiment>& all);
void add_recovery(std::vector<Experiment>& all);
void add_groups(std::vector<Experiment>& all);
void add_requests(std::vector<Experiment>& all);
void add_setup(std::vector<Experiment>& all);

}  // namespace towbench
