// Dead letters: what is moved, what cannot be moved, what an operator sees of it.

#include <signal.h>
#include <unistd.h>

#include "tests/bus/group_fixture.hpp"

namespace tow {
namespace {

using test::Child;
using test::TempBus;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

constexpr const char* kLetters = "jobs.dead";

class DeadLetterTopic : public testing::Test {
 protected:
  /// A group of a topic of bytes that gives up what is rejected.
  void make_group(GroupOptions options = {}) {
    options.dead_letter = kLetters;
    group_.emplace(topic_.group("workers", options).value());
    consumer_.emplace(group_->consumer().value());
  }
  void publish(std::initializer_list<std::size_t> sizes) {
    for (const std::size_t bytes : sizes) publisher_.publish(std::string(bytes, 'x')).value();
  }
  void reject_all() {
    while (auto delivery = consumer_->try_take()) delivery.reject("no use").value();
  }
  /// Looks until all that may be moved was moved.
  bool eventually_dead(std::uint64_t count) {
    return test::eventually([&] {
      (void)consumer_->try_take();
      return group_->info().dead == count;
    });
  }
  /// Sizes of all letters.
  std::vector<std::size_t> letters() const {
    auto observer = bus_.topic(kLetters).value().observer(Start::oldest());
    std::vector<std::size_t> sizes;
    while (const auto letter = observer.try_take()) sizes.push_back(letter.bytes().size());
    return sizes;
  }

