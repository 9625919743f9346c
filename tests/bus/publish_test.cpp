#include <gmock/gmock.h>

#include "tests/bus/notes.hpp"

namespace tow {
namespace {

using test::Child;
using test::Note;
using test::Shared;
using test::TempBus;
using testing::HasSubstr;
using namespace std::chrono_literals;

struct Big {
  std::uint64_t number;
  char filler[992];
};

class Publish : public testing::TestWithParam<Publishers> {
 protected:
  template <class T = Bytes>
  Topic<T> topic(TopicOptions options = {}) {
    options.publishers = GetParam();
    return bus_.open().topic<T>("notes", options).value();
  }
  const TempBus bus_;
};

TEST_P(Publish, ValuesArriveAsTheyWere) {
  const auto notes = topic<Note>({.depth = 16});
  auto subscriber = notes.subscriber().value();
  auto publisher = notes.publisher().value();
  for (std::uint64_t i = 0; i < 1000; ++i) {
    publisher.publish(Note::of(7, i)).value();
    ASSERT_EQ(publisher.last_sequence(), i + 1);
    const auto note = subscriber.try_take();
    ASSERT_TRUE(note);
    ASSERT_EQ(note->count, i);
    ASSERT_EQ(note->publisher, 7U);
    ASSERT_TRUE((*note).whole());
  }
}

TEST_P(Publish, LargeValuesAreReadInPlace) {
  const auto bigs = topic<Big>({.depth = 64});
  auto subscriber = bigs.subscriber().value();
  auto publisher = bigs.publisher().value();
  publisher.publish(Big{1, {}}).value();
  auto loan = publisher.loan().value();
  loan->number = 2;
  publisher.publish(std::move(loan)).value();
  const std::vector<Big> batch{{3, {}}, {4, {}}, {5, {}}};
  EXPECT_EQ(publisher.publish_batch(batch).value(), 3U);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    const auto big = subscriber.try_take();
    ASSERT_TRUE(big);
    EXPECT_EQ(big->number, i);
    EXPECT_EQ(big.bytes().size(), sizeof(Big));
  }
}

TEST_P(Publish, KeysTravelWithSmallAndLargePayloads) {
  const auto bytes = topic();
  auto subscriber = bytes.subscriber().value();
  auto publisher = bytes.publisher().value();
  const std::string longest(255, 'k');
  for (const std::string& key : {std::string(), std::string("k"), std::string("\0x", 2), longest}) {
    for (const std::size_t size : {0, 1, 40, 48, 5000}) {
      const std::string payload(size, 'p');
      publisher.publish(payload, {.key = key}).value();
      const auto message = subscriber.try_take();
      ASSERT_TRUE(message);
      EXPECT_EQ(message.text(), payload);
      EXPECT_EQ(message.key(), key);
    }
  }
  auto loan = publisher.loan(3000).value();
  loan.fill(std::byte{'x'});
  publisher.publish(std::move(loan), {.key = "of a loan"}).value();
  EXPECT_EQ(subscriber.try_take().key(), "of a loan");
}

TEST_P(Publish, LoanIsSentAsFarAsItWasShrunkAndGoneWhenDropped) {
  const auto bytes = topic();
  auto subscriber = bytes.subscriber().value();
  auto publisher = bytes.publisher().value();
  for (const std::size_t size : {10, 48, 49, 10'000}) {
    { (void)publisher.loan(size).value(); }
    auto loan = publisher.loan(size).value();
    loan.fill(std::byte{'a'});
    loan.shrink(size + 1);
    EXPECT_EQ(loan.bytes().size(), size) << "it only shrinks";
    loan.shrink(size - 3);
    publisher.publish(std::move(loan)).value();
    EXPECT_EQ(subscriber.try_take().text(), std::string(size - 3, 'a'));
  }
  EXPECT_FALSE(subscriber.try_take());
  EXPECT_EQ(bytes.last_sequence(), 4U);
}

TEST_P(Publish, WithoutSubscribersNothingBlocks) {
  auto publisher = topic({.depth = 16, .pool_bytes = 128 << 10}).publisher().value();
  for (int i = 0; i < 2000; ++i)
    publisher.publish(std::string(static_cast<std::size_t>(i), 'x')).value();
  EXPECT_EQ(publisher.last_sequence(), 2000U);
}

TEST_P(Publish, FullTopicFailsAtOnceNamingTheBlockerAndTheRemedy) {
  const auto bytes = topic({.depth = 16});
  const Shared<std::atomic<bool>> ready;
  Child reader([&] {
    auto subscriber = topic({.depth = 16}).subscriber().value();
    *ready = true;
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return ready->load(); }));
  auto publisher = bytes.publisher({.when_full = WhenFull::fail}).value();
  Result<void> result;
  int sent = 0;
  while ((result = publisher.publish("x"))) ++sent;
  EXPECT_GE(sent, 16) << "the depth that was asked for";
  EXPECT_EQ(result.error(), Code::full);
  const std::string text = result.error().message();
  EXPECT_THAT(text, HasSubstr("topic notes is full"));
  EXPECT_THAT(text, HasSubstr("pid " + std::to_string(reader.pid())));
  EXPECT_THAT(text, HasSubstr("max_lag"));
  reader.kill();
  EXPECT_TRUE(test::eventually([&] { return publisher.publish("x").has_value(); }))
      << "the dead block nobody";
}

TEST_P(Publish, FullTopicWaitsUntilTheDeadlineAndSaysForWhom) {
  const auto bytes = topic({.depth = 16});
  auto subscriber = bytes.subscriber().value();
  auto publisher = bytes.publisher({.wait_at_most = 5ms}).value();
  Result<void> result;
  while ((result = publisher.publish("x"))) {
  }
  EXPECT_EQ(result.error(), Code::timed_out);
  EXPECT_THAT(result.error().message(), HasSubstr("pid " + std::to_string(getpid())));
  while (subscriber.try_take()) {
  }
  EXPECT_TRUE(publisher.publish("x")) << "nothing was lost, it goes on";
}

TEST_P(Publish, FullTopicWaitsForeverUntilThereIsRoom) {
  const TopicOptions options{.depth = 16};
  const auto bytes = topic(options);
  auto subscriber = bytes.subscriber().value();
  Child writer([&] {
    auto publisher = topic(options).publisher().value();
    for (int i = 0; i < 500; ++i) publisher.publish(std::to_string(i)).value();
  });
  ASSERT_TRUE(test::eventually([&] { return subscriber.lag() >= 16 && writer.asleep(); }));
  for (int i = 0; i < 500; ++i) ASSERT_EQ(subscriber.take().text(), std::to_string(i));
  EXPECT_EQ(writer.wait(), 0);
}

TEST_P(Publish, FullTopicDropsAndCounts) {
  const auto bytes = topic({.depth = 16});
  auto subscriber = bytes.subscriber().value();
  auto publisher = bytes.publisher({.when_full = WhenFull::drop}).value();
  for (int i = 0; i < 1000; ++i) publisher.publish("x").value();
  std::uint64_t taken = 0;
  while (subscriber.try_take()) ++taken;
  EXPECT_GE(taken, 16U);
  EXPECT_EQ(publisher.dropped(), 1000 - taken);
  EXPECT_EQ(bytes.info().dropped, 1000 - taken);
  EXPECT_EQ(subscriber.lost(), 0U) << "what was dropped never had a sequence";
}

TEST_P(Publish, FullBatchSaysHowManyWentOut) {
  const auto notes = topic<Note>({.depth = 16});
  auto subscriber = notes.subscriber().value();
  auto publisher = notes.publisher({.when_full = WhenFull::fail}).value();
  const std::vector<Note> batch(100, Note::of(1, 1));
  const std::size_t sent = publisher.publish_batch(batch).value();
  EXPECT_GE(sent, 16U);
  EXPECT_LT(sent, 100U);
  EXPECT_EQ(publisher.publish_batch(batch).error(), Code::full);
  std::size_t taken = 0;
  while (subscriber.try_take()) ++taken;
  EXPECT_EQ(taken, sent);
  EXPECT_EQ(publisher.publish_batch(std::span<const Note>()).value(), 0U);
}

TEST_P(Publish, ExhaustedPoolIsAFullTopicThatNamesWhoHolds) {
  const auto bytes = topic({.max_message_bytes = 10'000, .pool_bytes = 50'000});
  auto subscriber = bytes.subscriber().value();
  auto publisher = bytes.publisher({.when_full = WhenFull::fail}).value();
  std::vector<Message<>> held;
  Result<void> result;
  while ((result = publisher.publish(std::string(10'000, 'x')))) {
    held.push_back(subscriber.try_take());
    ASSERT_LT(held.size(), 10U);
  }
  EXPECT_EQ(result.error(), Code::full);
  EXPECT_THAT(result.error().message(), HasSubstr("no payload memory"));
  EXPECT_THAT(result.error().message(), HasSubstr("pool_bytes"));
  EXPECT_THAT(result.error().message(), HasSubstr("pid " + std::to_string(getpid())));
  for (const auto& message : held) EXPECT_EQ(message.text(), std::string(10'000, 'x'));
  held.clear();
  EXPECT_TRUE(publisher.publish(std::string(10'000, 'y')));
}

TEST_P(Publish, TooLargeMessagesAndKeysAreRefusedAndNothingElseSuffers) {
  const auto bytes = topic({.max_message_bytes = 1000});
  auto subscriber = bytes.subscriber().value();
  auto publisher = bytes.publisher().value();
  publisher.publish(std::string(1000, 'x')).value();
  const auto large = publisher.publish(std::string(1001, 'x'));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error(), Code::too_large);
  EXPECT_THAT(large.error().message(), HasSubstr("topic notes: a message of 1001 bytes"));
  EXPECT_THAT(large.error().message(), HasSubstr("limit of 1000"));
  EXPECT_THAT(large.error().message(), HasSubstr("max_message_bytes"));
  EXPECT_EQ(publisher.loan(1001).error(), Code::too_large);
  const auto key = publisher.publish("x", {.key = std::string(256, 'k')});
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error(), Code::invalid_argument);
  EXPECT_THAT(key.error().message(),
              HasSubstr("topic notes: the attribute key is 256 bytes long; at most 255"));
  publisher.publish("last").value();
  EXPECT_EQ(subscriber.try_take().bytes().size(), 1000U);
  EXPECT_EQ(subscriber.try_take().text(), "last");
}

TEST_P(Publish, LoanWhosePublishingFailedCanBePublishedAgain) {
  const auto large = topic({.depth = 16});
  auto subscriber = large.subscriber().value();
  auto publisher = large.publisher({.when_full = WhenFull::fail}).value();
  auto loan = publisher.loan(100).value();
  std::memcpy(loan.bytes().data(), "kept", 4);
  std::uint64_t sent = 0;
  while (publisher.publish("filler")) ++sent;
  const auto refused = publisher.publish(std::move(loan));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Code::full);
  std::uint64_t read = 0;
  while (subscriber.try_take()) ++read;
  EXPECT_EQ(read, sent);
  publisher.publish(std::move(loan)).value();
  const auto message = subscriber.try_take();
  ASSERT_TRUE(message);
  EXPECT_EQ(message.bytes().size(), 100U);
  EXPECT_EQ(message.text().substr(0, 4), "kept");
}

INSTANTIATE_TEST_SUITE_P(Kinds, Publish, testing::Values(Publishers::one, Publishers::many),
                         [](const auto& kind) {
                           return kind.param == Publishers::one ? "one" : "many";
                         });

}  // namespace
}  // namespace tow
