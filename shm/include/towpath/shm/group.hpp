#pragma once
/// A group's file, mapped, and its low mark. Consumers work on it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "towpath/shm/group_tables.hpp"
#include "towpath/shm/reader.hpp"
#include "towpath/shm/ring.hpp"

namespace tow::shm {

/// Handle of one group of a topic. Shared by the consumers of one process; thread-safe. The group
/// is as long as it has its file; it needs no process.
class Group {
 public:
  /// Makes the group, or opens it if it exists with the same options. `name` is a file name.
  /// Errors: options_mismatch, too_many (reader pages), no_permission, no_space, removed.
  static Result<std::shared_ptr<Group>> create(const std::shared_ptr<Ring>& ring,
                                               const std::string& name,
                                               const GroupOptionsLayout& options, StartAt start);
  /// Opens a group. Errors: not_found, no_permission, corrupt, removed, half_made (its maker lives
  /// and has not finished within a second).
  static Result<std::shared_ptr<Group>> open(std::shared_ptr<Ring> ring, const std::string& name,
                                             Access access = Access::read_write);
  Group(const Group&) = delete;

  Ring& ring() const { return *ring_; }
  const std::shared_ptr<Ring>& shared_ring() const { return ring_; }
  /// Its file name, for paths and error texts.
  const std::string& name() const { return name_; }
  const GroupTables& tables() const { return tables_; }
  GroupPlace place() const { return {ring_->directory(), name_}; }
  GroupLayout& layout() const { return *tables_.layout; }
  const GroupOptionsLayout& options() const { return tables_.options; }
  GroupMode mode() const { return static_cast<GroupMode>(options().mode); }

  Atomic<std::uint64_t>& due(std::uint64_t sequence) const { return tables_.due[sequence & mask_]; }
  std::uint64_t slot_count() const { return mask_ + 1; }
  std::uint64_t lap_of(std::uint64_t sequence) const {
    return ((sequence >> slot_bits_) + 1) & GroupWord::kLapMask;  // 0 = never written
  }
  /// The word of `sequence`. One of an earlier lap or epoch says that nothing has happened yet. To
  /// who comes too late it is somebody else's: behind a lap the message is gone, which is as good
  /// as done; behind a seek it is `settling`, which nobody touches.
  SeenWord look(std::uint64_t sequence, std::uint32_t epoch) const {
    SeenWord seen = tables_.look(sequence & mask_);
    const GroupWord word = seen.means;
    const std::uint64_t lap = lap_of(sequence);
    if (word.lap == lap && word.epoch == epoch) return seen;
    seen.means = {.lap = lap, .epoch = epoch};
    seen.fresh = true;
    if (word.lap <= lap && (word.epoch == epoch || seen.bits == 0)) return seen;
    const bool overtaken = word.lap > lap;
    // Whoever wrote a word of a later epoch had seen the mark of that seek, so we see it, too.
    if (!overtaken && position().epoch == epoch) return seen;
    seen.means.state = overtaken ? WordState::done : WordState::settling;
    seen.fresh = false;
    return seen;
  }
  Atomic<std::uint64_t>& word(std::uint64_t sequence) const {
    return tables_.words[sequence & mask_];
  }

  GroupPosition position() const {
    // [G3] acquire, pairs with [G4]: what was settled before the mark was raised.
    return GroupPosition::unpack(mark_->load(kAcquire));
  }
  /// Raises the low mark from `from` to `low`, unless somebody did, or there was a seek.
  bool raise_low(GroupPosition from, std::uint64_t low) const;
  /// Lowest sequence that publishers have left the group; 0 when they dropped nothing.
  std::uint64_t floor() const;

  /// Moves the low mark. What is leased is lost to its consumers, what was settled comes again from
  /// there on. Returns where it is, which is later than asked when the topic no longer has that.
  /// Dies anywhere: moved or not; sleepers look after their piece.
  std::uint64_t seek(std::uint64_t sequence) const;
  void pause(bool paused) const;
  /// False for who may only look.
  bool writable() const { return access_ == Access::read_write; }
  bool paused() const {
    return tables_.layout->paused.load(kRelaxed) != 0;
  }  // relaxed: no data follows
  /// Removed, or its topic is, or a file of it was truncated.
  bool removed() const {
    // [T2] acquire, pairs with [T1] as for topics
    return tables_.layout->state.load(kAcquire) != static_cast<std::uint32_t>(GroupState::live) ||
           ring_->removed();
  }
  Error end_reason() const;

 private:
  Group(std::shared_ptr<Ring> ring, std::string name, Segment file, const GroupTables& tables,
        Access access);
  Result<void> find_page();
  Result<bool> use_page(GroupPage page);
  Result<void> make_page(GroupPage stale);

  std::shared_ptr<Ring> ring_;
  std::string name_;
  Segment file_, page_segment_;
  GroupTables tables_;
  Access access_;
  Atomic<std::uint64_t>* mark_ = nullptr;  ///< `cursor` of its page
  GroupPage page_;
  std::uint64_t mask_;
  unsigned slot_bits_;
};

/// Removes a group of the topic in `topic`: its consumers find it removed, publishers wait for it
/// no more. Errors: not_found, no_permission. Dies anywhere: marked removed; whoever opens or
/// removes it next, or heals, finishes.
Result<void> remove_group(const Directory& topic, const std::string& name);

/// Frees reader pages of groups that have another page, or are gone.
void free_orphans(const Directory& topic);

/// File names of a topic's groups, sorted.
std::vector<std::string> groups_in(const Directory& topic);

}  // namespace tow::shm