  const TempBus at_;
  const Bus bus_ = at_.open();
  const Topic<> topic_ =
      bus_.topic("jobs", {.publishers = Publishers::many, .depth = 64, .max_message_bytes = 4096})
          .value();
  Publisher<> publisher_ = topic_.publisher().value();
  std::optional<Group<>> group_;
  std::optional<Consumer<>> consumer_;
};

TEST_F(DeadLetterTopic, IsMadeWhenItIsMissingAndAgainWhenItWasRemoved) {
  make_group();
  publish({1});
  reject_all();
  EXPECT_THAT(letters(), ElementsAre(1));
  bus_.remove_topic(kLetters).value();
  publish({2, 4096});
  reject_all();
  EXPECT_THAT(letters(), ElementsAre(2, 4096)) << "it takes whatever the group's topic takes";
  EXPECT_EQ(group_->info().dead, 0U);
  EXPECT_THAT(group_->info().left_dead, IsEmpty());
}

TEST_F(DeadLetterTopic, GetsWhatFollowsALetterThatIsTooLargeForIt) {
  bus_.topic(kLetters, {.max_message_bytes = 100}).value();
  make_group();
  publish({10, 1000, 20});
  reject_all();
  ASSERT_TRUE(eventually_dead(1));
  EXPECT_THAT(letters(), ElementsAre(10, 20));
  ASSERT_TRUE(test::eventually([&] { return !group_->info().left_dead.empty(); }));
  EXPECT_THAT(group_->info().left_dead,
              AllOf(HasSubstr("message 2"), HasSubstr(kLetters), HasSubstr("max_message_bytes")));
  // The remedy: the topic is made anew, by hand or by the next move.
  bus_.remove_topic(kLetters).value();
  ASSERT_TRUE(eventually_dead(0));
  EXPECT_THAT(letters(), ElementsAre(1000));
  EXPECT_THAT(group_->info().left_dead, IsEmpty());
  EXPECT_EQ(group_->info().dropped, 0U);
  EXPECT_EQ(group_->info().lag, 0U);
}

TEST_F(DeadLetterTopic, GetsWhatFollowsManyThatAreTooLargeForIt) {
  bus_.topic(kLetters, {.max_message_bytes = 100}).value();
  make_group();
  for (int i = 0; i < 40; ++i) publish({1000});
  publish({5});
  reject_all();
  ASSERT_TRUE(eventually_dead(40));
  EXPECT_THAT(letters(), ElementsAre(5));
}

TEST_F(DeadLetterTopic, ThatTakesNoLetterOfThatSizeLosesItWhereTheGroupWouldRatherDrop) {
  bus_.topic(kLetters, {.max_message_bytes = 100}).value();
  make_group({.drop_when_dead_letters_full = true});
  publish({10, 1000, 20});
  reject_all();
  EXPECT_EQ(group_->info().dead, 0U);
  EXPECT_EQ(group_->info().dropped, 1U);
  EXPECT_THAT(letters(), ElementsAre(10, 20));
}

TEST_F(DeadLetterTopic, ThatIsFullGetsThemOnceThereIsRoom) {
  auto dead = bus_.topic(kLetters, {.publishers = Publishers::many, .depth = 16}).value();
  auto reader = dead.group("reader").value();
  make_group();
  for (int i = 0; i < 40; ++i) publish({1});
  reject_all();
  ASSERT_TRUE(test::eventually([&] {
    (void)consumer_->try_take();
    return !group_->info().left_dead.empty();
  }));
  EXPECT_THAT(group_->info().left_dead, AllOf(HasSubstr(kLetters), HasSubstr("is full")));
  const auto waiting = group_->info().dead;
  EXPECT_GT(waiting, 0U);
  EXPECT_EQ(waiting + dead.last_sequence(), 40U) << "none is lost, none is there twice";
  auto redriver = reader.consumer().value();
  std::set<std::int64_t> came;
  while (came.size() < 40) {
    EXPECT_TRUE(consumer_->take(1ms).timed_out());  // who only waits moves them, too
    while (auto letter = redriver.try_take()) {
      EXPECT_TRUE(came.insert(*letter.headers().find<std::int64_t>("dead.sequence")).second);
      letter.ack().value();
    }
  }
  EXPECT_EQ(dead.last_sequence(), 40U);
  EXPECT_EQ(group_->info().dead, 0U);
}

TEST_F(DeadLetterTopic, ThatIsFullLosesThemWhereTheGroupWouldRatherDrop) {
  auto dead = bus_.topic(kLetters, {.publishers = Publishers::many, .depth = 16}).value();
  const auto reader = dead.group("reader").value();
  make_group({.drop_when_dead_letters_full = true});
  for (int i = 0; i < 40; ++i) publish({1});
  reject_all();
  ASSERT_TRUE(eventually_dead(0));
  EXPECT_EQ(group_->info().dropped + dead.last_sequence(), 40U);
  EXPECT_GT(group_->info().dropped, 0U);
}

TEST_F(DeadLetterTopic, ThatCannotBeUsedIsNamedWithTheRemedy) {
  struct Case {
    std::function<void()> make;
    const char* remedy;
  };
  const Case cases[] = {
      {[&] { bus_.topic(kLetters, {.publishers = Publishers::one}).value(); }, "publishers = many"},
      {[&] { bus_.topic<std::uint64_t>(kLetters).value(); }, "a topic of bytes"},
      {[&] { (void)bus_.topic(kLetters, {.max_publishers = 1}).value(); }, "max_publishers"}};
  for (const Case& one : cases) {
    one.make();
    const bool crowded = std::string(one.remedy) == "max_publishers";
    std::optional<Publisher<>> other;
    if (crowded) other.emplace(bus_.topic(kLetters).value().publisher().value());
    make_group();
    publish({7});
    reject_all();
    EXPECT_EQ(group_->info().dead, 1U);
    EXPECT_THAT(group_->info().left_dead, AllOf(HasSubstr(kLetters), HasSubstr(one.remedy)));
    other.reset();
    bus_.remove_topic(kLetters).value();
    ASSERT_TRUE(eventually_dead(0));
    EXPECT_THAT(letters(), ElementsAre(7));
    bus_.remove_topic(kLetters).value();
    consumer_.reset();
    topic_.remove_group("workers").value();
  }
}

TEST_F(DeadLetterTopic, GetsALetterWhoseLastAttemptKilledTheOnlyConsumerOnceAnotherComes) {
  make_group({.max_attempts = 1});
  consumer_.reset();
  publish({3});
  Child doomed([&] {
    const auto bus = at_.open();
    auto consumer = bus.topic("jobs").value().group("workers").value().consumer().value();
    auto delivery = consumer.take();
    raise(SIGKILL);
  });
  EXPECT_EQ(doomed.wait(), -SIGKILL);
  EXPECT_EQ(bus_.heal().consumers, 1U);
  EXPECT_EQ(group_->info().dead, 1U) << "it is given up, and waits for somebody to move it";
  consumer_.emplace(group_->consumer().value());
  ASSERT_TRUE(eventually_dead(0));
  EXPECT_THAT(letters(), ElementsAre(3));
}

TEST_F(DeadLetterTopic, GetsWhatExpiredWhileNobodyConsumedOnceSomebodyDoes) {
  make_group();
  consumer_.reset();
  publisher_.publish("old", {.time_to_live = 1ns}).value();
  EXPECT_EQ(bus_.heal().consumers, 0U);
  EXPECT_EQ(group_->info().ready, 1U) << "nobody has looked at it";
  EXPECT_EQ(group_->info().expired, 0U);
  consumer_.emplace(group_->consumer().value());
  EXPECT_FALSE(consumer_->try_take());
  ASSERT_TRUE(eventually_dead(0));
  EXPECT_EQ(group_->info().expired, 1U);
  EXPECT_THAT(letters(), ElementsAre(3));
}

TEST_F(DeadLetterTopic, KeepsTagsByWhichGroupsFilter) {
  make_group();
  publisher_.publish("x", {.tag = "paid"}).value();
  reject_all();
  auto observer = bus_.topic(kLetters).value().observer(Start::oldest());
  const auto letter = observer.try_take();
  ASSERT_TRUE(letter);
  EXPECT_TRUE(letter.has_tag("paid"));
  // Who passes it on knows the hash, which is all that a filter looks at.
  auto paid = topic_.group("paid", {.tag = "paid"}).value().consumer().value();
  publisher_.publish(letter.text(), {.tag_hash = letter.tag_hash()}).value();
  publisher_.publish("y", {.tag_hash = letter.tag_hash() + 1}).value();
  const auto again = paid.take();
  EXPECT_TRUE(again.has_tag("paid"));
  EXPECT_FALSE(paid.try_take());
}

}  // namespace
}  // namespace tow
