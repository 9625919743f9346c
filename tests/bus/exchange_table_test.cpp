// The tables of exchanges, their limits, and queues that are not as they should be.

#include "tests/bus/exchanges.hpp"
#include "tests/support/expect_error.hpp"
#include "towpath/exchange.hpp"

namespace tow {
namespace {

using test::Exchanges;
using test::expect_error;
using test::Names;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

// --- tables ---

TEST_F(Exchanges, TheSameBindingTwiceIsOne) {
  queues({"q"});
  const Exchange x = bus_.exchange("x", {.kind = ExchangeKind::headers}).value();
  EXPECT_TRUE(x.bind("q", "k", {{"a", 1}}).value());
  EXPECT_FALSE(x.bind("q", "k", {{"a", 1}}).value());
  EXPECT_TRUE(x.bind("q", "k", {{"a", 2}}).value()) << "other arguments, another binding";
  EXPECT_TRUE(x.bind("q", "l", {{"a", 1}}).value()) << "another key, another binding";
  EXPECT_EQ(x.bindings().value().size(), 3U);
  EXPECT_TRUE(x.unbind("q", "k", {{"a", 1}}).value());
  EXPECT_FALSE(x.unbind("q", "k", {{"a", 1}}).value());
  EXPECT_THAT(x.bindings().value(), ElementsAre(Binding{Binding::To::queue, "q", "k", {{"a", 2}}},
                                                Binding{Binding::To::queue, "q", "l", {{"a", 1}}}));
}

TEST_F(Exchanges, AreListedAndSurviveTheirMakers) {
  const std::string odd = "caf\xC3\xA9/#1";
  queues({"q"});
  {
    const Bus other = place_.open();
    other.exchange(odd, {.kind = ExchangeKind::topic}).value().bind("q", "a.#").value();
    other.exchange("plain").value();
  }
  EXPECT_THAT(bus_.exchanges(), ElementsAre(odd, "plain"));
  const Exchange x = bus_.exchange(odd, {.create = false}).value();
  EXPECT_EQ(x.kind(), ExchangeKind::topic);
  EXPECT_EQ(x.name(), odd);
  EXPECT_EQ(x.bindings().value().at(0).key, "a.#");
}

TEST_F(Exchanges, OfAnotherKindIsAMismatchThatNamesBoth) {
  bus_.exchange("x", {.kind = ExchangeKind::topic, .alternate = "rest"}).value();
  EXPECT_TRUE(bus_.exchange("x"));
  expect_error(bus_.exchange("x", {.kind = ExchangeKind::direct}), Code::options_mismatch,
               "exchange x exists with kind topic", "asks for direct");
  expect_error(bus_.exchange("x", {.alternate = "other"}), Code::options_mismatch, "rest", "other");
  bus_.exchange("plain").value();
  EXPECT_EQ(bus_.exchange("plain").value().kind(), ExchangeKind::direct);
  expect_error(bus_.exchange("plain", {.alternate = "other"}), Code::options_mismatch, "none",
               "other");
}

TEST_F(Exchanges, WhatCannotBeIsRefusedWithTheRemedy) {
  queues({"q"});
  const Exchange x = bus_.exchange("x", {.kind = ExchangeKind::headers}).value();
  expect_error(x.bind("nobody"), Code::not_found, "queue nobody", "create it first");
  expect_error(x.bind_exchange("nobody"), Code::not_found, "exchange nobody", "create it first");
  expect_error(x.bind("q", std::string(256, 'k')), Code::invalid_argument, "256", "at most 255");
  expect_error(x.bind("q", "", {{"x-match", "some"}}), Code::invalid_argument, "x-match", "any");
  expect_error(x.bind("q", "", {{"x-match", 1}}), Code::invalid_argument, "x-match", "any");
  expect_error(x.bind("q", "", {{"", 1}}), Code::invalid_argument, "exchange x", "1 to 255 bytes");
  expect_error(x.bind("q", "", {{"a", std::string(65536, 'v')}}), Code::invalid_argument,
               "arguments", "at most 65535 are allowed");
  expect_error(bus_.exchange(""), Code::invalid_name, "exchange", "default_exchange");
  expect_error(bus_.exchange(std::string(256, 'n')), Code::invalid_name, "exchange", "too long");
  expect_error(bus_.exchange("y", {.alternate = std::string(300, 'n')}), Code::invalid_name,
               "exchange", "too long");
  expect_error(bus_.exchange("y", {.table_bytes = 100}), Code::invalid_argument, "exchange y",
               "4 KiB");
  expect_error(bus_.exchange("y", {.create = false}), Code::not_found, "no exchange y",
               "tow exchange ls");
  expect_error(bus_.remove_exchange("y"), Code::not_found, "no exchange y", "tow exchange ls");
  auto publisher = x.publisher().value();
  expect_error(publisher.publish(std::string(256, 'k'), "m"), Code::invalid_argument, "256",
               "at most 255");
}

TEST_F(Exchanges, AFullTableSaysHowToGetALargerOne) {
  queues({"q"});
  const Exchange x = bus_.exchange("x", {.kind = ExchangeKind::topic, .table_bytes = 4096}).value();
  Result<bool> bound = true;
  int count = 0;
  for (; bound && count < 1000; ++count) bound = x.bind("q", std::to_string(count) + ".#");
  expect_error(bound, Code::too_many, "exchange x", "table_bytes");
  EXPECT_GT(count, 150);
  EXPECT_TRUE(x.unbind("q", "0.#").value());
  EXPECT_TRUE(x.bind("q", "a").value()) << "there is room again";
}

// --- queues that are not as they should be ---

TEST_F(Exchanges, BindingsOfARemovedQueueGoAndANewQueueOfItsNameHasNone) {
  queues({"q", "other"});
  const Exchange x = bus_.exchange("x", {.kind = ExchangeKind::fanout}).value();
  x.bind("q").value();
  x.bind("other").value();
  auto publisher = x.publisher().value();
  EXPECT_EQ(route(publisher, ""), (Names{"other", "q"}));
  bus_.remove_topic("q").value();
  queues_.erase("q");
  EXPECT_EQ(route(publisher, ""), Names{"other"});
  EXPECT_THAT(x.bindings().value(), ElementsAre(Binding{Binding::To::queue, "other"}));
  queue("q");
  EXPECT_EQ(route(publisher, ""), Names{"other"});
  EXPECT_TRUE(x.bind("q").value());
  EXPECT_EQ(route(publisher, ""), (Names{"other", "q"}));
}

TEST_F(Exchanges, BindingsToARemovedExchangeGoAndItsPublishersEnd) {
  queues({"q"});
  const Exchange x = bus_.exchange("x", {.kind = ExchangeKind::fanout}).value();
  const Exchange y = bus_.exchange("y", {.kind = ExchangeKind::fanout}).value();
  x.bind_exchange("y").value();
  y.bind("q").value();
  auto to_x = x.publisher().value(), to_y = y.publisher().value();
  EXPECT_EQ(route(to_x, ""), Names{"q"});
  bus_.remove_exchange("y").value();
  EXPECT_THAT(x.bindings().value(), IsEmpty());
  EXPECT_EQ(route(to_x, ""), Names{});
  expect_error(to_y.publish("", "m"), Code::removed, "exchange y", "create it anew");
  expect_error(y.bind("q"), Code::not_found, "no exchange y", "tow exchange ls");
  const Exchange again = bus_.exchange("y", {.kind = ExchangeKind::fanout}).value();
  again.bind("q").value();
  EXPECT_EQ(route(to_x, ""), Names{}) << "another exchange of that name";
}

TEST_F(Exchanges, AFullQueueHoldsUpNoOther) {
  const Exchange x = bus_.exchange("x", {.kind = ExchangeKind::fanout}).value();
  queue("small", {.depth = 16});
  queue("large", {.depth = 1024});
  x.bind("small").value();
  x.bind("large").value();
  auto failing = x.publisher({.when_full = WhenFull::fail}).value();
  int sent = 0;
  while (failing.publish("", "m")) ASSERT_LT(++sent, 100);
  EXPECT_EQ(failing.reached(), 1U) << "the large one got it all the same";
  expect_error(failing.publish("", "m"), Code::full, "topic small", "let it read on");
  auto waiting = x.publisher({.wait_at_most = 1ms}).value();
  expect_error(waiting.publish("", "m"), Code::timed_out, "topic small", "let it read on");
  EXPECT_EQ(waiting.reached(), 1U);
  auto dropping = x.publisher({.when_full = WhenFull::drop}).value();
  EXPECT_EQ(dropping.publish("", "m").value(), 1U);
  EXPECT_EQ(dropping.dropped(), 1U);
  EXPECT_EQ(queues_.at("large").try_take().sequence(), 1U);
  EXPECT_EQ(bus_.topic_as_bytes("large").value().last_sequence(),
            static_cast<std::uint64_t>(sent) + 4);
}

TEST_F(Exchanges, TheRestOfAMessageGoesToTheQueuesThatWereFullAlone) {
  const Exchange x = bus_.exchange("x", {.kind = ExchangeKind::fanout}).value();
  queue("small", {.depth = 16});
  queue("large", {.depth = 1024});
  bus_.topic<std::uint64_t>("typed").value();
  for (const char* const name : {"small", "large"}) x.bind(name).value();
  auto publisher = x.publisher({.wait_at_most = 0ns}).value();
  Result<std::size_t> sent = 0;
  for (int i = 0; i < 100 && sent; ++i) sent = publisher.publish("", "m", {.content_type = "text"});
  EXPECT_EQ(sent.error(), Code::timed_out);
  expect_error(publisher.publish_rest({}, 1ms), Code::timed_out, "topic small", "let it read on");
  EXPECT_EQ(publisher.reached(), 1U);
  while (queues_.at("small").try_take()) {
  }
  const auto last = bus_.topic_as_bytes("large").value().last_sequence();
  EXPECT_EQ(publisher.publish_rest(std::as_bytes(std::span("m", 1)), 0ns).value(), 2U);
  const auto rest = queues_.at("small").try_take();
  EXPECT_EQ(rest.text(), "m");
  EXPECT_EQ(rest.content_type(), "text");
  EXPECT_EQ(publisher.publish_rest(std::as_bytes(std::span("m", 1)), 0ns).value(), 2U)
      << "nothing is left to send";
  EXPECT_FALSE(queues_.at("small").try_take());
  EXPECT_EQ(bus_.topic_as_bytes("large").value().last_sequence(), last);

  x.bind("typed").value();  // another queue's fault is told once nobody is full
  sent = std::size_t{0};
  for (int i = 0; i < 100 && (sent || sent.error() != Code::timed_out); ++i) {
    sent = publisher.publish("", "m");
  }
  EXPECT_EQ(sent.error(), Code::timed_out);
  while (queues_.at("small").try_take()) {
  }
  expect_error(publisher.publish_rest(std::as_bytes(std::span("m", 1)), 0ns), Code::type_mismatch,
               "queue typed", "publish its type");
  EXPECT_EQ(publisher.reached(), 2U);
}

TEST_F(Exchanges, AQueueOfATypeTakesItsTypeAlone) {
  bus_.topic<std::uint64_t>("typed").value();
  queues({"bytes"});
  const Exchange x = bus_.exchange("x", {.kind = ExchangeKind::fanout}).value();
  x.bind("typed").value();
  x.bind("bytes").value();
  auto publisher = x.publisher().value();
  EXPECT_EQ(publisher.publish("", std::string(8, 'x')).value(), 2U);
  expect_error(publisher.publish("", "m"), Code::type_mismatch, "queue typed", "unbind it");
  EXPECT_EQ(publisher.reached(), 1U);
}

TEST_F(Exchanges, AnObservingBusMayLookAndNotChange) {
  queues({"q"});
  bus_.exchange("x").value().bind("q", "k").value();
  const Bus observer = place_.open({.create = false, .observe = true});
  const Exchange x = observer.exchange("x").value();
  EXPECT_EQ(x.bindings().value().size(), 1U);
  expect_error(x.bind("q", "l"), Code::no_permission, "look only", "without `observe`");
  expect_error(observer.remove_exchange("x"), Code::no_permission, "look only", "observe");
  expect_error(observer.exchange("new"), Code::not_found, "no exchange new", "tow exchange ls");
}

TEST_F(Exchanges, GoWithTheirBus) {
  queues({"q"});
  bus_.exchange("x").value().bind("q", "k").value();
  queues_.clear();
  bus_ = test::TempBus().open();  // leaves the other
  EXPECT_TRUE(Bus::remove(place_.name()));
  bus_ = place_.open();
  EXPECT_THAT(bus_.exchanges(), IsEmpty());
}

}  // namespace
}  // namespace tow
