#include "towpath/shm/group_watch.hpp"

namespace tow::shm {
namespace {

using Stage = Handling::Stage;

/// Who has begun it, if the entry is still that one's.
Token holder_of(const Group& group, Lessee lessee) {
  const ConsumerLayout& entry = group.layout().consumers[lessee.index];
  const Token owner(entry.owner.load(kAcquire));                       // [G13] pairs with [G14]
  const std::uint32_t incarnation = entry.incarnation.load(kAcquire);  // [G13]
  return static_cast<std::uint8_t>(incarnation) == lessee.incarnation ? owner : Token();
}

/// Behind a message that was settled at the low mark, publishers may go on.
void raise_low_from(const Group& group, std::uint64_t sequence) {
  const GroupPosition from = group.position();
  if (from.low != sequence) return;  // something before it is open: whoever settles that raises
  const std::uint64_t end = sequence + group.slot_count();
  std::uint64_t low = sequence;
  while (low < end && group.look(low, from.epoch).means.state == WordState::done) ++low;
  if (!group.raise_low(from, low)) return;
  const Ring& ring = group.ring();
  fence(kSeqCst);  // [D10] pairs with [D3] mirrored: room before the look
  if (Doorbell::wanted(ring.board().room_bell, ring.order().room_want)) {
    Doorbell::ring(ring.board().room_bell);
  }
}

}  // namespace

Handling handling_of(const Group& group, std::uint64_t sequence) {
  const SeenWord seen = group.look(sequence, group.position().epoch);
  const GroupWord& word = seen.means;
  const std::uint32_t most = group.options().max_attempts;
  switch (word.state) {
    case WordState::ready:
    case WordState::delayed:
    case WordState::leased:
      // A word that is a later message's already reads as fresh; the mark has passed it then.
      return {.stage = sequence < group.position().low ? Stage::settled : Stage::waiting};
    case WordState::started:
    case WordState::settling:
      return {.stage = Stage::begun,
              .holder = holder_of(group, Lessee::unpack(word.who)),
              .is_last_try = word.attempts + 1 >= most};
    case WordState::dead:
      return {.stage = Stage::given_up};
    default:
      return {.stage = word.attempts >= most ? Stage::given_up : Stage::settled};
  }
}

bool withdraw(const Group& group, std::uint64_t sequence) {
  constexpr int kMaxRaces = 64;  // each lost to a step of its consumer
  for (int race = 0; race < kMaxRaces; ++race) {
    const GroupPosition at = group.position();
    if (sequence < at.low || group.removed()) return false;
    SeenWord seen = group.look(sequence, at.epoch);
    const WordState state = seen.means.state;
    if (state == WordState::done || state == WordState::dead || state == WordState::settling) {
      return false;
    }
    if (!finish_word(seen)) continue;
    raise_low_from(group, sequence);
    return true;
  }
  return false;
}

std::uint32_t living_consumers(const Group& group) {
  Participants& participants = group.ring().participants();
  std::uint32_t living = 0;
  Token last;
  bool last_lives = false;
  for (const ConsumerLayout& entry : group.layout().consumers) {
    const Token owner(entry.owner.load(kRelaxed));  // relaxed: the kernel decides
    if (!owner) continue;
    if (owner != last) {  // consumers of one process often follow each other
      last = owner;
      last_lives = participants.liveness(owner) != Liveness::dead;
    }
    living += last_lives ? 1 : 0;
  }
  return living;
}

}  // namespace tow::shm
