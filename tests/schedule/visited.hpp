#pragma once
/// The states from which everything was searched, and with how many preemptions left: a flat hash
/// table, because there are millions of them. A state is known by 64 bits of hash.

#include <cstdint>
#include <utility>
#include <vector>

namespace tow::schedule {

class Visited {
 public:
  /// False when `state` was there with at least as many left; otherwise it now is.
  bool enter(std::uint64_t state, int left) {
    if (2 * (count_ + 1) > table_.size()) grow();
    Entry& entry = find(state | 1);  // 0 is an empty place
    if (entry.state != 0 && entry.left >= left) return false;
    if (entry.state == 0) ++count_;
    entry = {state | 1, left};
    return true;
  }
  void clear() { table_.clear(), count_ = 0; }
  std::size_t size() const { return count_; }

 private:
  struct Entry {
    std::uint64_t state = 0;
    int left = 0;
  };
  Entry& find(std::uint64_t state) {
    std::size_t at = state >> 1 & (table_.size() - 1);
    while (table_[at].state != 0 && table_[at].state != state) at = (at + 1) & (table_.size() - 1);
    return table_[at];
  }
  void grow() {
    const std::vector<Entry> old =
        std::exchange(table_, std::vector<Entry>(table_.empty() ? 1 << 12 : table_.size() * 2));
    for (const Entry& entry : old) {
      if (entry.state != 0) find(entry.state) = entry;
    }
  }

  std::vector<Entry> table_;
  std::size_t count_ = 0;
};

}  // namespace tow::schedule
