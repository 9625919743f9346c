#include "towpath/shm/repair.hpp"

#include <charconv>

#include "towpath/shm/layout.hpp"
#include "towpath/shm/record.hpp"
#include "towpath/shm/wait.hpp"

namespace tow::shm {
namespace {

/// Calls `visit` with the name and number of each numbered file.
template <class Visit>
void for_each_numbered(const Directory& directory, Visit&& visit) {
  for (const std::string& name : directory.names()) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc{} && end == name.data() + name.size()) visit(name, number);
  }
}

/// dead -> 0, one CAS. The token of the dead never returns, so a slow repairer does no harm.
/// `before` is called when death is proved.
template <class Before>
bool free_if_dead(Atomic<std::uint64_t>& word, Participants& participants, Before&& before) {
  std::uint64_t owner = word.load(kAcquire);  // [A1] for lanes, [L7] for readers
  if (owner == 0 || participants.liveness(Token(owner)) != Liveness::dead) return false;
  before();
  return word.compare_exchange_strong(owner, 0, kAcqRel);  // [A2], [L7]
}

/// Calls `visit` with the number and the first page of each file of `folder`.
template <class Layout, class Visit>
void for_each_head(const Directory& topic, const char* folder, SegmentKind kind, Visit&& visit) {
  auto directory = topic.open_child(folder);
  if (!directory) return;
  for_each_numbered(*directory, [&](const std::string& name, std::uint32_t number) {
    auto segment = Segment::open(*directory, name, kind, Access::read_write, kPage);
    if (segment && segment->size() >= kPage) visit(number, *segment->template as<Layout>());
  });
}

Result<Segment> open_order(const Directory& topic, Access access) {
  auto order = Segment::open(topic, "order", SegmentKind::order, access, sizeof(OrderLayout));
  if (order && order->size() < sizeof(OrderLayout)) {
    return make_error(Code::corrupt, topic.path_of("order") + " is too small");
  }
  return order;
}

void ring_doorbell(const Directory& topic) {
  if (auto order = open_order(topic, Access::read_write)) {
    Doorbell::ring(order->as<OrderLayout>()->doorbell);  // [D7] = [D6]
  }
}

void ring_for_room(const Directory& topic) {
  auto readers = topic.open_child("readers");
  if (!readers) return;
  auto board = Segment::open(*readers, "board", SegmentKind::board, Access::read_write);
  if (board && board->size() >= sizeof(BoardLayout)) {
    Doorbell::ring(board->as<BoardLayout>()->room_bell);  // [D7] = [D6]
  }
}

}  // namespace

Repaired repair_topic(const Directory& directory, Participants& participants) {
  Repaired repaired;
  for_each_head<LaneLayout>(
      directory, "lanes", SegmentKind::lane, [&](std::uint32_t number, LaneLayout& lane) {
        if (lane.in_record.load(kAcquire) != 0) {  // [X4]
          const Resolution resolved = resolve_lane(directory, number, participants);
          if (resolved == Resolution::over) ++repaired.lanes;
          if (resolved == Resolution::waiting) ++repaired.waiting;
          return;
        }
        // A publisher may have died between commit and wake. Rung before its lane is freed: until
        // then the next repairer would find the lane and ring, should we die here.
        const auto ring = [&directory] { ring_doorbell(directory); };
        if (free_if_dead(lane.owner, participants, ring)) ++repaired.lanes;
      });
  for_each_head<ReaderLayout>(directory, "readers", SegmentKind::reader,
                              [&](std::uint32_t, ReaderLayout& page) {
                                if (free_if_dead(page.owner, participants, [] {}))
                                  ++repaired.readers;
                              });
  repaired.consumers = repair_groups(directory, participants);
  // Rung behind: only now is there room. Dies before: who waits for room looks after its piece.
  if (repaired.readers != 0) ring_for_room(directory);
  return repaired;
}

void ring_topic(const Directory& directory) {
  ring_doorbell(directory);
  ring_for_room(directory);
}

bool is_removed(const Directory& directory) {
  const auto order = open_order(directory, Access::read_only);
  // relaxed: as in Ring::removed
  return order && order->as<OrderLayout>()->state.load(kRelaxed) ==
                      static_cast<std::uint32_t>(TopicState::removed);
}

bool has_living_readers(const Directory& directory, Participants& participants) {
  auto readers = directory.open_child("readers");
  if (!readers) return false;
  bool living = false;
  for_each_numbered(*readers, [&](const std::string& name, std::uint32_t) {
    auto page = Segment::open(*readers, name, SegmentKind::reader, Access::read_only, kPage);
    if (!page || page->size() < kPage) return;
    const std::uint64_t owner = page->as<ReaderLayout>()->owner.load(kAcquire);  // [L7]
    living = living || (owner != 0 && !is_group_owner(Token(owner)) &&
                        participants.liveness(Token(owner)) != Liveness::dead);
  });
  return living;
}

}  // namespace tow::shm
