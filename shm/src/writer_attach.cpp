// Taking over a lane: creation, adoption, and rebuilding what only its publisher knew.

#include <algorithm>
#include <bit>
#include <limits>

#include "towpath/shm/producer.hpp"
#include "towpath/shm/writer.hpp"

namespace tow::shm {

Writer::Writer(std::shared_ptr<Ring> ring)
    : ring_(std::move(ring)),
      order_(&ring_->order()),
      board_(&ring_->board()),
      many_(ring_->geometry().many()),
      slot_mask_(ring_->geometry().lane_slot_count() - 1),
      inline_bytes_(ring_->geometry().inline_bytes()),
      readers_(*ring_),
      pool_(ring_->geometry().raw().pool_bytes),
      fork_count_(fork_count()) {
  const Geometry& geometry = ring_->geometry();
  // Without stamps no slot number is a multiple of the step, except 0; write_stamp() knows.
  stamp_mask_ = geometry.stamps() ? (1ULL << geometry.raw().stamp_shift) - 1
                                  : std::numeric_limits<std::uint64_t>::max();
}

Result<std::unique_ptr<Writer>> Writer::attach(std::shared_ptr<Ring> ring) {
  if (!ring->can_publish()) {
    return make_error(Code::no_permission, ring->directory().path_of("order") +
                                               ": no right to publish; it may only be read");
  }
  if (!ring->participants().still_member()) return ring->participants().not_a_member();
  if (ring->removed()) return ring->end_reason();
  std::unique_ptr<Writer> writer(new Writer(std::move(ring)));
  if (auto taken = writer->take_lane(); !taken) return taken.error();
  writer->rebuild();
  if ((writer->many_ ? writer->known_ : writer->next_ - 1) >= kMaxSequence) {
    return make_error(Code::corrupt, "topic " + writer->ring_->topic() +
                                         ": its sequence numbers are damaged; remove the topic and "
                                         "create it anew");
  }
  // The dead may have committed and not rung.
  if (writer->adopted_) writer->ring_->ring_all();
  writer->may_be_asymmetric_ = register_for_barriers();
  // [D8] Sleepers that saw a predecessor's ASYM have issued their barrier or will read this.
  writer->order_->wake_mode.store(static_cast<std::uint32_t>(WakeMode::fenced), kSeqCst);
  if (writer->ring_->broken()) return writer->ring_->end_reason();
  return writer;
}

Writer::~Writer() { leave(); }

void Writer::leave() {
  if (fork_count_ != fork_count() || !lane_.segment) return;
  count_published();
  std::uint64_t owner = ring_->participants().self().bits();
  // [A2] release, pairs with [A1]: our last message before the next owner's first look.
  // Dies before: the owner is dead, which is as good as free.
  lane_.header()->owner.compare_exchange_strong(owner, 0, kAcqRel);
  lane_ = {};
  if (!ring_->broken()) return;
  // Those were zeros of our own. The lane may still be good for others: by its name, then.
  auto head = Segment::open(ring_->lanes(), file_name(lane_number_), SegmentKind::lane,
                            Access::read_write, kPage);
  owner = ring_->participants().self().bits();
  if (head) head->as<LaneLayout>()->owner.compare_exchange_strong(owner, 0, kAcqRel);  // [A2]
}

Result<void> Writer::take_lane() {
  const Geometry& geometry = ring_->geometry();
  const std::uint32_t lanes = many_ ? geometry.raw().max_publishers : 1;
  for (std::uint32_t lane = 0; lane < lanes; ++lane) {
    auto taken = try_lane(lane);
    if (!taken) return taken.error();
    if (*taken) return {};
  }
  if (many_) {
    return make_error(Code::too_many, "topic " + ring_->topic() + ": all " + std::to_string(lanes) +
                                          " publishers it was created for are alive; close one, or "
                                          "create the topic with a higher max_publishers");
  }
  auto first = Segment::open(ring_->lanes(), "0", SegmentKind::lane, Access::read_only, kPage);
  std::string who;
  if (first) {
    // relaxed: for people
    const auto info =
        ring_->participants().info(Token(first->as<LaneLayout>()->owner.load(kRelaxed)));
    if (info) who = ": pid " + std::to_string(info->pid) + " (" + info->command + ")";
  }
  return make_error(Code::publisher_exists, "topic " + ring_->topic() + " has one publisher" + who +
                                                "; end it first, or create the topic with "
                                                "publishers = many");
}

Result<bool> Writer::try_lane(std::uint32_t lane) {
  const Directory& lanes = ring_->lanes();
  const std::string name = file_name(lane);
  auto head = Segment::open(lanes, name, SegmentKind::lane, Access::read_write, kPage);
  if (!head && head.error() == Code::not_found) {
    auto draft = draft_lane(lanes, lane, ring_->geometry(), ring_->file_mode());
    if (!draft) return draft.error();
    auto made = std::move(*draft).link();
    if (!made && !(made.error() == Code::already_exists)) return made.error();
    head = Segment::open(lanes, name, SegmentKind::lane, Access::read_write, kPage);
  }
  if (!head) {
    // Another user's lane, or a damaged one: not for us.
    const bool passed_over = head.error() == Code::no_permission || head.error() == Code::corrupt;
    if (many_ && passed_over) return false;
    return head.error();
  }
  auto& word = head->as<LaneLayout>()->owner;
  // What the dead prepared must stay until somebody has resolved the settlement it belongs to.
  const auto in_record = [&] {
    return many_ && head->as<LaneLayout>()->in_record.load(kAcquire) != 0;  // [X4]
  };
  const std::uint64_t self = ring_->participants().self().bits();
  std::uint64_t owner = word.load(kAcquire);  // [A1] pairs with [A2]
  constexpr int kMaxRaces = 100;              // each lost to a repairer, or to another adopter
  for (int race = 0;; ++race) {
    if (owner != 0 && ring_->participants().liveness(Token(owner)) != Liveness::dead) return false;
    if (in_record()) return false;
    adopted_ = owner != 0;
    // [A1] acq_rel, pairs with [A2]. Only proof of death gets here, and a dead token never returns.
    // A race may be lost to a repairer, who frees the lane: look again. Dies here: the lane's owner
    // is dead, the next adopts.
    if (word.compare_exchange_strong(owner, self, kAcqRel)) break;
    if (race == kMaxRaces) return false;
  }
  // Only now it is ours alone. Dies before it is given back: a lane of the dead in a record, as it
  // was.
  if (in_record()) {
    std::uint64_t ours = self;
    word.compare_exchange_strong(ours, 0, kAcqRel);  // [A2]
    return false;
  }
  if (adopted_) head->as<LaneLayout>()->adoptions.fetch_add(1, kRelaxed);  // relaxed: statistics
  auto mapped = ring_->map_lane(lane, Access::read_write);
  if (!mapped) {  // no descriptor left, or no memory: nothing was published, the lane is free again
    owner = self;
    word.compare_exchange_strong(owner, 0, kAcqRel);  // [A2]
    return mapped.error();
  }
  lane_ = std::move(*mapped);
  lane_number_ = lane;
  return true;
}

void Writer::rebuild() {
  raise_producers(*ring_, lane_, lane_number_);
  if (many_) {
    rebuild_many();
  } else {
    rebuild_one();
  }
  keep_holds();
  limit_ = 0;  // the first message scans the readers
}

void Writer::keep_payload(std::uint64_t sequence, std::uint64_t slot_number) {
  SlotLayout* const slot = lane_.slot(slot_number);
  // relaxed: our own lane; [A1] ordered it
  if (!SlotMeta::unpack(slot->meta.load(kRelaxed)).in_pool) return;
  const std::uint64_t offset = LaneView::payload(slot)[0].load(kRelaxed);
  const std::uint64_t bytes = LaneView::payload(slot)[1].load(kRelaxed);
  if (offset % 64 != 0 || offset > pool_.pool_bytes() || bytes > pool_.pool_bytes() - offset)
    return;
  const Block block{offset, (bytes + 63) / 64 * 64};
  if (pool_.reserve(block)) outstanding_.push_back({sequence, slot_number, block});
}

void Writer::rebuild_one() {
  const std::uint64_t tail = std::min(ring_->tail(), kMaxSequence);
  next_ = tail + 1;
  if (pool_.pool_bytes() == 0) return;
  const std::uint64_t slots = ring_->geometry().slot_count();
  for (std::uint64_t n = tail >= slots ? tail - slots + 1 : 1; n <= tail; ++n) {
    const std::uint64_t slot_number = n & slot_mask_;
    // relaxed: our own lane; [A1] ordered it
    if (lane_.slot(slot_number)->sequence.load(kRelaxed) == n) keep_payload(n, slot_number);
  }
}

void Writer::rebuild_many() {
  known_ = ring_->tail();
  struct Live {
    std::uint64_t sequence, slot;
  };
  std::vector<Live> live;
  for (std::uint64_t i = 0; i <= slot_mask_; ++i) {
    SlotLayout* const slot = lane_.slot(i);
    const std::uint64_t sequence = slot->sequence.load(kRelaxed);  // relaxed: [A1] ordered it
    if (sequence == 0) continue;
    const bool whole = (sequence & kBusy) == 0;
    // [O2] pairs with [O1]
    if (whole && ring_->index(sequence).load(kAcquire) ==
                     ring_->geometry().index_word(sequence, lane_number_, i)) {
      live.push_back({sequence, i});
    } else {
      // Half written, reclaimed, prepared by the dead and never named, or overwritten in the order
      // since: void. Its number, perhaps of no message yet, would keep a shallow lane waiting for
      // readers to pass it; and a lossy reader that looked it up before must not find it once its
      // payload is reused.
      slot->sequence.store(0, kRelaxed);  // [H1] relaxed: the fence in keep_holds orders it
    }
  }
  std::sort(live.begin(), live.end(),
            [](const Live& a, const Live& b) { return a.sequence < b.sequence; });
  for (const Live& entry : live) keep_payload(entry.sequence, entry.slot);
  position_ = live.empty() ? 0 : live.back().slot + 1;
  // relaxed: statistics
  published_before_ = lane_.header()->published.load(kRelaxed) - position_;
}

void Writer::keep_holds() {
  fence(kSeqCst);  // [H2] pairs with [H4]: after the slots were read
  const auto holds = readers_.holds_of(lane_number_);
  holds_known_ = holds.has_value();
  if (holds) {
    reserve_held(*holds);
  } else {
    pool_ = PoolMap(0);  // somebody may hold anything: nothing is lent until we can look
  }
}

void Writer::learn_holds(const std::vector<Hold>& holds) {
  pool_ = PoolMap(ring_->geometry().raw().pool_bytes);
  for (const Outstanding& kept : outstanding_) pool_.reserve(kept.block);
  for (const Block& block : retired_) pool_.reserve(block);
  reserve_held(holds);
  holds_known_ = true;
}

void Writer::reserve_held(const std::vector<Hold>& holds) {
  for (const Hold& hold : holds) {
    // Payloads of readable slots are reserved already; these are payloads without a slot that
    // somebody still reads.
    const Block block{hold.offset, hold.bytes};
    if (pool_.reserve(block)) retired_.push_back(block);
  }
}

}  // namespace tow::shm
