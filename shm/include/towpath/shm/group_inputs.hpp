#pragma once
/// A group's words as settlements use them.

#include <cstdint>

#include "towpath/shm/group_tables.hpp"
#include "towpath/shm/record.hpp"

namespace tow::shm {

/// Not thread-safe. What it was made from must outlive it, unless the file was given to it.
/// Dies anywhere: each call is one exchange; the record says what is left.
class GroupInputs final : public SettledInputs {
 public:
  explicit GroupInputs(const GroupTables& tables, Segment file = {})
      : file_(std::move(file)), tables_(tables) {}

  bool begin(const RecordInput& input, std::uint32_t settler) override;
  void undo(const RecordInput& input, std::uint32_t settler) override;
  void finish(const RecordInput& input, std::uint32_t settler) override;
  void fail(const RecordInput& input, std::uint32_t settler) override;
  void announce() override;

 private:
  static GroupWord settling(const RecordInput& input, std::uint32_t settler);
  std::uint64_t index_of(const RecordInput& input) const {
    return input.sequence & (tables_.slot_count() - 1);
  }
  Atomic<std::uint64_t>& word_of(const RecordInput& input) const {
    return tables_.words[index_of(input)];
  }
  bool change(const RecordInput& input, GroupWord from, std::uint64_t to) const;

  Segment file_;
  GroupTables tables_;
  bool returned_ = false;  ///< something became ready again
};

}  // namespace tow::shm
