#include "tests/c/fixture.hpp"

namespace tow::test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(CGroup, DeliveryIsAckedRetriedReleasedAndRejected) {
  CBus c;
  tow_group_options options;
  tow_group_options_init(&options);
  options.dead_letter = "dead";
  tow_group* const group = c.queue("jobs", &options);
  EXPECT_STREQ(tow_group_name(group), TOW_QUEUE_GROUP);
  tow_publisher* const publisher = c.publisher(c.topic("jobs"));
  tow_consumer* const consumer = c.consumer(group);
  tow_delivery* const delivery = c.delivery();
  EXPECT_TRUE(tow_delivery_settled(delivery));
  EXPECT_EQ(tow_consumer_take(consumer, 0, delivery), TOW_NOTHING);
  for (const char* const text : {"a", "b"}) TOW_ASSERT_OK(publish_text(publisher, text));

  TOW_ASSERT_OK(tow_consumer_take(consumer, kLong, delivery));
  EXPECT_EQ(payload_of(tow_delivery_message(delivery)), "a");
  EXPECT_EQ(tow_message_sequence(tow_delivery_message(delivery)), 1u);
  EXPECT_FALSE(tow_delivery_settled(delivery));
  EXPECT_FALSE(tow_delivery_redelivered(delivery));
  TOW_EXPECT_OK(tow_delivery_renew(delivery));
  TOW_EXPECT_OK(tow_delivery_ack(delivery));
  EXPECT_TRUE(tow_delivery_settled(delivery));
  EXPECT_EQ(tow_delivery_ack(delivery), TOW_LEASE_LOST);

  TOW_ASSERT_OK(tow_consumer_take(consumer, kLong, delivery));
  TOW_EXPECT_OK(tow_delivery_release(delivery));
  TOW_ASSERT_OK(tow_consumer_take(consumer, kLong, delivery));
  EXPECT_EQ(tow_delivery_attempts(delivery), 0u);
  EXPECT_TRUE(tow_delivery_redelivered(delivery));
  TOW_EXPECT_OK(tow_delivery_retry(delivery, 0));
  TOW_ASSERT_OK(tow_consumer_take(consumer, kLong, delivery));
  EXPECT_EQ(payload_of(tow_delivery_message(delivery)), "b");
  EXPECT_EQ(tow_delivery_attempts(delivery), 1u);
  TOW_EXPECT_OK(tow_delivery_reject(delivery, "no use"));

  tow_topic* const dead = c.topic("dead");
  tow_subscriber* letters = nullptr;
  TOW_ASSERT_OK(tow_subscriber_observe(dead, {TOW_START_OLDEST, 0}, &letters));
  tow_message* const letter = c.message();
  TOW_ASSERT_OK(tow_subscriber_take(letters, kLong, letter));
  EXPECT_EQ(payload_of(letter), "b");
  tow_subscriber_close(letters);
}

TEST(CGroup, DeliveryTakenIntoOrFreedUnsettledComesAgain) {
  CBus c;
  tow_group* const group = c.queue("jobs");
  TOW_ASSERT_OK(publish_text(c.publisher(c.topic("jobs")), "a"));
  tow_consumer_options one;
  tow_consumer_options_init(&one);
  one.prefetch = 1;
  tow_consumer* const consumer = c.consumer(group, &one);
  tow_delivery* delivery = nullptr;
  TOW_ASSERT_OK(tow_delivery_new(&delivery));
  TOW_ASSERT_OK(tow_consumer_take(consumer, kLong, delivery));
  EXPECT_EQ(tow_consumer_outstanding(consumer), 1u);
  tow_delivery* const other = c.delivery();
  EXPECT_EQ(tow_consumer_take(consumer, 0, other), TOW_TOO_MANY);
  TOW_ASSERT_OK(tow_consumer_take(consumer, kLong, delivery));
  EXPECT_TRUE(tow_delivery_redelivered(delivery));
  tow_delivery_free(delivery);
  TOW_ASSERT_OK(tow_consumer_take(consumer, kLong, other));
  TOW_EXPECT_OK(tow_delivery_ack(other));
  EXPECT_EQ(tow_consumer_outstanding(consumer), 0u);
}

TEST(CGroup, BatchIsTakenAndAckedAtOnce) {
  CBus c;
  tow_group* const group = c.queue("jobs");
  tow_publisher* const publisher = c.publisher(c.topic("jobs"));
  for (const char* const text : {"a", "b", "c"}) TOW_ASSERT_OK(publish_text(publisher, text));
  tow_consumer* const consumer = c.consumer(group);
  tow_delivery* const all[] = {c.delivery(), c.delivery(), c.delivery(), c.delivery()};
  std::size_t count = 0;
  TOW_ASSERT_OK(tow_consumer_take_batch(consumer, kLong, all, 4, &count));
  ASSERT_EQ(count, 3u);
  EXPECT_EQ(payload_of(tow_delivery_message(all[2])), "c");
  std::size_t acked = 0;
  TOW_EXPECT_OK(tow_delivery_ack_all(all, count, &acked));
  EXPECT_EQ(acked, 3u);
  EXPECT_EQ(tow_consumer_take_batch(consumer, 0, all, 4, &count), TOW_NOTHING);
}

