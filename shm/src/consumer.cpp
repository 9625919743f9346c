#include "towpath/shm/consumer.hpp"

#include <algorithm>

#include "towpath/shm/fields.hpp"
#include "towpath/shm/fork.hpp"

namespace tow::shm {
namespace {

/// How often a busy consumer asks the kernel about the others.
constexpr std::uint64_t kProbeIntervalNs = 50'000'000;
constexpr std::uint64_t kWordsPerLine = kCacheLine / sizeof(std::uint64_t);

}  // namespace

Leased Consumer::try_take(Lease& lease, Received& out, std::byte* buffer) {
  constexpr int kMaxSkipped = 4096;  // expired, not due, lost: then the caller may look again
  // What was leased before a seek is nobody's.
  if (!run_.empty() && group_->position().epoch != epoch_) run_.clear();
  for (int skipped = 0; skipped < kMaxSkipped; ++skipped) {
    if (run_.empty() || group_->paused()) {
      if (const Leased more = lease_more(); more != Leased::message) return more;
      if (first_sequence_ != 0) {
        const Leased begun = begin_first(lease, out, buffer);
        if (begun != Leased::empty) return begun;
        continue;
      }
    }
    const Mine mine = run_.back();
    run_.pop_back();
    SeenWord seen = word_of(mine.sequence, mine.bits);
    const Leased begun = begin(seen, mine.sequence, lease, out, buffer);
    if (begun == Leased::unreachable) run_.push_back(mine);
    if (begun != Leased::empty) return begun;
  }
  return Leased::empty;
}

Leased Consumer::begin_first(Lease& lease, Received& out, std::byte* buffer) {
  const std::uint64_t sequence = std::exchange(first_sequence_, 0);
  const Leased begun = begin(first_, sequence, lease, out, buffer);
  // The frontier has passed it: whoever can reach it must find it with somebody.
  if (begun == Leased::unreachable) this->lease(first_, sequence);
  return begun;
}

Leased Consumer::begin(SeenWord& seen, std::uint64_t sequence, Lease& lease, Received& out,
                       std::byte* buffer) {
  switch (reader_->take_at(sequence, out, buffer)) {
    case Take::message:
      break;
    case Take::removed:
      return Leased::removed;
    case Take::unreachable:
      return Leased::unreachable;
    default:  // overwritten or damaged: nobody can have it any more
      if (finish_word(seen)) layout_->lost.fetch_add(1, kRelaxed);  // relaxed: statistics
      unpublished_ = true;
      return Leased::empty;
  }
  const std::uint64_t lease_ns = group_->options().lease_ns;
  bool started = !is_premature(seen, sequence, out);
  if (started && lease_ns != 0) {
    // relaxed: [G1] orders it
    group_->due(sequence).store(monotonic_ns() + lease_ns, kRelaxed);
  }
  // Dies behind: repair finds it started, and blames us.
  if (seen.means.state == WordState::ready) {
    started = started && take_ready(seen, sequence, begin_word);
  } else {
    started = started && start_word(seen);
  }
  if (!started) {  // or the lease was lost meanwhile
    reader_->release(out.hold);
    out.hold = Received::kNoHold;
    return Leased::empty;
  }
  if (lease_ns != 0) group_->tables().lower_next_due(now_ns_ + lease_ns);
  ++started_;
  // relaxed: statistics, one writer
  entry_->taken.store(entry_->taken.load(kRelaxed) + 1, kRelaxed);
  lease = {sequence, seen.bits, seen.means.attempts, seen.means.redelivered};
  return Leased::message;
}

bool Consumer::is_premature(SeenWord& seen, std::uint64_t sequence, const Received& message) {
  const std::uint64_t time_to_live = group_->options().time_to_live_ns;
  if ((message.fields & (kFieldExpires | kFieldDue)) == 0 && time_to_live == 0) return false;
  const FieldsView fields = message.fields_view();
  const std::uint64_t now = monotonic_ns();
  const std::uint64_t expires = fields.expires_ns(), due = fields.due_ns();
  const bool too_old = time_to_live != 0 && age_ns(sequence) > time_to_live;
  if (too_old || (expires != 0 && expires <= now)) {
    layout_->expired.fetch_add(1, kRelaxed);  // relaxed: statistics
    kill(seen, DeadReason::expired);
    return true;
  }
  // Once it has waited, it is not made to wait again: a retry has its own time.
  if (due <= now || seen.means.attempts != 0) return false;
  if (delay_word(seen, group_->due(sequence), due)) group_->tables().lower_next_due(due);
  return true;
}

std::uint64_t Consumer::age_ns(std::uint64_t sequence) {
  const auto age = reader_->age_ticks(sequence);
  if (!age) return 0;
  const OrderLayout& order = group_->ring().order();
  if (!rate_) rate_.emplace(order.created_ticks, order.created_monotonic_ns);
  return static_cast<std::uint64_t>(rate_->to_ns(*age));
}

void Consumer::read_clock() {
  // [G9] acquire, pairs with [G8]
  const bool has_times = group_->options().lease_ns != 0 || layout_->next_due.load(kAcquire) != 0;
  // What came right behind a look in vain does not wait for a second one.
  if (std::exchange(looked_in_vain_, false) && !has_times) return;
  now_ns_ = monotonic_ns();
}

Leased Consumer::lease_more() {
  if (group_->removed()) return Leased::removed;
  if (fork_count_ != fork_count()) return Leased::stale;
  read_clock();
  if (now_ns_ - probed_ns_ > kProbeIntervalNs) {
    if (!group_->ring().participants().still_member()) return Leased::stale;
    look_after_the_dead();
  }
  const GroupPosition at = group_->position();
  if (at.epoch != epoch_) {  // somebody sought: what is ready lies elsewhere
    epoch_ = at.epoch;
    next_ = at.low;
    run_.clear();
    glances_.assign(glances_.size(), {});
  }
  low_ = at.low;
  next_ = std::max(next_, low_);
  if (wakes_itself()) sweep();
  if (group_->paused()) return Leased::empty;
  if (!run_.empty()) return Leased::message;  // it was kept while the group was paused
  if (started_ >= prefetch_) return Leased::exhausted;
  if (group_->options().max_length != 0) drop_below(group_->floor());
  const std::uint32_t room = prefetch_ - started_;
  if (picky_ && unpublished_) advance_low();
  if (picky_) {
    lease_picked(room);
  } else {
    lease_run(room);
  }
  const bool in_vain = run_.empty() && first_sequence_ == 0;
  if (unpublished_ && (in_vain || next_ - low_ > stride_)) advance_low();
  looked_in_vain_ = in_vain;
  return in_vain ? Leased::empty : Leased::message;
}

template <class Step>
bool Consumer::take_ready(SeenWord& seen, std::uint64_t sequence, const Step& step) {
  // Who is late, by a lap or a seek, may have changed a word that says nothing; then it still is to
  // be had.
  constexpr int kMaxRaces = 16;
  int race = 0;
  while (!step(seen, lessee_)) {
    seen = group_->look(sequence, epoch_);
    if (seen.means.state != WordState::ready || ++race == kMaxRaces) return false;
  }
  return true;
}

bool Consumer::lease(SeenWord& seen, std::uint64_t sequence) {
  const std::uint64_t lease_ns = group_->options().lease_ns;
  // relaxed: [G1] orders it
  if (lease_ns != 0) group_->due(sequence).store(now_ns_ + lease_ns, kRelaxed);
  // Dies behind: leased by the dead; repair returns it without blame.
  if (!take_ready(seen, sequence, lease_word)) return false;
  if (lease_ns != 0) group_->tables().lower_next_due(now_ns_ + lease_ns);
  run_.push_back({sequence, seen.bits});
  reader_->prefetch_at(sequence);
  return true;
}

void Consumer::lease_run(std::uint32_t room) {
  const std::uint64_t end = low_ + window_;
  // Back at what returned, or at a hole that somebody dead left: one by one.
  while (next_ < std::min(rewound_, end) && run_.size() < room) {
    SeenWord seen = group_->look(next_, epoch_);
    if (seen.means.state == WordState::ready) lease(seen, next_);  // or another was faster
    ++next_;
  }
  if (run_.empty()) {
    const std::uint32_t count = take_run(room);
    for (std::uint32_t i = 0; i < count; ++i, ++next_) {
      SeenWord seen = group_->look(next_, epoch_);
      if (seen.means.state != WordState::ready) continue;
      if (first_sequence_ == 0) {  // handed out at once: one step does both
        first_ = seen;
        first_sequence_ = next_;
      } else {
        lease(seen, next_);
      }
    }
  }
  std::reverse(run_.begin(), run_.end());
}

std::uint32_t Consumer::take_run(std::uint32_t room) {
  const Ring& ring = group_->ring();
  constexpr int kMaxRaces = 64;  // each lost to another consumer, who got a run
  for (int race = 0; race < kMaxRaces; ++race) {
    // relaxed, and below: the words themselves are leased behind it, each by its own CAS [G1]
    std::uint64_t seen = layout_->frontier.load(kRelaxed);
    const GroupPosition at = GroupPosition::unpack(seen);
    if (at.epoch == epoch_) next_ = std::max(next_, at.low);
    // At most one line of words, and only what is there: the rest shall be anybody's.
    const std::uint64_t end =
        std::min({low_ + window_, next_ + room, (next_ / kWordsPerLine + 1) * kWordsPerLine});
    std::uint64_t behind = next_;
    while (behind < end && ring.published(behind)) ++behind;
    if (behind == next_) return 0;
    // Too late for a seek: then it is written over, which sweeps expect.
    // Dies behind: a run that nobody leases; the repair of this consumer has everybody sweep.
    if (layout_->frontier.compare_exchange_strong(seen, GroupPosition{epoch_, behind}.pack(),
                                                  kRelaxed)) {
      return static_cast<std::uint32_t>(behind - next_);
    }
  }
  return 0;
}

void Consumer::advance_low() {
  const GroupPosition from = group_->position();
  if (from.epoch != epoch_) return;
  const std::uint64_t floor = group_->options().max_length != 0 ? group_->floor() : 0;
  const std::uint64_t slots = group_->slot_count();
  std::uint64_t low = from.low;
  // A lap below what publishers dropped nothing is left.
  if (floor > low + slots) {
    const std::uint64_t left = std::min(floor, group_->ring().tail() + 1);
    low = std::max(low, left - std::min(left, slots));
  }
  // At most a lap, whatever the words say.
  const std::uint64_t end = std::min(std::max(next_, low), low + slots);
  for (; low < end; ++low) {
    if (group_->look(low, epoch_).means.state == WordState::done) continue;
    // Dropped, and its word is already that of a later message.
    if (low < floor && group_->ring().published(low + slots)) continue;
    break;
  }
  unpublished_ = false;
  if (low == from.low || !group_->raise_low(from, low)) return;
  low_ = low;
  reader_->signal_room();
}

void Consumer::sweep() {
  // [G7] acquire, pairs with [G6]; before the words, so that what returns meanwhile is seen again.
  returns_seen_ = layout_->returns.load(kAcquire);
  // [G9] seq_cst, pairs with [G8]: who sets a time from here on has stored its word, or will be
  // seen in the words below. Dies here: our repair has everybody look again.
  layout_->next_due.store(0, kSeqCst);
  fence(kSeqCst);  // [G9]
  std::uint64_t earliest = 0;
  // relaxed: who has not come so far has changed no word there
  const GroupPosition frontier = GroupPosition::unpack(layout_->frontier.load(kRelaxed));
  // After a seek nobody knows: who is late writes that of his epoch.
  const bool known = !picky_ && frontier.epoch == epoch_;
  std::uint64_t reached = frontier.low;
  // Or only dropped.
  if (group_->options().max_length != 0) reached = std::max(reached, group_->floor());
  const std::uint64_t end = known ? std::min(low_ + window_, reached) : low_ + window_;
  std::uint64_t first = next_, sequence = low_;
  for (; sequence < end; ++sequence) {
    SeenWord seen = group_->look(sequence, epoch_);
    if (!known && seen.fresh && !group_->ring().published(sequence)) break;
    if (take_its_time(seen, sequence, earliest)) first = std::min(first, sequence);
  }
  rewound_ = std::max(next_, sequence);
  next_ = first;
  unpublished_ = true;  // who settled something may have died before it raised the low mark
  if (earliest != 0) group_->tables().lower_next_due(earliest);
  if (group_->mode() != GroupMode::shared) claim_partitions();
}

bool Consumer::take_its_time(SeenWord& seen, std::uint64_t sequence, std::uint64_t& earliest) {
  const WordState state = seen.means.state;
  if (state == WordState::ready) return true;
  if (state == WordState::dead) {
    go_on_with_dead(seen);
    return false;
  }
  const bool leased = state == WordState::leased || state == WordState::started;
  if (state != WordState::delayed && !(leased && group_->options().lease_ns != 0)) return false;
  const std::uint64_t due = group_->due(sequence).load(kRelaxed);  // relaxed: [G2] ordered it
  if (due > now_ns_) {
    earliest = earliest == 0 ? due : std::min(earliest, due);
    return false;
  }
  if (state == WordState::delayed) return return_word(seen);
  if (!give_back(seen, group_->due(sequence), group_->options(), now_ns_, true)) return false;
  layout_->retried.fetch_add(state == WordState::started, kRelaxed);  // relaxed: statistics
  return take_its_time(seen, sequence, earliest);
}

void Consumer::kill(SeenWord& seen, DeadReason reason) {
  // Dies between: somebody's sweep finds it dead.
  if (kill_word(seen, reason)) lay_out(seen);
}

bool Consumer::wakes_itself() const {
  // [G7] acquire, pairs with [G6]
  if (layout_->returns.load(kAcquire) != returns_seen_) return true;
  const std::uint64_t due = layout_->next_due.load(kAcquire);  // [G9]
  return due != 0 && due <= now_ns_;
}

void Consumer::look_after_the_dead() {
  probed_ns_ = now_ns_;
  Participants& participants = group_->ring().participants();
  const std::uint64_t self = participants.self().bits();
  for (std::uint32_t index = 0; index < kMaxConsumers; ++index) {
    const std::uint64_t owner = layout_->consumers[index].owner.load(kRelaxed);  // relaxed: a hint
    if (owner != 0 && owner != self)
      repair_consumer(group_->tables(), group_->place(), index, participants);
  }
  if (group_->mode() != GroupMode::shared) claim_partitions();
}

bool Consumer::ready() const {
  if (group_->removed()) return true;
  // [G7] acquire, pairs with [G6]
  if (layout_->returns.load(kAcquire) != returns_seen_) return true;
  const std::uint64_t due = layout_->next_due.load(kAcquire);  // [G9]
  if (due != 0 && due <= monotonic_ns()) return true;
  if (has_dead() || group_->position().epoch != epoch_) return true;
  if (group_->paused()) return false;
  if (!run_.empty() || started_ >= prefetch_) return true;
  const std::uint64_t next = awaited();
  return next != 0 && group_->ring().published(next);
}

std::uint64_t Consumer::awaited() const {
  const bool can = !group_->paused() && started_ < prefetch_;
  return can && next_ < group_->position().low + window_ ? next_ : 0;
}

bool Consumer::room_wanted() const {
  const Ring& ring = group_->ring();
  return Doorbell::wanted(ring.board().room_bell, ring.order().room_want);
}

std::array<WaitWord, 2> Consumer::arm() {
  // Messages ring the topic's bell; what is given back, and times that change, ring the group's.
  const WaitWord messages = reader_->arm();
  const std::uint32_t seen = Doorbell::announce(layout_->bell, layout_->want);
  fence(kSeqCst);  // [D3] pairs with [D4]: want before the second look
  return {messages, {&layout_->bell, seen}};
}

Deadline Consumer::next_look(Deadline limit) const {
  const std::uint64_t due = layout_->next_due.load(kAcquire);  // [G9]
  if (due != 0) limit = limit.until(due);
  return has_dead_ && dead_again_ns_ != 0 ? limit.until(dead_again_ns_) : limit;
}

void Consumer::look_around() {
  now_ns_ = monotonic_ns();
  look_after_the_dead();
  // Who settled the last may be busy for long, and publishers wait for its low mark.
  if (room_wanted()) advance_low();
}

Wake Consumer::wait(Deadline deadline, std::uint64_t spin_ns, const std::atomic<bool>* interrupt) {
  constexpr int kLooks = 32;
  const auto interrupted = [interrupt] {
    // [D2] acquire: behind arm(), so that who sets it later changes the bell that we sleep on
    return interrupt != nullptr && interrupt->load(kAcquire);
  };
  const Deadline spin = deadline.within(spin_ns);
  do {
    if (interrupted()) return Wake::timed_out;
    for (int look = 0; look < kLooks; ++look) {
      reader_->prefetch_expected();
      if (ready()) return Wake::changed;
      pause();
    }
  } while (!spin.passed());
  bool rested = false;
  while (!deadline.passed()) {
    const std::array<WaitWord, 2> words = arm();
    if (ready()) return Wake::changed;
    if (interrupted()) return Wake::timed_out;
    const Deadline piece = next_look(deadline.within(reader_->wait_piece_ns(rested)));
    rested = futex_wait_any(words, piece) == Wake::timed_out;
    if (rested) look_around();
    if (ready()) return Wake::changed;
  }
  return Wake::timed_out;
}

}  // namespace tow::shm
