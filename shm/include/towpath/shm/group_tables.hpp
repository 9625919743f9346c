#pragma once
/// A group's file as consumers and repairers use it: header, words, due times.

#include <cstdint>
#include <string>

#include "towpath/shm/group_words.hpp"
#include "towpath/shm/participants.hpp"
#include "towpath/shm/segment.hpp"

namespace tow::shm {

/// Pointers into a mapped file, valid while its segment lives, and a checked copy of its options.
struct GroupTables {
  GroupLayout* layout = nullptr;
  Atomic<std::uint64_t>* words = nullptr;
  Atomic<std::uint64_t>* due = nullptr;
  GroupOptionsLayout options{};

  /// Of a whole mapped file. Errors: corrupt (too small, or options that cannot be).
  static Result<GroupTables> of(const Segment& file, const std::string& path);

  std::uint64_t slot_count() const { return options.slot_count; }
  SeenWord look(std::uint64_t index) const {
    // [G2] acquire, pairs with [G1]
    const std::uint64_t bits = words[index].load(kAcquire);
    return {&words[index], bits, GroupWord::unpack(bits), bits == 0};
  }
  /// Something became ready: consumers shall look from the low mark on, sleepers shall wake.
  void announce_returns() const;
  /// The earliest time at which a message changes by itself is at most `due_ns`.
  void lower_next_due(std::uint64_t due_ns) const;
  /// Gives back what consumer `lessee` had, as failed what it had started if it is to `blame`, and
  /// its partitions. Returns how many messages.
  std::uint32_t give_back_all(Lessee lessee, bool blame) const;
};

/// Size of the file of a group whose topic has so many slots.
std::uint64_t group_file_bytes(std::uint64_t slot_count);
/// An empty string, or what is wrong with the options.
std::string fault_in(const GroupOptionsLayout& options);

/// Where a group lies.
struct GroupPlace {
  const Directory& topic;
  const std::string& name;  ///< its file name
};

/// Resolves what a dead consumer was settling, gives back what it had leased, then frees its entry.
/// Dies anywhere: some is given back; the next repairer finds the entry and goes on. False when it
/// is not dead, or what it was settling cannot be resolved yet.
bool repair_consumer(const GroupTables& group, const GroupPlace& place, std::uint32_t index,
                     Participants& participants);

}  // namespace tow::shm
