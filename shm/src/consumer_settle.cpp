// Joining and leaving a group, and settling what was handed out.

#include <algorithm>

#include "towpath/shm/consumer.hpp"
#include "towpath/shm/fork.hpp"

namespace tow::shm {
namespace {

/// Who looks from the low mark on every time wants it exact.
std::uint64_t stride_of(const Group& group, bool picky) {
  if (picky) return 0;
  const std::uint64_t length = group.options().max_length;
  const std::uint64_t most =
      length == 0 ? group.slot_count() : std::min(group.slot_count(), length);
  return std::max<std::uint64_t>(most / 8, 1);
}

std::uint64_t window_of(const Group& group, bool picky) {
  const bool by_priority = (group.options().flags & kGroupByPriority) != 0;
  const std::uint64_t most = by_priority ? Consumer::kPriorityWindow : Consumer::kWindow;
  return picky ? std::min(most, group.slot_count()) : group.slot_count();
}

bool is_picky(const GroupOptionsLayout& options) {
  return options.mode != static_cast<std::uint32_t>(GroupMode::shared) ||
         (options.flags & kGroupByPriority) != 0 || options.tag != 0 ||
         options.key_pattern[0] != '\0';
}

}  // namespace

Consumer::Consumer(std::shared_ptr<Group> group, const ConsumerOptions& options)
    : group_(std::move(group)),
      layout_(&group_->layout()),
      prefetch_(options.prefetch),
      picky_(is_picky(group_->options())),
      window_(window_of(*group_, picky_)),
      stride_(stride_of(*group_, picky_)),
      glances_(picky_ ? kWindow : 0),
      fork_count_(fork_count()) {}

Result<std::unique_ptr<Consumer>> Consumer::attach(std::shared_ptr<Group> group,
                                                   const ConsumerOptions& options) {
  if (options.prefetch < 1 || options.prefetch > kMaxPrefetch) {
    return make_error(Code::invalid_argument, "group " + group->name() +
                                                  ": a consumer's prefetch must be 1 to 256, not " +
                                                  std::to_string(options.prefetch));
  }
  if (group->removed()) return group->end_reason();
  std::unique_ptr<Consumer> consumer(new Consumer(std::move(group), options));
  // It takes what it leases, wherever that is; its page is for what it holds.
  auto reader =
      Reader::attach(consumer->group_->shared_ring(), {.kind = ReaderKind::consumer,
                                                       .max_holds = options.max_holds,
                                                       .group = consumer->group_->name()});
  if (!reader) return reader.error();
  consumer->reader_ = std::move(*reader);
  if (auto claimed = consumer->claim_entry(); !claimed) return claimed.error();
  const GroupPosition at = consumer->group_->position();
  consumer->epoch_ = at.epoch;
  consumer->low_ = consumer->next_ = at.low;
  consumer->now_ns_ = monotonic_ns();
  consumer->run_.reserve(options.prefetch);
  // Whoever shares partitions with us shall give some up.
  if (consumer->group_->mode() != GroupMode::shared) consumer->group_->tables().announce_returns();
  consumer->look_after_the_dead();
  consumer->sweep();
  return consumer;
}

Result<void> Consumer::claim_entry() {
  Participants& participants = group_->ring().participants();
  const std::uint64_t self = participants.self().bits();
  const std::uint32_t first = layout_->next_entry.fetch_add(1, kRelaxed);  // relaxed: a hint
  for (std::uint32_t i = 0; i < kMaxConsumers; ++i) {
    const std::uint32_t index = (first + i) % kMaxConsumers;
    ConsumerLayout& entry = layout_->consumers[index];
    std::uint64_t owner = entry.owner.load(kAcquire);  // [G13] pairs with [G14]
    if (owner != 0) {
      if (!repair_consumer(group_->tables(), group_->place(), index, participants)) continue;
      owner = 0;
    }
    // [G14] acq_rel. Dies behind: an entry of the dead that has leased nothing under this
    // incarnation, nor under the last, which was given back before the entry was free.
    if (!entry.owner.compare_exchange_strong(owner, self, kAcqRel)) continue;
    const std::uint32_t incarnation = entry.incarnation.fetch_add(1, kAcqRel) + 1;  // [G14]
    entry.reader.store(reader_->number(), kRelaxed);  // relaxed: for people
    entry_ = &entry;
    lessee_ = {static_cast<std::uint8_t>(index), static_cast<std::uint8_t>(incarnation)};
    return {};
  }
  return make_error(Code::too_many, "group " + group_->name() + " of topic " +
                                        group_->ring().topic() +
                                        ": all 256 consumers that a group may have are alive");
}

Consumer::~Consumer() {
  if (entry_ == nullptr || fork_count_ != fork_count()) return;
  // Nothing of this can fail half way: who dies here is a dead consumer like any other.
  if (!group_->removed()) {
    const bool holds = started_ != 0 || !run_.empty() || partitions_ != 0;
    if (holds) group_->tables().give_back_all(lessee_, false);
    if (unpublished_) advance_low();
    std::uint64_t owner = group_->ring().participants().self().bits();
    entry_->owner.compare_exchange_strong(owner, 0, kAcqRel);  // [G14] pairs with [G13]
    group_->tables().announce_returns();
  }
}

std::optional<SeenWord> Consumer::end(const Lease& lease) {
  if (started_ != 0) --started_;
  if (fork_count_ != fork_count()) return std::nullopt;
  SeenWord seen = word_of(lease.sequence, lease.bits);
  // A seek takes everything back; the words of before it are nobody's.
  if (group_->position().epoch != seen.means.epoch) return std::nullopt;
  unpublished_ = true;
  return seen;
}

bool Consumer::ack(const Lease& lease) {
  auto seen = end(lease);
  // Dies before: repair fails it, and it comes again flagged. Behind: it is settled.
  if (!seen || !finish_word(*seen)) return false;
  count_ack(lease.sequence);
  return true;
}

void Consumer::settled(const Lease& lease) {
  (void)end(lease);
  count_ack(lease.sequence);
}

void Consumer::count_ack(std::uint64_t sequence) {
  // relaxed: statistics, one writer
  entry_->acked.store(entry_->acked.load(kRelaxed) + 1, kRelaxed);
  const std::uint8_t partition = partition_of(sequence);
  if (partition != kNoPartition && (partitions_ >> partition & 1) == 0) {
    group_->tables().announce_returns();  // its new owner waited for this
  }
  // It may be busy with something else for long before it takes again.
  const bool last = outstanding() == 0 && next_ - low_ > stride_;
  if (last || room_wanted()) [[unlikely]]
    advance_low();
}

bool Consumer::release(const Lease& lease) {
  auto seen = end(lease);
  if (!seen) return false;
  give_back_followers(lease.sequence);
  const bool released = return_word(*seen);
  if (released) layout_->returned.fetch_add(1, kRelaxed);  // relaxed: statistics
  group_->tables().announce_returns();
  return released;
}

bool Consumer::retry(const Lease& lease, std::optional<std::uint64_t> wait_ns) {
  auto seen = end(lease);
  if (!seen) return false;
  give_back_followers(lease.sequence);
  Atomic<std::uint64_t>& due = group_->due(lease.sequence);
  const std::uint64_t now = monotonic_ns();
  if (!fail_word(*seen, due, group_->options(), now, wait_ns)) return false;
  if (seen->means.state == WordState::dead) {
    lay_out(*seen);
    return true;
  }
  layout_->retried.fetch_add(1, kRelaxed);  // relaxed: statistics
  if (seen->means.state == WordState::delayed) {
    group_->tables().lower_next_due(due.load(kRelaxed));  // relaxed: our own store
  } else {
    group_->tables().announce_returns();
  }
  return true;
}

bool Consumer::reject(const Lease& lease) {
  auto seen = end(lease);
  if (!seen || !kill_word(*seen, DeadReason::rejected)) return false;
  lay_out(*seen);
  return true;
}

bool Consumer::renew(const Lease& lease) {
  const std::uint64_t lease_ns = group_->options().lease_ns;
  const auto is_ours = [&] {
    // [G2] acquire: behind the change of who took it, if somebody did
    return group_->word(lease.sequence).load(kAcquire) == lease.bits &&
           group_->position().epoch == GroupWord::unpack(lease.bits).epoch;
  };
  if (fork_count_ != fork_count() || !is_ours()) return false;
  if (lease_ns == 0) return true;
  // relaxed: who finds it too early takes the lease, which the second look tells
  group_->due(lease.sequence).store(monotonic_ns() + lease_ns, kRelaxed);
  return is_ours();
}

void Consumer::lay_out(SeenWord& dead) {
  layout_->dead.fetch_add(1, kRelaxed);  // relaxed: statistics
  unpublished_ = true;
  dead_came_ = true;
  dead_again_ns_ = 0;
  go_on_with_dead(dead);
}

void Consumer::go_on_with_dead(SeenWord& dead) {
  if (group_->options().dead_letter[0] == '\0') {
    finish_word(dead);
  } else {
    has_dead_ = dead_seen_ = true;
  }
}

std::optional<Consumer::Dead> Consumer::next_dead() {
  if (!has_dead()) return std::nullopt;
  const std::uint64_t low = group_->position().low;
  const std::uint64_t end = std::min(std::max(next_, low_), low + group_->slot_count());
  if (dead_next_ == 0) dead_came_ = dead_seen_ = false;  // a new round sees all there are
  for (std::uint64_t sequence = std::max(low, dead_next_); sequence < end; ++sequence) {
    SeenWord seen = group_->look(sequence, epoch_);
    if (seen.means.state != WordState::dead) continue;
    dead_next_ = sequence + 1;
    return Dead{seen, sequence};
  }
  leave_round();
  return std::nullopt;
}

void Consumer::leave_dead(const Dead& dead, Code fault) {
  if (left_dead_ != 0) return;  // the first is told
  left_dead_ = dead.sequence;
  left_by_ = fault;
}

void Consumer::leave_round() {
  constexpr std::uint64_t kAgainNs = 100'000'000;
  has_dead_ = dead_came_ || dead_seen_ || left_dead_ != 0;
  dead_again_ns_ = !dead_came_ && left_dead_ != 0 ? monotonic_ns() + kAgainNs : 0;
  const std::uint64_t left = left_dead_ == 0 ? 0 : LeftDead{left_by_, left_dead_}.pack();
  // relaxed: for people. Dies before: it says what was so at the end of an earlier round.
  if (layout_->left_dead.load(kRelaxed) != left) layout_->left_dead.store(left, kRelaxed);
  dead_next_ = left_dead_ = 0;
}

bool Consumer::bury(Dead& dead) {
  unpublished_ = true;
  return finish_word(dead.word);
}

}  // namespace tow::shm
