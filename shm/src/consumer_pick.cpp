// Groups that look at a message before they lease it: by key, in order, by priority.

#include <algorithm>
#include <bit>

#include "towpath/shm/consumer.hpp"
#include "towpath/shm/fields.hpp"

namespace tow::shm {
namespace {

std::string_view text_in(const std::array<char, kGroupTextBytes>& text) {
  return {text.data(), strnlen(text.data(), text.size())};
}

/// What follows the first word of a text.
std::optional<std::string_view> behind_word(std::optional<std::string_view> text) {
  const std::size_t dot = text->find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  return text->substr(dot + 1);
}

std::string_view first_word(std::string_view text) { return text.substr(0, text.find('.')); }

}  // namespace

bool key_matches(std::string_view pattern, std::string_view key) {
  // As for file names with one star: remember the last `#`, and let it take one word more when what
  // follows it does not match. Bounded by words of the pattern times words of the key.
  std::optional<std::string_view> want = pattern, have = key, want_behind, have_at;
  while (have) {
    if (want && first_word(*want) == "#") {
      want_behind = want = behind_word(want);
      if (!want) return true;
      have_at = have;
    } else if (want && (first_word(*want) == "*" || first_word(*want) == first_word(*have))) {
      want = behind_word(want);
      have = behind_word(have);
    } else if (have_at) {
      have_at = behind_word(have_at);
      want = want_behind;
      have = have_at;
    } else {
      return false;
    }
  }
  while (want && first_word(*want) == "#") want = behind_word(want);
  return !want;
}

const Consumer::Glance* Consumer::glance(std::uint64_t sequence) {
  Glance& known = glances_[sequence % kWindow];
  if (known.sequence == sequence) return &known;
  Received message;
  alignas(16) std::byte buffer[kMaxInlineBytes];
  if (reader_->take_at(sequence, message, buffer) != Take::message) return nullptr;
  const FieldsView fields = message.fields_view();
  const GroupOptionsLayout& options = group_->options();
  const std::string_view pattern = text_in(options.key_pattern);
  known = {.sequence = sequence, .priority = fields.priority()};
  known.wanted = (options.tag == 0 || fields.tag() == options.tag) &&
                 (pattern.empty() || key_matches(pattern, fields.key()));
  if (group_->mode() == GroupMode::single_active) {
    known.partition = 0;
  } else if (group_->mode() == GroupMode::ordered && message.key_hash != 0) {
    known.partition = static_cast<std::uint8_t>(message.key_hash % kPartitions);
  }
  reader_->release(message.hold);
  return &known;
}

std::uint8_t Consumer::partition_of(std::uint64_t sequence) const {
  if (group_->mode() == GroupMode::shared) return kNoPartition;
  const Glance& known = glances_[sequence % kWindow];
  return known.sequence == sequence ? known.partition : kNoPartition;
}

bool Consumer::may_lease(const Glance& glance, const SeenWord& seen, std::uint64_t& blocked) const {
  const bool ready = seen.means.state == WordState::ready;
  if (glance.partition == kNoPartition) return ready;
  const std::uint64_t bit = 1ULL << glance.partition;
  if ((partitions_ & bit) == 0) return false;
  const bool first = (blocked & bit) == 0;
  // What this consumer has comes before; what anybody else has, or what waits, bars the rest. By
  // priority only the first of a partition may be chosen at all.
  const bool by_priority = (group_->options().flags & kGroupByPriority) != 0;
  if (!seen.means.held_by(lessee_) && (!ready || by_priority)) blocked |= bit;
  return ready && first;
}

void Consumer::lease_picked(std::uint32_t room) {
  const bool by_priority = (group_->options().flags & kGroupByPriority) != 0;
  const Ring& ring = group_->ring();
  const std::uint64_t end = low_ + window_;
  std::uint64_t blocked = 0;
  std::vector<std::pair<int, std::uint64_t>> chosen;  // urgency, sequence
  std::uint64_t sequence = low_;
  for (; sequence < end && run_.size() < room; ++sequence) {
    SeenWord seen = group_->look(sequence, epoch_);
    if (seen.means.state == WordState::done) continue;
    if (seen.fresh && !ring.published(sequence)) break;
    const Glance* const known = glance(sequence);
    if (known == nullptr) {  // gone, or not to be read now
      if (seen.means.state == WordState::ready && finish_word(seen)) {
        layout_->lost.fetch_add(1, kRelaxed);  // relaxed: statistics
        unpublished_ = true;
      }
      continue;
    }
    if (seen.means.state == WordState::ready && !known->wanted) {
      if (finish_word(seen)) layout_->filtered.fetch_add(1, kRelaxed);  // relaxed: statistics
      unpublished_ = true;
      continue;
    }
    if (!may_lease(*known, seen, blocked)) continue;
    if (by_priority) {
      chosen.emplace_back(-known->priority, sequence);
    } else {
      // Whoever was faster has the key.
      const bool leased = lease(seen, sequence);
      if (!leased && known->partition != kNoPartition) blocked |= 1ULL << known->partition;
    }
  }
  std::sort(chosen.begin(), chosen.end());
  for (const auto& [urgency, at] : chosen) {
    if (run_.size() == room) break;
    SeenWord seen = group_->look(at, epoch_);
    if (seen.means.state == WordState::ready) lease(seen, at);
  }
  next_ = sequence;
  std::reverse(run_.begin(), run_.end());
}

void Consumer::give_back_followers(std::uint64_t sequence) {
  const std::uint8_t partition = partition_of(sequence);
  if (partition == kNoPartition) return;
  std::erase_if(run_, [&](const Mine& mine) {
    if (partition_of(mine.sequence) != partition) return false;
    SeenWord seen = word_of(mine.sequence, mine.bits);
    return_word(seen);  // or it was lost already
    return true;
  });
}

void Consumer::drop_below(std::uint64_t floor) {
  if (floor <= low_) return;
  floor = std::min(floor, group_->ring().tail() + 1);  // whatever the word says
  // What lies a lap below is overwritten.
  const std::uint64_t slots = group_->slot_count();
  std::uint64_t sequence = std::max(low_, floor > slots ? floor - slots : 0);
  for (; sequence < floor; ++sequence) {
    if (group_->ring().published(sequence + slots)) continue;  // another's word
    SeenWord seen = group_->look(sequence, epoch_);
    const WordState state = seen.means.state;
    if (state == WordState::dead) go_on_with_dead(seen);
    if (state != WordState::ready && state != WordState::delayed) continue;
    layout_->dropped.fetch_add(1, kRelaxed);  // relaxed: statistics
    kill(seen, DeadReason::dropped);
  }
  next_ = std::max(next_, floor);
  if (low_ < floor) advance_low();
}

void Consumer::claim_partitions() {
  const std::uint32_t total = group_->mode() == GroupMode::single_active ? 1 : kPartitions;
  const auto consumers = static_cast<std::uint32_t>(
      std::count_if(layout_->consumers.begin(), layout_->consumers.end(),
                    // relaxed: a hint; who joins or leaves announces it
                    [](const ConsumerLayout& entry) { return entry.owner.load(kRelaxed) != 0; }));
  const std::uint32_t share = (total + std::max(consumers, 1U) - 1) / std::max(consumers, 1U);
  const std::uint32_t mine = std::uint32_t{lessee_.pack()} | 1U << 16;
  std::uint32_t have = 0;
  bool gave = false;
  partitions_ = 0;
  for (std::uint32_t i = 0; i < total; ++i) {
    Atomic<std::uint32_t>& partition = layout_->partitions[i];
    std::uint32_t seen = partition.load(kAcquire);  // [G2], as for words
    // [G1], as for words. What we have leased of a partition that we give up bars it for the next.
    if (seen == mine && have == share) {
      gave = partition.compare_exchange_strong(seen, 0, kAcqRel) || gave;
    } else if (seen == mine || (seen == 0 && have < share &&
                                partition.compare_exchange_strong(seen, mine, kAcqRel))) {
      partitions_ |= 1ULL << i;
      ++have;
    }
  }
  if (gave) group_->tables().announce_returns();
}

}  // namespace tow::shm
