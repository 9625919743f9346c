// Real processes, killed and stopped at random while the ring is full. See chaos.hpp for who does
// what. TOWPATH_SOAK_SEED repeats a run's choices (not its timing); TOWPATH_SOAK_SCALE multiplies
// the number of kills, which is over 5,000 in all plans together.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "round.hpp"

namespace tow::soak {

void PrintTo(const Plan& plan, std::ostream* stream) { *stream << plan.name; }

namespace {

class RandomKills : public testing::TestWithParam<Plan> {};

TEST_P(RandomKills, LoseNothingOf) {
  Plan plan = GetParam();
  plan.kills = std::max(5, static_cast<int>(plan.kills * scale()));
  const Tally tally = run_round(plan, fresh_seed());
  std::printf("%s, seed %llu\n%s", plan.name.c_str(), static_cast<unsigned long long>(tally.seed),
              tally.text().c_str());
  std::fflush(stdout);
  EXPECT_EQ(tally.fault_list, "");
  for (std::size_t i = 0; i < kFaultNames.size(); ++i) {
    EXPECT_EQ(tally.faults[i], 0U) << kFaultNames[i];
  }
  EXPECT_TRUE(tally.checked) << "the round did not come to its end";
}

INSTANTIATE_TEST_SUITE_P(, RandomKills, testing::ValuesIn(plans()),
                         [](const auto& plan) { return plan.param.name; });

}  // namespace
}  // namespace tow::soak
