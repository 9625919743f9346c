// What is compiled for speed against what is written for clarity, over random bindings and
// messages.

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <set>

#include "bus/src/router.hpp"
#include "bus/src/topic_trie.hpp"

namespace tow {
namespace {

using Random = std::mt19937_64;

std::size_t draw(Random& random, std::size_t most) {
  return std::uniform_int_distribution<std::size_t>(0, most)(random);
}

// One thread matches: the thread sanitizer has nothing to see, and takes its time.
#ifdef __SANITIZE_THREAD__
constexpr int kRounds = 10;
#else
constexpr int kRounds = 300;
#endif

std::uint64_t seed() {
  const std::uint64_t seed = std::random_device{}();
  testing::Test::RecordProperty("seed", std::to_string(seed));
  return seed;
}

std::vector<std::string> words_of(const std::string& key) {
  std::vector<std::string> words;
  if (key.empty()) return words;
  std::size_t begin = 0;
  for (std::size_t dot = 0; (dot = key.find('.', begin)) != std::string::npos; begin = dot + 1) {
    words.push_back(key.substr(begin, dot - begin));
  }
  words.push_back(key.substr(begin));
  return words;
}

/// Word by word, as the rule says it.
bool naive_match(const std::vector<std::string>& pattern, std::size_t p,
                 const std::vector<std::string>& key, std::size_t k) {
  if (p == pattern.size()) return k == key.size();
  if (pattern[p] == "#") {
    return naive_match(pattern, p + 1, key, k) ||
           (k < key.size() && naive_match(pattern, p, key, k + 1));
  }
  return k < key.size() && (pattern[p] == "*" || pattern[p] == key[k]) &&
         naive_match(pattern, p + 1, key, k + 1);
}

std::string random_key(Random& random, const std::vector<std::string>& words, std::size_t longest) {
  std::string key;
  const std::size_t count = draw(random, longest);
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) key += '.';
    key += words[draw(random, words.size() - 1)];
  }
  return key;
}

TEST(TopicTrie, AgreesWithTheRuleOnRandomPatternsAndKeys) {
  const std::uint64_t used = seed();
  Random random(used);
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::string> patterns;
    std::vector<std::vector<std::string>> pattern_words;
    TopicTrie trie;
    for (std::size_t i = 0; i < 40; ++i) {
      patterns.push_back(random_key(random, {"a", "b", "*", "#", "*", "#", "", "longer"}, 5));
      pattern_words.push_back(words_of(patterns.back()));
      trie.add({Binding::To::queue, "q", patterns.back()}, static_cast<Target>(i));
    }
    for (int message = 0; message < 100; ++message) {
      const std::string key = random_key(random, {"a", "b", "c", "", "longer", "*", "#"}, 6);
      std::vector<Target> found;
      trie.match(key, {}, found);
      const std::set<Target> is(found.begin(), found.end());
      const auto key_words = words_of(key);
      std::set<Target> expected;
      for (std::size_t i = 0; i < patterns.size(); ++i) {
        if (naive_match(pattern_words[i], 0, key_words, 0)) {
          expected.insert(static_cast<Target>(i));
        }
      }
      ASSERT_EQ(is, expected) << "seed " << used << ", key \"" << key << "\", patterns "
                              << testing::PrintToString(patterns);
      ASSERT_EQ(is.size(), found.size()) << "a pattern was found twice; seed " << used;
    }
  }
}

TEST(TopicTrie, TakesTimeInProportionWhateverThePatterns) {
  // What a matcher that tries everything would take the age of the universe for.
  TopicTrie trie;
  std::string pattern, key;
  for (int i = 0; i < 60; ++i) pattern += i == 0 ? "#.a" : ".#.a";
  for (int i = 0; i < 120; ++i) key += i == 0 ? "a" : ".a";
  trie.add({Binding::To::queue, "q", pattern + ".b"}, 0);
  trie.add({Binding::To::queue, "q", pattern}, 1);
  std::vector<Target> found;
  trie.match(key, {}, found);
  EXPECT_THAT(found, testing::ElementsAre(1));
}

bool same(const HeaderValue& a, const HeaderValue& b) {
  const auto number = [](const HeaderValue& value) -> std::optional<double> {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      return static_cast<double>(*integer);
    }
    if (const auto* real = std::get_if<double>(&value)) return *real;
    return std::nullopt;
  };
  if (number(a) && number(b)) return *number(a) == *number(b);
  return a == b;
}

