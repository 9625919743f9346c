// Acking and publishing, all or none, by those who use a bus.

#include <gmock/gmock.h>

#include "tests/support/process.hpp"
#include "tests/support/temp_bus.hpp"
#include "towpath/towpath.hpp"

namespace tow {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SettlementOfABus : public testing::Test {
 protected:
  static std::vector<std::string> all(const Topic<Bytes>& topic) {
    auto reader = topic.observer(Start::oldest());
    std::vector<std::string> texts;
    while (const auto message = reader.try_take()) texts.emplace_back(message.text());
    return texts;
  }

  const test::TempDir directory_;
  const std::string path_ = directory_.path() + "/bus";
  const Bus bus_ = Bus::open(path_).value();
  const Topic<Bytes> orders_ = bus_.topic("orders").value();
  const Topic<Bytes> invoices_ = bus_.topic("in/voices").value();
  const Topic<Bytes> parcels_ = bus_.topic("parcels").value();
  const Group<Bytes> group_ = orders_.group("shop").value();
};

TEST_F(SettlementOfABus, AcksAndPublishesToSeveralTopics) {
  auto orders = orders_.publisher().value();
  auto consumer = group_.consumer().value();
  auto invoices = invoices_.publisher().value(), parcels = parcels_.publisher().value();
  orders.publish("1").value();
  orders.publish("2").value();
  auto first = consumer.take(), second = consumer.take();
  auto settlement = consumer.settle(first);
  settlement.add(second).value();
  settlement.publish(invoices, "invoice", {.key = "customer"}).value();
  settlement.publish(parcels, std::string(10'000, 'p')).value();
  settlement.publish(invoices, "copy").value();
  EXPECT_THAT(all(invoices_), IsEmpty()) << "nothing happens before commit";
  settlement.commit().value();
  EXPECT_TRUE(first.settled());
  EXPECT_TRUE(second.settled());
  EXPECT_EQ(consumer.outstanding(), 0U);
  EXPECT_THAT(all(invoices_), ElementsAre("invoice", "copy"));
  EXPECT_THAT(all(parcels_), ElementsAre(std::string(10'000, 'p')));
  invoices.publish("and so on").value();
  EXPECT_FALSE(consumer.try_take()) << "both are acked";
}

TEST_F(SettlementOfABus, DroppedItLeavesTheDeliveriesAsTheyWere) {
  auto orders = orders_.publisher().value();
  auto consumer = group_.consumer().value();
  auto invoices = invoices_.publisher().value();
  orders.publish("1").value();
  auto delivery = consumer.take();
  {
    auto settlement = consumer.settle(delivery);
    settlement.publish(invoices, "invoice").value();
  }
  EXPECT_FALSE(delivery.settled());
  invoices.publish("another").value();
  EXPECT_THAT(all(invoices_), ElementsAre("another"));
  delivery.ack().value();
}

TEST_F(SettlementOfABus, OfALostLeasePublishesNothing) {
  auto orders = orders_.publisher().value();
  auto consumer = group_.consumer().value();
  auto invoices = invoices_.publisher().value();
  orders.publish("1").value();
  auto delivery = consumer.take();
  auto settlement = consumer.settle(delivery);
  settlement.publish(invoices, "invoice").value();
  group_.seek(SeekTo::oldest()).value();
  const auto lost = settlement.commit();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error(), Code::lease_lost);
  EXPECT_THAT(all(invoices_), IsEmpty());
  auto again = consumer.take(10s);
  ASSERT_TRUE(again);
  auto second = consumer.settle(again);
  second.publish(invoices, "invoice").value();
  second.commit().value();
  EXPECT_THAT(all(invoices_), ElementsAre("invoice"));
}

TEST_F(SettlementOfABus, WithoutRoomInTimeDoesNothing) {
  const auto small = bus_.topic("small", {.depth = 16}).value();
  const auto reader = small.subscriber().value();
  auto full = small.publisher({.when_full = WhenFull::fail}).value();
  while (full.publish("x")) {
  }
  auto orders = orders_.publisher().value();
  auto consumer = group_.consumer().value();
  orders.publish("1").value();
  auto delivery = consumer.take();
  auto output = small.publisher().value();
  auto settlement = consumer.settle(delivery);
  settlement.publish(output, "y").value();
  const auto late = settlement.commit(1ms);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error(), Code::timed_out);
  EXPECT_THAT(late.error().message(), HasSubstr("subscriber"));
  EXPECT_FALSE(delivery.settled());
  delivery.ack().value();
}

TEST_F(SettlementOfABus, SaysWhatItCannotPublish) {
  auto orders = orders_.publisher().value();
  auto consumer = group_.consumer().value();
  orders.publish("1").value();
  auto delivery = consumer.take();
  auto settlement = consumer.settle(delivery);
  auto one = bus_.topic("one", {.publishers = Publishers::one}).value().publisher().value();
  const auto refused = settlement.publish(one, "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Code::not_supported);
  EXPECT_THAT(refused.error().message(), HasSubstr("publishers = many"));
  const Bus other = Bus::open(path_).value();
  auto elsewhere = other.topic("parcels").value().publisher().value();
  const auto foreign = settlement.publish(elsewhere, "x");
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error(), Code::invalid_argument);
  settlement.commit().value();
  EXPECT_TRUE(delivery.settled()) << "the refused messages are not part of it";
}

TEST_F(SettlementOfABus, WhoDiesBeforeTheCommitPointHasPublishedNothing) {
  const test::Shared<std::atomic<bool>> ready;
  orders_.publisher().value().publish("1").value();
  test::Child child([&] {
    const Bus bus = Bus::open(path_).value();
    auto consumer = bus.topic("orders").value().group("shop").value().consumer().value();
    auto invoices = bus.topic("in/voices").value().publisher().value();
    auto delivery = consumer.take();
    auto settlement = consumer.settle(delivery);
    settlement.publish(invoices, "invoice").value();
    *ready = true;
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return ready->load(); }));
  child.kill();
  bus_.heal();
  auto consumer = group_.consumer().value();
  const auto again = consumer.take(10s);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again.redelivered());
  EXPECT_THAT(all(invoices_), IsEmpty());
}

}  // namespace
}  // namespace tow
