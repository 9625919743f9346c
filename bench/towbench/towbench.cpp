/// towbench: measures Towpath between real processes, against the floor of the machine it runs on.

#include "families.hpp"

void towbench::add_experiments(std::vector<Experiment>& all) {
  add_one_way(all);
  add_large(all);
  add_streams(all);
  add_fan_in(all);
  add_fan_out(all);
  add_sleeping(all);
  add_burst(all);
  add_recovery(all);
  add_groups(all);
  add_requests(all);
  add_setup(all);
}
