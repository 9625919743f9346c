#include <unistd.h>

#include "tests/c/fixture.hpp"

namespace tow::test {
namespace {

tow_group_options strict_group() {
  tow_group_options options;
  tow_group_options_init(&options);
  options.mode = TOW_GROUP_ORDERED;
  options.start = {TOW_START_OLDEST, 0};
  options.lease_ns = 5'000'000'000;
  options.max_length = 32;
  options.overflow = TOW_OVERFLOW_REJECT;
  options.key_pattern = "a.#";
  options.dead_letter = "dead";
  return options;
}

TEST(CInfo, TellsOfTopicPublishersSubscribersAndGroups) {
  CBus c;
  tow_topic_options asked;
  tow_topic_options_init(&asked);
  asked.depth = 64;
  asked.stamps = TOW_STAMPS_ALL;
  asked.type = {"sample", 4, 4};
  tow_topic* const topic = c.topic("samples", &asked);
  tow_publisher* const publisher = c.publisher(topic);
  tow_subscriber* const subscriber = c.subscriber(topic);
  const tow_group_options group_asked = strict_group();
  tow_group* group = nullptr;
  TOW_ASSERT_OK(tow_group_open(topic, "workers", &group_asked, &group));
  tow_consumer* const consumer = c.consumer(group);
  tow_attributes attributes;
  tow_attributes_init(&attributes);
  attributes.key = tow_text("a.b");
  TOW_ASSERT_OK(tow_publish(publisher, "four", 4, &attributes));

  const tow_topic_info* info = nullptr;
  TOW_ASSERT_OK(tow_topic_info_get(topic, &info));
  EXPECT_STREQ(info->name, "samples");
  EXPECT_EQ(info->publishers_kind, TOW_PUBLISHERS_MANY);
  EXPECT_EQ(info->stamps, TOW_STAMPS_ALL);
  EXPECT_EQ(info->asked_depth, 64u);
  EXPECT_STREQ(info->type_name, "sample");
  EXPECT_EQ(info->type_bytes, 4u);
  EXPECT_EQ(info->last, 1u);
  ASSERT_EQ(info->publisher_count, 1u);
  EXPECT_EQ(info->publishers[0]->process->pid, static_cast<std::uint32_t>(getpid()));
  ASSERT_EQ(info->subscriber_count, 1u);
  EXPECT_EQ(info->subscribers[0]->lag, 1u);
  EXPECT_FALSE(info->subscribers[0]->lossy);
  EXPECT_TRUE(info->subscribers[0]->process->alive);
  ASSERT_EQ(info->group_count, 1u);
  EXPECT_STREQ(info->groups[0]->name, "workers");
  EXPECT_EQ(info->groups[0]->options->mode, TOW_GROUP_ORDERED);
  tow_topic_info_free(info);

  const tow_group_info* about = nullptr;
  TOW_ASSERT_OK(tow_group_info_get(group, &about));
  tow_group_close(group);
  EXPECT_EQ(about->lag, 1u);
  EXPECT_EQ(about->options->lease_ns, 5'000'000'000);
  EXPECT_EQ(about->options->max_length, 32u);
  EXPECT_EQ(about->options->overflow, TOW_OVERFLOW_REJECT);
  EXPECT_STREQ(about->options->key_pattern, "a.#");
  EXPECT_STREQ(about->options->dead_letter, "dead");
  EXPECT_STREQ(about->options->tag, "");
  EXPECT_STREQ(about->left_dead, "");
  ASSERT_EQ(about->consumer_count, 1u);
  EXPECT_STRNE(about->consumers[0]->process->command, "");
  tow_group_info_free(about);
  EXPECT_EQ(tow_consumer_outstanding(consumer), 0u);
  EXPECT_EQ(tow_subscriber_lag(subscriber), 1u);
}

TEST(CInfo, TellsOfProcesses) {
  CBus c;
  const tow_processes* all = nullptr;
  TOW_ASSERT_OK(tow_bus_processes(c.bus(), &all));
  ASSERT_EQ(all->count, 1u);
  EXPECT_EQ(all->processes[0]->pid, static_cast<std::uint32_t>(getpid()));
  EXPECT_EQ(all->processes[0]->uid, getuid());
  EXPECT_TRUE(all->processes[0]->alive);
  EXPECT_GT(all->processes[0]->joined_ns, 0u);
  tow_processes_free(all);
}

}  // namespace
}  // namespace tow::test
