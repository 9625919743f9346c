#pragma once
/// The arrows of a message's state in a group, each one CAS on its word (docs/groups.md has the
/// whole machine). They fail, and change nothing, when the word is no longer what was `seen`.
///
/// Dies before or behind any of them: the word says it all; what a dead consumer had is given back
/// by repair (repair_group), which makes the same steps.

#include <cstdint>
#include <optional>

#include "towpath/shm/group_layout.hpp"

namespace tow::shm {

/// A word's address, what was read there, and what that means for its message.
struct SeenWord {
  Atomic<std::uint64_t>* at;
  std::uint64_t bits;
  GroupWord means;     ///< not always unpack(bits): see Group::look()
  bool fresh = false;  ///< nothing has happened to its message yet
};

/// [G1] seq_cst, pairs with [G2] and with itself: whatever was done before one step is over when
/// the next is made by another; and the step comes before its maker's look at `next_due` [G8].
/// `seen` becomes what was stored, or what is there now.
inline bool change_word(SeenWord& seen, GroupWord next) {
  const std::uint64_t bits = next.pack();
  if (!seen.at->compare_exchange_strong(seen.bits, bits, kSeqCst)) return false;  // [G1]
  seen.bits = bits;
  seen.means = next;
  return true;
}

/// ready -> leased
inline bool lease_word(SeenWord& seen, Lessee lessee) {
  GroupWord next = seen.means;
  next.state = WordState::leased;
  next.who = lessee.pack();
  return change_word(seen, next);
}

/// leased -> started. The lease's deadline, if there is one, was stored before.
inline bool start_word(SeenWord& seen) {
  GroupWord next = seen.means;
  next.state = WordState::started;
  return change_word(seen, next);
}

/// ready -> started: leased and begun in one step, by who hands it out at once.
inline bool begin_word(SeenWord& seen, Lessee lessee) {
  GroupWord next = seen.means;
  next.state = WordState::started;
  next.who = lessee.pack();
  return change_word(seen, next);
}

/// leased, started, settling or dead -> done; ready -> done when it is not for this group
inline bool finish_word(SeenWord& seen) {
  GroupWord next = seen.means;
  next.state = WordState::done;
  next.who = 0;
  return change_word(seen, next);
}

/// leased, started, settling or delayed -> ready, without blame. What was started comes again
/// flagged.
inline bool return_word(SeenWord& seen) {
  GroupWord next = seen.means;
  next.redelivered =
      next.redelivered || next.state == WordState::started || next.state == WordState::settling;
  next.state = WordState::ready;
  next.who = 0;
  return change_word(seen, next);
}

/// any open state -> dead
inline bool kill_word(SeenWord& seen, DeadReason reason) {
  GroupWord next = seen.means;
  next.state = WordState::dead;
  next.who = static_cast<std::uint16_t>(reason);
  return change_word(seen, next);
}

/// ready or leased -> delayed: it is not time yet, for which nobody is to blame.
inline bool delay_word(SeenWord& seen, Atomic<std::uint64_t>& due, std::uint64_t due_ns) {
  due.store(due_ns, kRelaxed);  // relaxed: [G1] orders
  GroupWord next = seen.means;
  next.state = WordState::delayed;
  next.who = 0;
  return change_word(seen, next);
}

/// started, settling -> ready, delayed or dead: an attempt failed. It waits for `wait_ns`, or for
/// the group's backoff, measured from `now_ns`.
bool fail_word(SeenWord& seen, Atomic<std::uint64_t>& due, const GroupOptionsLayout& options,
               std::uint64_t now_ns, std::optional<std::uint64_t> wait_ns = std::nullopt);

/// What a consumer had is given back. With `blame`, because it died or its time is over, what it
/// had started has failed; what it had not begun is returned.
bool give_back(SeenWord& seen, Atomic<std::uint64_t>& due, const GroupOptionsLayout& options,
               std::uint64_t now_ns, bool blame);

/// How long a message waits before attempt `failed` + 1: not at all, then `backoff_ns` doubled each
/// time, at most `max_backoff_ns`.
std::uint64_t backoff_ns(std::uint32_t failed, const GroupOptionsLayout& options);

}  // namespace tow::shm
