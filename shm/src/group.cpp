#include "towpath/shm/group.hpp"

#include <bit>

namespace tow::shm {

Group::Group(std::shared_ptr<Ring> ring, std::string name, Segment file, const GroupTables& tables,
             Access access)
    : ring_(std::move(ring)),
      name_(std::move(name)),
      file_(std::move(file)),
      tables_(tables),
      access_(access),
      mask_(tables.slot_count() - 1),
      slot_bits_(static_cast<unsigned>(std::countr_zero(tables.slot_count()))) {}

bool Group::raise_low(GroupPosition from, std::uint64_t low) const {
  std::uint64_t seen = from.pack();
  // [G4] acq_rel, pairs with [G3] and, as [L9], with [L8]: everybody has settled what lies below
  // before publishers may overwrite it. Fails after a seek, whose epoch is another.
  return mark_->compare_exchange_strong(seen, GroupPosition{from.epoch, low}.pack(), kAcqRel);
}

std::uint64_t Group::floor() const {
  // [E3] relaxed: a copy is validated by its slot; this only says what is not waited for.
  return GroupFloor::of(ring_->order().evicted[page_.number].load(kRelaxed), page_.claim);
}

std::uint64_t Group::seek(std::uint64_t sequence) const {
  constexpr int kMaxRaces = 1000;  // each lost to another seek, or to a raised low mark
  const std::uint64_t slots = slot_count();
  sequence = std::min(std::max<std::uint64_t>(sequence, 1), ring_->tail() + 1);
  for (int race = 0; race < kMaxRaces; ++race) {
    const GroupPosition from = position();
    const std::uint32_t epoch = (from.epoch + 1) & GroupWord::kEpochMask;
    // Epochs come round: what 64 seeks ago was settled must not seem so again. Long before, so that
    // nobody has words of that epoch while another, who lost a race or died, still takes them away.
    // Dies here: words that nobody would have read are gone.
    const std::uint32_t far = (epoch + GroupWord::kEpochMask / 2) & GroupWord::kEpochMask;
    for (std::uint64_t i = 0; i < slots; ++i) {
      SeenWord seen = tables_.look(i);
      if (seen.bits != 0 && seen.means.epoch == far) change_word(seen, {});
    }
    std::uint64_t seen = from.pack();
    // [G5] seq_cst, pairs with [L8]: as a reader joins, the mark before the limit.
    if (!mark_->compare_exchange_strong(seen, GroupPosition{epoch, sequence}.pack(), kSeqCst)) {
      continue;
    }
    fence(kSeqCst);  // [L7] pairs with [L2]
    // [L4] seq_cst, pairs with [L1]: publishers whose scan missed us go no further than this.
    const std::uint64_t limit = ring_->order().limit.load(kSeqCst);
    const std::uint64_t first = limit > slots ? limit - slots + 1 : 1;
    if (first > sequence && raise_low({epoch, sequence}, first)) sequence = first;
    tables_.layout->seeks.fetch_add(1, kRelaxed);  // relaxed: statistics
    break;
  }
  tables_.announce_returns();
  if (ring_->can_subscribe() && ring_->can_publish()) Doorbell::ring(ring_->board().room_bell);
  return sequence;
}

void Group::pause(bool paused) const {
  tables_.layout->paused.store(paused ? 1 : 0, kRelaxed);  // relaxed: no data follows
  tables_.announce_returns();
}

Error Group::end_reason() const {
  if (ring_->removed() || ring_->broken()) return ring_->end_reason();
  return make_error(Code::removed, "group " + name_ + " of topic " + ring_->topic() +
                                       " was removed; make it anew");
}

}  // namespace tow::shm
