#pragma once
/// Patterns of a topic exchange, all of them compiled into one tree of words.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "matcher.hpp"

namespace tow {

/// Matching costs a look-up for each word and each place in the tree where the words so far may
/// stand: bounded by words times patterns, whatever the patterns are. Private to a process.
class TopicTrie final : public Matcher {
 public:
  TopicTrie();
  void add(const Binding& pattern, Target target) override;
  void match(std::string_view routing_key, const Headers& headers,
             std::vector<Target>& found) override;

 private:
  using NodeIndex = std::uint32_t;  // 0, the root, is nobody's child: "none"
  struct Node {
    NodeIndex star = 0, hash = 0;
    bool takes_any = false;  ///< reached by '#': any further word leads here again
    std::uint64_t step = 0;  ///< the last one at which it was among `next_`
    std::vector<Target> targets;
  };
  /// From a node by a word; in a table of open addressing.
  struct Edge {
    std::uint64_t hash = 0;
    NodeIndex from = 0, to = 0;
    std::string word;
  };

  NodeIndex make_child(NodeIndex from, std::string_view word);
  NodeIndex make_node(bool takes_any);
  NodeIndex child(NodeIndex from, std::string_view word, std::uint64_t hash) const;
  std::size_t place(NodeIndex from, std::string_view word, std::uint64_t hash) const;
  void grow();
  void stand_at(NodeIndex node);
  void advance(std::string_view word, std::uint64_t hash);

  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  std::size_t edge_count_ = 0;
  std::vector<NodeIndex> now_, next_;
  std::uint64_t step_ = 0;
};

}  // namespace tow
