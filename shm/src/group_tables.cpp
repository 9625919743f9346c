#include "towpath/shm/group_tables.hpp"

#include <algorithm>
#include <bit>

#include "towpath/shm/clock.hpp"
#include "towpath/shm/record.hpp"
#include "towpath/shm/wait.hpp"

namespace tow::shm {
namespace {

bool terminated(const std::array<char, kGroupTextBytes>& text) {
  return std::find(text.begin(), text.end(), '\0') != text.end();
}

}  // namespace

std::uint64_t group_file_bytes(std::uint64_t slot_count) {
  return (sizeof(GroupLayout) + slot_count * 2 * sizeof(std::uint64_t) + kPage - 1) / kPage * kPage;
}

std::string fault_in(const GroupOptionsLayout& options) {
  if (!std::has_single_bit(options.slot_count) || options.slot_count > kMaxDepth * 2) {
    return "is not as long as a topic can be";
  }
  if (options.mode < 1 || options.mode > static_cast<std::uint32_t>(GroupMode::single_active)) {
    return "has no known mode";
  }
  if (options.overflow > static_cast<std::uint32_t>(Overflow::drop_oldest)) {
    return "has no known overflow policy";
  }
  if (options.max_attempts < 1 || options.max_attempts > kMaxDeliveryAttempts) {
    return "must allow 1 to 30 attempts";
  }
  if (!terminated(options.key_pattern) || !terminated(options.dead_letter) ||
      !terminated(options.tag_text)) {
    return "has a text without an end";
  }
  return {};
}

Result<GroupTables> GroupTables::of(const Segment& file, const std::string& path) {
  if (file.size() < sizeof(GroupLayout)) return make_error(Code::corrupt, path + " is too small");
  GroupTables tables;
  tables.layout = file.as<GroupLayout>();
  tables.options = tables.layout->options;  // one copy; only it is used
  if (const std::string fault = fault_in(tables.options); !fault.empty()) {
    return make_error(Code::corrupt, path + " " + fault + "; remove the group");
  }
  if (file.size() != group_file_bytes(tables.slot_count())) {
    return make_error(Code::corrupt,
                      path + " is not as large as its options say; remove the group");
  }
  tables.words = file.as<Atomic<std::uint64_t>>(sizeof(GroupLayout));
  tables.due = tables.words + tables.slot_count();
  return tables;
}

void GroupTables::announce_returns() const {
  // [G6] release, pairs with [G7]: the words before the call to look at them.
  layout->returns.fetch_add(1, kRelease);
  fence(kSeqCst);  // [D4] pairs with [D3]: before the look at sleepers
  // Dies here: sleepers look after their piece.
  if (Doorbell::wanted(layout->bell, layout->want)) Doorbell::ring(layout->bell);
}

void GroupTables::lower_next_due(std::uint64_t due_ns) const {
  constexpr int kMaxRaces = 1000;  // each lost to one who set another time
  // [G8] seq_cst, pairs with [G9]: behind the word [G1]. A time that we find too early to be
  // changed is of before the sweep that takes it away, which then sees the word.
  std::uint64_t seen = layout->next_due.load(kSeqCst);
  for (int race = 0; race < kMaxRaces && (seen == 0 || seen > due_ns); ++race) {
    // [G8] seq_cst, pairs with [G9]: the word that waits for this time came before. Dies before:
    // the repair of this consumer has everybody look.
    if (!layout->next_due.compare_exchange_strong(seen, due_ns, kSeqCst)) continue;
    fence(kSeqCst);  // [D4] pairs with [D3]: sleepers may mean to sleep for longer than that
    if (Doorbell::wanted(layout->bell, layout->want)) Doorbell::ring(layout->bell);
    return;
  }
}

std::uint32_t GroupTables::give_back_all(Lessee lessee, bool blame) const {
  const std::uint64_t now = monotonic_ns();
  std::uint64_t earliest = 0;
  std::uint32_t given = 0;
  for (std::uint64_t i = 0; i < slot_count(); ++i) {
    SeenWord seen = look(i);
    if (!seen.means.held_by(lessee)) continue;
    if (!give_back(seen, due[i], options, now, blame)) continue;
    ++given;
    if (seen.means.state != WordState::delayed) continue;
    const std::uint64_t due_ns = due[i].load(kRelaxed);  // relaxed: [G1] ordered it
    earliest = earliest == 0 ? due_ns : std::min(earliest, due_ns);
  }
  const std::uint32_t mine = std::uint32_t{lessee.pack()} | 1U << 16;
  for (auto& partition : layout->partitions) {
    std::uint32_t seen = mine;
    partition.compare_exchange_strong(seen, 0, kAcqRel);  // [G1] as for words
  }
  layout->returned.fetch_add(given, kRelaxed);  // relaxed: statistics
  if (earliest != 0) lower_next_due(earliest);
  return given;
}

bool repair_consumer(const GroupTables& group, const GroupPlace& place, std::uint32_t index,
                     Participants& participants) {
  ConsumerLayout& entry = group.layout->consumers[index];
  std::uint64_t owner = entry.owner.load(kAcquire);  // [G13] pairs with [G14]
  if (owner == 0 || participants.liveness(Token(owner)) != Liveness::dead) return false;
  // First: what it had decided to ack is acked.
  if (resolve_consumer(place.topic, place.name, index, participants) != Resolution::over) {
    return false;
  }
  const std::uint32_t incarnation = entry.incarnation.load(kAcquire);  // [G13]
  // Still the dead one's: then so was the incarnation, because the dead do not come again.
  if (entry.owner.load(kRelaxed) != owner) return false;  // relaxed: behind the acquire above
  group.give_back_all({static_cast<std::uint8_t>(index), static_cast<std::uint8_t>(incarnation)},
                      true);
  // Rung before the entry is free: until then the next repairer would find it, should we die here.
  group.announce_returns();
  entry.owner.compare_exchange_strong(owner, 0, kAcqRel);  // [G14] pairs with [G13]; last
  group.announce_returns();  // once more: partitions are shared out among those who are left
  return true;
}

}  // namespace tow::shm