TEST(CGroup, PausesResumesAndSeeks) {
  CBus c;
  tow_group* const group = c.queue("jobs");
  tow_publisher* const publisher = c.publisher(c.topic("jobs"));
  for (const char* const text : {"a", "b", "c"}) TOW_ASSERT_OK(publish_text(publisher, text));
  tow_consumer* const consumer = c.consumer(group);
  tow_delivery* const delivery = c.delivery();
  TOW_ASSERT_OK(tow_group_pause(group));
  EXPECT_EQ(tow_consumer_take(consumer, 0, delivery), TOW_NOTHING);
  TOW_ASSERT_OK(tow_group_resume(group));
  std::uint64_t at = 0;
  EXPECT_EQ(tow_group_seek_target(group, TOW_SEEK_SEQUENCE, 3), 3u);
  TOW_ASSERT_OK(tow_group_seek(group, TOW_SEEK_SEQUENCE, 3, &at));
  EXPECT_EQ(at, 3u);
  TOW_ASSERT_OK(tow_consumer_take(consumer, kLong, delivery));
  EXPECT_EQ(payload_of(tow_delivery_message(delivery)), "c");
  TOW_ASSERT_OK(tow_group_seek(group, TOW_SEEK_OLDEST, 0, nullptr));
  EXPECT_EQ(tow_delivery_ack(delivery), TOW_LEASE_LOST);
  EXPECT_EQ(tow_group_seek(group, static_cast<tow_seek_kind>(5), 0, nullptr), TOW_INVALID_ARGUMENT);
  EXPECT_THAT(tow_error_text(), testing::HasSubstr("tow_seek_kind"));
}

class CSettlement : public testing::Test {
 protected:
  void SetUp() override {
    TOW_ASSERT_OK(publish_text(c_.publisher(c_.topic("jobs")), "a"));
    TOW_ASSERT_OK(tow_consumer_take(consumer_, kLong, delivery_));
    TOW_ASSERT_OK(tow_settlement_new(consumer_, delivery_, &settlement_));
    TOW_ASSERT_OK(tow_settlement_publish(settlement_, publisher_, "done", 4, nullptr));
  }

  CBus c_;
  tow_group* const group_ = c_.queue("jobs");
  tow_consumer* const consumer_ = c_.consumer(group_);
  tow_topic* const results_ = c_.topic("results");
  tow_subscriber* const reader_ = c_.subscriber(results_);
  tow_publisher* publisher_ = c_.publisher(results_);
  tow_delivery* const delivery_ = c_.delivery();
  tow_message* const message_ = c_.message();
  tow_settlement* settlement_ = nullptr;
};

TEST_F(CSettlement, CommitAcksAndPublishes) {
  EXPECT_EQ(tow_subscriber_take(reader_, 0, message_), TOW_NOTHING);
  EXPECT_EQ(tow_consumer_take(consumer_, 0, delivery_), TOW_INVALID_ARGUMENT)
      << "it is part of a settlement";
  TOW_ASSERT_OK(tow_settlement_commit(settlement_, kLong));
  EXPECT_TRUE(tow_delivery_settled(delivery_));
  TOW_ASSERT_OK(tow_subscriber_take(reader_, kLong, message_));
  EXPECT_EQ(payload_of(message_), "done");
  EXPECT_EQ(tow_consumer_take(consumer_, 0, delivery_), TOW_NOTHING);
  tow_settlement_free(settlement_);
}

TEST_F(CSettlement, WithoutCommitNothingHappens) {
  tow_settlement_free(settlement_);
  EXPECT_FALSE(tow_delivery_settled(delivery_));
  EXPECT_EQ(tow_subscriber_take(reader_, 0, message_), TOW_NOTHING);
  TOW_EXPECT_OK(tow_delivery_ack(delivery_));
}

TEST_F(CSettlement, AddsDeliveriesAndRefusesSettledOnes) {
  TOW_ASSERT_OK(publish_text(c_.publisher(c_.topic("jobs")), "b"));
  tow_delivery* const second = c_.delivery();
  TOW_ASSERT_OK(tow_consumer_take(consumer_, kLong, second));
  TOW_ASSERT_OK(tow_settlement_add(settlement_, second));
  TOW_ASSERT_OK(tow_delivery_ack(second));
  EXPECT_EQ(tow_settlement_commit(settlement_, kLong), TOW_LEASE_LOST);
  EXPECT_EQ(tow_subscriber_take(reader_, 0, message_), TOW_NOTHING);
  EXPECT_FALSE(tow_delivery_settled(delivery_));
  tow_settlement_free(settlement_);
}

}  // namespace
}  // namespace tow::test
