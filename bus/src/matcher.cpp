#include "matcher.hpp"

#include <string>
#include <unordered_map>

#include "header_matcher.hpp"
#include "topic_trie.hpp"

namespace tow {
namespace {

class Fanout final : public Matcher {
 public:
  void add(const Binding&, Target target) override { targets_.push_back(target); }
  void match(std::string_view, const Headers&, std::vector<Target>& found) override {
    found.insert(found.end(), targets_.begin(), targets_.end());
  }

 private:
  std::vector<Target> targets_;
};

class Direct final : public Matcher {
 public:
  void add(const Binding& binding, Target target) override {
    targets_[binding.key].push_back(target);
  }
  void match(std::string_view routing_key, const Headers&, std::vector<Target>& found) override {
    const auto bound = targets_.find(routing_key);
    if (bound == targets_.end()) return;
    found.insert(found.end(), bound->second.begin(), bound->second.end());
  }

 private:
  struct Hash {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's name
    std::size_t operator()(std::string_view text) const { return hash_of(text); }
  };
  std::unordered_map<std::string, std::vector<Target>, Hash, std::equal_to<>> targets_;
};

}  // namespace

std::uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>{}(text); }

std::unique_ptr<Matcher> Matcher::of(ExchangeKind kind) {
  switch (kind) {
    case ExchangeKind::fanout:
      return std::make_unique<Fanout>();
    case ExchangeKind::topic:
      return std::make_unique<TopicTrie>();
    case ExchangeKind::headers:
      return std::make_unique<HeaderMatcher>();
    default:
      return std::make_unique<Direct>();
  }
}

}  // namespace tow
