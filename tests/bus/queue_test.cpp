// A queue: a topic with one group, as one thing.

#include "tests/bus/group_fixture.hpp"
#include "tests/support/expect_error.hpp"

namespace tow {
namespace {

using test::Child;
using test::expect_error;
using test::TempBus;
using namespace std::chrono_literals;

TEST(Queue, KeepsWhatIsPublishedForConsumersThatComeLater) {
  const TempBus at;
  const Bus bus = at.open();
  const auto queue = bus.queue<std::uint64_t>("jobs").value();
  EXPECT_EQ(queue.name(), "jobs");
  auto publisher = queue.publisher().value();
  for (std::uint64_t i = 1; i <= 3; ++i) publisher.publish(i).value();
  EXPECT_EQ(queue.info().lag, 3U);
  Child worker([&] {
    auto consumer = at.open().queue<std::uint64_t>("jobs").value().consumer().value();
    for (std::uint64_t i = 1; i <= 3; ++i) {
      auto job = consumer.take();
      EXPECT_EQ(*job, i);
      job.ack().value();
    }
  });
  EXPECT_EQ(worker.wait(), 0);
  EXPECT_EQ(queue.info().lag, 0U);
}

TEST(Queue, IsATopicWithAGroup) {
  const TempBus at;
  const Bus bus = at.open();
  const auto queue = bus.queue("jobs", {.max_attempts = 3}, {.depth = 64}).value();
  const auto topic = bus.topic("jobs").value();
  EXPECT_THAT(topic.groups(), testing::ElementsAre(kQueueGroup));
  EXPECT_EQ(topic.group(kQueueGroup).value().info().options.max_attempts, 3U);
  EXPECT_EQ(queue.topic().info().asked_depth, 64U);
  EXPECT_EQ(queue.group().name(), kQueueGroup);
  EXPECT_EQ(bus.queue("jobs").value().info().options.max_attempts, 3U) << "opened as it is";
  bus.remove_topic("jobs").value();
  EXPECT_EQ(bus.queue("jobs", {.create = false}).error(), Code::not_found);
}

TEST(Queue, RefusesOptionsOtherThanItsOwn) {
  const TempBus at;
  const Bus bus = at.open();
  const auto queue = bus.queue("jobs", {.max_attempts = 3}, {.depth = 64}).value();
  expect_error(bus.queue("jobs", {.max_attempts = 4}), Code::options_mismatch, "topic jobs",
               "tow group info");
  EXPECT_EQ(bus.queue("jobs", {.max_attempts = 3}, {.depth = 128}).error(), Code::options_mismatch);
  EXPECT_EQ(bus.queue<std::uint64_t>("jobs").error(), Code::type_mismatch);
  EXPECT_EQ(bus.queue("").error(), Code::invalid_name);
}

}  // namespace
}  // namespace tow
