#include "topic_trie.hpp"

#include <utility>

namespace tow {
namespace {

constexpr std::uint64_t kBasis = 0xCBF2'9CE4'8422'2325, kPrime = 0x0000'0100'0000'01B3;

/// FNV-1a (Fowler, Noll, Vo): words are short, and are read byte by byte in any case.
std::uint64_t fold(std::uint64_t hash, char c) {
  return (hash ^ static_cast<unsigned char>(c)) * kPrime;
}

/// Calls visit(word, hash) for each word. The empty key has none, "a." has two.
template <class Visit>
void for_each_word(std::string_view key, Visit&& visit) {
  if (key.empty()) return;
  std::size_t begin = 0;
  std::uint64_t hash = kBasis;
  for (std::size_t at = 0; at < key.size(); ++at) {
    if (key[at] != '.') {
      hash = fold(hash, key[at]);
      continue;
    }
    visit(key.substr(begin, at - begin), hash);
    begin = at + 1;
    hash = kBasis;
  }
  visit(key.substr(begin), hash);
}

std::uint64_t mixed(std::uint32_t from, std::uint64_t hash) {
  hash = (hash ^ from) * 0x9E37'79B9'7F4A'7C15;
  return hash ^ hash >> 32;
}

}  // namespace

TopicTrie::TopicTrie() : nodes_(1), edges_(16) {}

TopicTrie::NodeIndex TopicTrie::make_node(bool takes_any) {
  nodes_.emplace_back().takes_any = takes_any;
  return static_cast<NodeIndex>(nodes_.size() - 1);
}

/// Where the edge is, or would go. There is always a free place.
std::size_t TopicTrie::place(NodeIndex from, std::string_view word, std::uint64_t hash) const {
  const std::size_t mask = edges_.size() - 1;
  std::size_t at = mixed(from, hash) & mask;
  while (edges_[at].to != 0 &&
         !(edges_[at].hash == hash && edges_[at].from == from && edges_[at].word == word)) {
    at = (at + 1) & mask;
  }
  return at;
}

TopicTrie::NodeIndex TopicTrie::child(NodeIndex from, std::string_view word,
                                      std::uint64_t hash) const {
  return edges_[place(from, word, hash)].to;
}

void TopicTrie::grow() {
  std::vector<Edge> old(edges_.size() * 2);
  old.swap(edges_);
  for (Edge& edge : old) {
    if (edge.to == 0) continue;
    Edge& home = edges_[place(edge.from, edge.word, edge.hash)];
    home = std::move(edge);
  }
}

TopicTrie::NodeIndex TopicTrie::make_child(NodeIndex from, std::string_view word) {
  if (word == "*" || word == "#") {
    const bool star = word == "*";
    NodeIndex known = star ? nodes_[from].star : nodes_[from].hash;
    if (known == 0) {
      known = make_node(!star);
      (star ? nodes_[from].star : nodes_[from].hash) = known;
    }
    return known;
  }
  std::uint64_t hash = kBasis;
  for (const char c : word) hash = fold(hash, c);
  if (const NodeIndex known = child(from, word, hash); known != 0) return known;
  if (edge_count_ * 2 >= edges_.size()) grow();
  const NodeIndex made = make_node(false);
  edges_[place(from, word, hash)] = {hash, from, made, std::string(word)};
  ++edge_count_;
  return made;
}

void TopicTrie::add(const Binding& pattern, Target target) {
  NodeIndex at = 0;
  for_each_word(pattern.key, [&](std::string_view word, std::uint64_t) {
    // "#.#" is "#": a place from which '#' leads is enough for both.
    if (word == "#" && nodes_[at].takes_any) return;
    at = make_child(at, word);
  });
  nodes_[at].targets.push_back(target);
}

/// Among the places of this step, and where '#' leads from there without a word.
void TopicTrie::stand_at(NodeIndex node) {
  while (nodes_[node].step != step_) {
    nodes_[node].step = step_;
    next_.push_back(node);
    if (nodes_[node].hash == 0) return;
    node = nodes_[node].hash;
  }
}

void TopicTrie::advance(std::string_view word, std::uint64_t hash) {
  now_.swap(next_);
  next_.clear();
  ++step_;
  for (const NodeIndex at : now_) {
    if (nodes_[at].takes_any) stand_at(at);
    if (nodes_[at].star != 0) stand_at(nodes_[at].star);
    if (const NodeIndex to = child(at, word, hash); to != 0) stand_at(to);
  }
}

void TopicTrie::match(std::string_view routing_key, const Headers&, std::vector<Target>& found) {
  next_.clear();
  ++step_;
  stand_at(0);
  for_each_word(routing_key, [this](std::string_view word, std::uint64_t hash) {
    if (!next_.empty()) advance(word, hash);
  });
  for (const NodeIndex at : next_) {
    found.insert(found.end(), nodes_[at].targets.begin(), nodes_[at].targets.end());
  }
}

}  // namespace tow
