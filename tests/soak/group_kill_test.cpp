// A million messages through a group whose consumers are killed all the time: each is settled once,
// and where consumers publish a result with each ack there is one result of each.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "round.hpp"

namespace tow::soak {
namespace {

class GroupKills : public testing::TestWithParam<bool> {};

TEST_P(GroupKills, AMillionMessagesAreSettledOnceEachThoughFourConsumersDieAllTheTime) {
  Plan plan{.name = "AMillionJobs", .steady = true, .publishers = 0, .subscribers = 0};
  plan.consumers = 4;
  plan.settles = GetParam();
  plan.depth = 1024;
  plan.kills = std::max(10, static_cast<int>(200 * scale()));
  plan.messages = static_cast<std::uint64_t>(1e6 * scale());
  const Tally tally = run_round(plan, fresh_seed());
  std::printf("seed %llu\n%s", static_cast<unsigned long long>(tally.seed), tally.text().c_str());
  EXPECT_EQ(tally.fault_list, "");
  EXPECT_TRUE(tally.fine());
  EXPECT_GE(tally.messages, plan.messages);
  EXPECT_GE(tally.deliveries, tally.messages);
  EXPECT_EQ(tally.results, plan.settles ? tally.messages : 0);
}

INSTANTIATE_TEST_SUITE_P(, GroupKills, testing::Bool(), [](const auto& settles) {
  return settles.param ? "PublishAndAck" : "Ack";
});

}  // namespace
}  // namespace tow::soak
