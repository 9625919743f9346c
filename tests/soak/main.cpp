// The tests, or with --minutes N the soak by hand: all plans over and over with fresh seeds, until
// the time is over or something is wrong.

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "round.hpp"
#include "towpath/shm/clock.hpp"

namespace tow::soak {
namespace {

void print(const std::string& name, const Tally& tally) {
  std::printf("%s\n%s", name.c_str(), tally.text().c_str());
  std::fflush(stdout);
}

int soak(double minutes) {
  constexpr int kKills = 2500;  // a plan and round, so that a round takes a minute
  const std::uint64_t end = shm::monotonic_ns() + static_cast<std::uint64_t>(minutes * 60e9);
  Tally total;
  for (int round = 1; shm::monotonic_ns() < end; ++round) {
    Tally sum;
    for (Plan plan : plans()) {
      plan.kills = kKills;
      const Tally tally = run_round(plan, fresh_seed());
      sum.add(tally);
      if (tally.fine() && shm::monotonic_ns() < end) continue;
      if (tally.fine()) break;
      print("FAULT in " + plan.name + ", TOWPATH_SOAK_SEED=" + std::to_string(tally.seed), tally);
      std::printf("%s\n", tally.fault_list.c_str());
      return 1;
    }
    print("round " + std::to_string(round), sum);
    total.add(sum);
  }
  print("total of " + std::to_string(total.rounds) + " plans", total);
  return 0;
}

}  // namespace
}  // namespace tow::soak

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--minutes") return tow::soak::soak(std::atof(argv[2]));
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