/// Binding by binding, as RabbitMQ's manual says it.
bool naive_headers_match(const Headers& arguments, const Headers& headers) {
  std::string match = "all";
  for (const Header& argument : arguments) {
    if (argument.name == "x-match") match = std::get<std::string>(argument.value);
  }
  const bool any = match.starts_with("any"), with_x = match.ends_with("-with-x");
  bool all_hold = true, one_holds = false;
  for (const Header& argument : arguments) {
    if (argument.name == "x-match" || (argument.name.starts_with("x-") && !with_x)) continue;
    const bool holds = std::any_of(headers.begin(), headers.end(), [&](const Header& header) {
      return header.name == argument.name &&
             (std::holds_alternative<std::nullptr_t>(argument.value) ||
              same(argument.value, header.value));
    });
    all_hold = all_hold && holds;
    one_holds = one_holds || holds;
  }
  return any ? one_holds : all_hold;
}

Headers random_headers(Random& random, std::size_t most) {
  const std::vector<std::string> names{"a", "b", "c", "x-d"};
  const std::vector<HeaderValue> values{nullptr, true, 1, 2, 1.0, 1.5, "1", "text"};
  Headers headers;
  for (std::size_t count = draw(random, most); count != 0; --count) {
    headers.add(names[draw(random, names.size() - 1)], values[draw(random, values.size() - 1)]);
  }
  return headers;
}

TEST(HeaderMatcher, AgreesWithTheRuleOnRandomArgumentsAndHeaders) {
  const std::uint64_t used = seed();
  Random random(used);
  const std::vector<std::string> kinds{"all", "any", "all-with-x", "any-with-x"};
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Headers> bindings;
    const auto matcher = Matcher::of(ExchangeKind::headers);
    for (Target target = 0; target < 30; ++target) {
      Headers arguments = random_headers(random, 3);
      if (const std::size_t kind = draw(random, kinds.size()); kind != kinds.size()) {
        arguments.add("x-match", kinds[kind]);
      }
      matcher->add({Binding::To::queue, "q", "", arguments}, target);
      bindings.push_back(std::move(arguments));
    }
    for (int message = 0; message < 100; ++message) {
      const Headers headers = random_headers(random, 4);
      std::vector<Target> found, expected;
      matcher->match("", headers, found);
      std::sort(found.begin(), found.end());
      for (Target target = 0; target < bindings.size(); ++target) {
        if (naive_headers_match(bindings[target], headers)) expected.push_back(target);
      }
      ASSERT_EQ(found, expected) << "seed " << used;
    }
  }
}

/// Queues q0 to q9 behind a topic exchange.
Router topic_router() {
  return Router::compile(
             "x",
             [](const std::string&) -> Result<std::optional<Router::Loaded>> {
               BindingTable table;
               table.kind = ExchangeKind::topic;
               for (std::uint64_t i = 0; i < 10; ++i) {
                 const std::string number = std::to_string(i);
                 table.bindings.push_back({{Binding::To::queue, "q" + number, "#." + number}, i});
               }
               return std::optional(Router::Loaded{std::move(table), 1});
             })
      .value();
}

TEST(Router, GivesTheSameAnswersFromItsMemoryAsFromItsTables) {
  Router router = topic_router();
  for (int round = 0; round < 3; ++round) {
    for (int key = 0; key < 5000; ++key) {  // more than it remembers
      const std::string text = std::to_string(key / 10) + '.' + std::to_string(key % 10);
      const auto routes = router.route(text, {});
      ASSERT_EQ(routes.size(), 1U) << text;
      EXPECT_EQ(router.queue(routes[0]).name, "q" + std::to_string(key % 10)) << text;
    }
  }
}

TEST(Router, RefusesAChainOfExchangesWithoutEnd) {
  const auto compiled =
      Router::compile("0", [](const std::string& name) -> Result<std::optional<Router::Loaded>> {
        BindingTable table;
        table.kind = ExchangeKind::fanout;
        const std::string next = std::to_string(std::stoull(name) + 1);
        table.bindings.push_back({{Binding::To::exchange, next}, 1});
        return std::optional(Router::Loaded{std::move(table), 1});
      });
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error(), Code::too_many);
  EXPECT_THAT(compiled.error().message(), testing::HasSubstr("unbind some"));
}

}  // namespace
}  // namespace tow
