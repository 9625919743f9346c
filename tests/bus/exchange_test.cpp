// Where messages go: each kind of exchange, exchanges bound to exchanges, and what RabbitMQ says.

#include "towpath/exchange.hpp"

#include "tests/bus/exchanges.hpp"
#include "tests/support/expect_error.hpp"

namespace tow {
namespace {

using test::Exchanges;
using test::expect_error;
using test::Names;
using testing::IsEmpty;

TEST_F(Exchanges, DirectGoesToQueuesBoundWithTheRoutingKey) {
  queues({"errors", "all", "other"});
  const Exchange logs = bus_.exchange("logs", {.kind = ExchangeKind::direct}).value();
  EXPECT_TRUE(logs.bind("errors", "error").value());
  EXPECT_TRUE(logs.bind("all", "error").value());
  EXPECT_TRUE(logs.bind("all", "info").value());
  auto publisher = logs.publisher().value();
  EXPECT_EQ(route(publisher, "error"), (Names{"all", "errors"}));
  EXPECT_EQ(route(publisher, "info"), Names{"all"});
  EXPECT_EQ(route(publisher, "warning"), Names{});
  EXPECT_EQ(route(publisher, ""), Names{});
}

TEST_F(Exchanges, FanoutGoesToEveryQueueWhateverTheKeys) {
  queues({"a", "b"});
  const Exchange news = bus_.exchange("news", {.kind = ExchangeKind::fanout}).value();
  news.bind("a", "ignored").value();
  news.bind("b").value();
  auto publisher = news.publisher().value();
  EXPECT_EQ(route(publisher, "any"), (Names{"a", "b"}));
  EXPECT_EQ(route(publisher, ""), (Names{"a", "b"}));
}

TEST_F(Exchanges, AQueueBoundTwiceGetsAMessageOnce) {
  queues({"q"});
  const Exchange x = bus_.exchange("x", {.kind = ExchangeKind::topic}).value();
  for (const char* const pattern : {"#", "a.*", "*.b", "a.b"}) x.bind("q", pattern).value();
  auto publisher = x.publisher().value();
  EXPECT_EQ(route(publisher, "a.b"), Names{"q"});  // arrived() counts
}

TEST_F(Exchanges, TheRoutingKeyTravelsAsTheMessagesKeyUnlessTurnedOff) {
  queues({"q"});
  const Exchange x = bus_.exchange("x", {.kind = ExchangeKind::fanout}).value();
  x.bind("q").value();
  x.publisher().value().publish("quick.orange", "m").value();
  x.publisher({.carry_routing_key = false}).value().publish("quick.orange", "m").value();
  EXPECT_EQ(queues_.at("q").try_take().key(), "quick.orange");
  EXPECT_EQ(queues_.at("q").try_take().key(), "");
}

TEST_F(Exchanges, TheDefaultExchangeGoesToTheQueueThatTheRoutingKeyNames) {
  queues({"tasks", "other"});
  const Exchange exchange = bus_.default_exchange();
  EXPECT_EQ(exchange.name(), "");
  auto publisher = exchange.publisher().value();
  EXPECT_EQ(route(publisher, "tasks"), Names{"tasks"});
  EXPECT_EQ(route(publisher, "nobody"), Names{});
  EXPECT_EQ(route(publisher, ""), Names{});
  queue("nobody");  // made later
  EXPECT_EQ(route(publisher, "nobody"), Names{"nobody"});
  bus_.remove_topic("tasks").value();
  queues_.erase("tasks");
  EXPECT_EQ(route(publisher, "tasks"), Names{});
  queue("tasks");  // another of the same name
  EXPECT_EQ(route(publisher, "tasks"), Names{"tasks"});
  expect_error(exchange.bind("tasks"), Code::invalid_argument, "default exchange", "by its name");
  expect_error(exchange.unbind("tasks"), Code::invalid_argument, "default exchange", "undone");
  EXPECT_THAT(exchange.bindings().value(), IsEmpty());
}

TEST_F(Exchanges, UnroutableIsAnAnswerAndAnErrorOnlyWhenMandatory) {
  queues({"q"});
  const Exchange x = bus_.exchange("x").value();
  x.bind("q", "k").value();
  EXPECT_EQ(x.publisher().value().publish("nowhere", "m").value(), 0U);
  auto strict = x.publisher({.mandatory = true}).value();
  EXPECT_EQ(strict.publish("k", "m").value(), 1U);
  expect_error(strict.publish("nowhere", "m"), Code::unroutable, "exchange x", "bind one");
  auto by_name = bus_.default_exchange().publisher({.mandatory = true}).value();
  expect_error(by_name.publish("nowhere", "m"), Code::unroutable, "nowhere", "bind one");
}

// --- exchanges bound to exchanges ---

TEST_F(Exchanges, AMessageGoesOnToBoundExchangesWhichEvaluateTheirOwnBindings) {
  queues({"direct", "topic"});
  const Exchange first = bus_.exchange("first", {.kind = ExchangeKind::fanout}).value();
  const Exchange second = bus_.exchange("second", {.kind = ExchangeKind::topic}).value();
  first.bind("direct").value();
  first.bind_exchange("second").value();
  second.bind("topic", "a.#").value();
  auto publisher = first.publisher().value();
  EXPECT_EQ(route(publisher, "a.b"), (Names{"direct", "topic"}));
  EXPECT_EQ(route(publisher, "b"), Names{"direct"});
  EXPECT_TRUE(first.unbind_exchange("second").value());
  EXPECT_EQ(route(publisher, "a.b"), Names{"direct"});
}

TEST_F(Exchanges, ACircleOfExchangesEnds) {
  queues({"q1", "q2", "q3"});
  std::vector<Exchange> ring;
  for (const char* const name : {"x1", "x2", "x3"}) {
    ring.push_back(bus_.exchange(name, {.kind = ExchangeKind::fanout}).value());
  }
  for (std::size_t i = 0; i < 3; ++i) {
    ring[i].bind_exchange(ring[(i + 1) % 3].name()).value();
    ring[i].bind_exchange(ring[i].name()).value();  // and to itself
    ring[i].bind("q" + std::to_string(i + 1)).value();
  }
  auto publisher = ring[1].publisher().value();
  EXPECT_EQ(route(publisher, "k"), (Names{"q1", "q2", "q3"}));
}

TEST_F(Exchanges, TheAlternateExchangeGetsWhatNoBindingMatches) {
  queues({"known", "rest"});
  const Exchange x =
      bus_.exchange("x", {.kind = ExchangeKind::direct, .alternate = "unmatched"}).value();
  EXPECT_EQ(x.alternate(), "unmatched");
  x.bind("known", "k").value();
  auto publisher = x.publisher().value();
  EXPECT_EQ(route(publisher, "other"), Names{});  // it need not exist yet
  const Exchange unmatched = bus_.exchange("unmatched", {.kind = ExchangeKind::fanout}).value();
  unmatched.bind("rest").value();
  EXPECT_EQ(route(publisher, "other"), Names{"rest"});
  EXPECT_EQ(route(publisher, "k"), Names{"known"});
  bus_.remove_exchange("unmatched").value();
  EXPECT_EQ(route(publisher, "other"), Names{});
}

// --- RabbitMQ's own examples ---

/// The tutorial on topics.
TEST_F(Exchanges, TopicRoutesTheAnimalsOfTheTutorial) {
  queues({"Q1", "Q2"});
  const Exchange animals = bus_.exchange("animals", {.kind = ExchangeKind::topic}).value();
  animals.bind("Q1", "*.orange.*").value();
  animals.bind("Q2", "*.*.rabbit").value();
  animals.bind("Q2", "lazy.#").value();
  auto publisher = animals.publisher().value();
  const std::map<std::string, Names> expected{{"quick.orange.rabbit", {"Q1", "Q2"}},
                                              {"lazy.orange.elephant", {"Q1", "Q2"}},
                                              {"quick.orange.fox", {"Q1"}},
                                              {"lazy.brown.fox", {"Q2"}},
                                              {"lazy.pink.rabbit", {"Q2"}},
                                              {"quick.brown.fox", {}},
                                              {"orange", {}},
                                              {"quick.orange.new.rabbit", {}},
                                              {"lazy.orange.new.rabbit", {"Q2"}}};
  for (const auto& [key, names] : expected) EXPECT_EQ(route(publisher, key), names) << key;
}

/// The table with which RabbitMQ's broker tests its own topic exchange.
TEST_F(Exchanges, TopicAgreesWithRabbitsOwnTable) {
  const std::vector<std::string> patterns{
      "a.b.c",         "a.*.c", "a.#.b", "a.b.b.c", "#",     "#.#",   "#.b", "*.*",  "a.*",
      "*.b.c",         "a.#",   "a.#.#", "b.b.c",   "a.b.b", "a.b",   "b.c", "",     "*.*.*",
      "vodka.martini", "a.b.c", "*.#",   "#.*.#",   "*.#.#", "#.#.#", "*",   "#.b.#"};
  const Exchange x = bus_.exchange("x", {.kind = ExchangeKind::topic}).value();
  const auto name_of = [](std::size_t number) { return "t" + std::to_string(number); };
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    queue(name_of(i + 1), {.depth = 16, .max_message_bytes = 64, .pool_bytes = 4096});
    x.bind(name_of(i + 1), patterns[i]).value();
  }
  auto publisher = x.publisher().value();
  const auto expect = [&](const std::string& key, const std::set<std::size_t>& numbers) {
    Names names;
    for (const std::size_t number : numbers) names.insert(name_of(number));
    EXPECT_EQ(route(publisher, key), names) << '"' << key << '"';
  };
  expect("a.b.c", {1, 2, 5, 6, 10, 11, 12, 18, 20, 21, 22, 23, 24, 26});
  expect("a.b", {3, 5, 6, 7, 8, 9, 11, 12, 15, 21, 22, 23, 24, 26});
  expect("a.b.b", {3, 5, 6, 7, 11, 12, 14, 18, 21, 22, 23, 24, 26});
  expect("", {5, 6, 17, 24});
  expect("b.c.c", {5, 6, 18, 21, 22, 23, 24, 26});
  expect("a.a.a.a.a", {5, 6, 11, 12, 21, 22, 23, 24});
  expect("vodka.gin", {5, 6, 8, 21, 22, 23, 24});
  expect("vodka.martini", {5, 6, 8, 19, 21, 22, 23, 24});
  expect("b.b.c", {5, 6, 10, 13, 18, 21, 22, 23, 24, 26});
  expect("nothing.here.at.all", {5, 6, 21, 22, 23, 24});
  expect("oneword", {5, 6, 21, 22, 23, 24, 25});
  for (const std::size_t gone : {1, 5, 11, 19, 21}) {
    EXPECT_TRUE(x.unbind(name_of(gone), patterns[gone - 1]).value());
  }
  expect("a.b.c", {2, 6, 10, 12, 18, 20, 22, 23, 24, 26});
  expect("a.b", {3, 6, 7, 8, 9, 12, 15, 22, 23, 24, 26});
  expect("", {6, 17, 24});
  expect("vodka.martini", {6, 8, 22, 23, 24});
  expect("oneword", {6, 22, 23, 24, 25});
}

// --- headers ---

class HeadersExchange : public Exchanges {
 protected:
  /// Whether a message with these headers goes to a queue bound with these arguments.
  bool matches(const Headers& arguments, const Headers& headers) {
    const std::string name = "x" + std::to_string(++count_);
    const Exchange x = bus_.exchange(name, {.kind = ExchangeKind::headers}).value();
    if (queues_.empty()) queue("q");
    x.bind("q", "", arguments).value();
    auto publisher = x.publisher().value();
    return route(publisher, "", headers) == Names{"q"};
  }
  int count_ = 0;
};

TEST_F(HeadersExchange, AllAsksForEveryArgumentAndAnyForOne) {
  const Headers pdf_report{{"format", "pdf"}, {"type", "report"}};
  for (const char* const all : {"all", "all-with-x"}) {
    Headers arguments = pdf_report;
    arguments.add("x-match", all);
    EXPECT_TRUE(matches(arguments, {{"type", "report"}, {"format", "pdf"}, {"more", 1}})) << all;
    EXPECT_FALSE(matches(arguments, {{"format", "pdf"}, {"type", "log"}})) << all;
    EXPECT_FALSE(matches(arguments, {{"format", "pdf"}})) << all;
    EXPECT_FALSE(matches(arguments, {})) << all;
  }
  for (const char* const any : {"any", "any-with-x"}) {
    Headers arguments = pdf_report;
    arguments.add("x-match", any);
    EXPECT_TRUE(matches(arguments, {{"format", "pdf"}, {"type", "log"}})) << any;
    EXPECT_TRUE(matches(arguments, {{"type", "report"}})) << any;
    EXPECT_FALSE(matches(arguments, {{"format", "zip"}, {"type", "log"}})) << any;
    EXPECT_FALSE(matches(arguments, {})) << any;
  }
  EXPECT_TRUE(matches(pdf_report, pdf_report)) << "all is what counts without x-match";
  EXPECT_FALSE(matches(pdf_report, {{"format", "pdf"}}));
}

TEST_F(HeadersExchange, NoArgumentMatchesAllAndNeverAny) {
  EXPECT_TRUE(matches({}, {}));
  EXPECT_TRUE(matches({}, {{"a", 1}}));
  EXPECT_TRUE(matches({{"x-match", "all"}}, {{"a", 1}}));
  EXPECT_FALSE(matches({{"x-match", "any"}}, {{"a", 1}}));
  EXPECT_FALSE(matches({{"x-match", "any"}}, {}));
}

TEST_F(HeadersExchange, NamesThatStartWithXCountOnlyWhereTheBindingSaysSo) {
  const auto with = [](const char* match) {
    return Headers{{"x-match", match}, {"x-tenant", "blue"}, {"a", 1}};
  };
  EXPECT_TRUE(matches(with("all"), {{"a", 1}}));
  EXPECT_FALSE(matches(with("all-with-x"), {{"a", 1}}));
  EXPECT_TRUE(matches(with("all-with-x"), {{"a", 1}, {"x-tenant", "blue"}}));
  EXPECT_FALSE(matches(with("any"), {{"x-tenant", "blue"}}));
  EXPECT_TRUE(matches(with("any-with-x"), {{"x-tenant", "blue"}}));
  EXPECT_FALSE(matches(with("any-with-x"), {{"x-match", "any-with-x"}})) << "x-match never counts";
}

TEST_F(HeadersExchange, AnArgumentWithoutAValueAsksForTheHeaderAlone) {
  EXPECT_TRUE(matches({{"a", nullptr}}, {{"a", "whatever"}}));
  EXPECT_TRUE(matches({{"a", nullptr}}, {{"a", nullptr}}));
  EXPECT_FALSE(matches({{"a", nullptr}}, {{"b", 1}}));
  EXPECT_FALSE(matches({{"a", 1}}, {{"a", nullptr}}));
}

TEST_F(HeadersExchange, NumbersCompareByValueAndTextAndBytesByTheirBytes) {
  const std::vector<std::byte> bytes{std::byte{'1'}};
  EXPECT_TRUE(matches({{"n", 1}}, {{"n", 1.0}}));
  EXPECT_TRUE(matches({{"n", -0.0}}, {{"n", 0}}));
  EXPECT_FALSE(matches({{"n", 1}}, {{"n", 1.5}}));
  EXPECT_TRUE(matches({{"n", 1.5}}, {{"n", 1.5}}));
  EXPECT_TRUE(matches({{"n", 1e300}}, {{"n", 1e300}}));
  EXPECT_FALSE(matches({{"n", 1}}, {{"n", true}}));
  EXPECT_FALSE(matches({{"n", 1}}, {{"n", "1"}}));
  EXPECT_TRUE(matches({{"n", "1"}}, {{"n", bytes}}));
  EXPECT_FALSE(matches({{"n", ""}}, {{"n", nullptr}}));
}

TEST_F(HeadersExchange, TheSameArgumentTwiceAsksOnce) {
  EXPECT_TRUE(matches({{"a", 1}, {"a", 1}}, {{"a", 1}}));
  EXPECT_TRUE(matches({{"a", 1}, {"b", 2}}, {{"a", 1}, {"a", 1}, {"b", 2}}));
  EXPECT_FALSE(matches({{"a", 1}, {"b", 2}}, {{"a", 1}, {"a", 1}}));
}

}  // namespace
}  // namespace tow
