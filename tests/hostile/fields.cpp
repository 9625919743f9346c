#include "fields.hpp"

#include <cstddef>

#include "towpath/shm/layout.hpp"
#include "towpath/shm/participants.hpp"

namespace tow::hostile {
namespace {

using shm::SegmentKind;

class Fields {
 public:
  void add(std::uint64_t offset, std::uint32_t bytes, bool fixed = false) {
    list.push_back({offset, bytes, fixed});
  }
  void add_many(std::uint64_t offset, std::uint64_t count, std::uint64_t stride = 8) {
    for (std::uint64_t i = 0; i < count; ++i) add(offset + i * stride, 8);
  }
  std::vector<Field> list;
};

void add_header(Fields& fields) {
  using H = shm::SegmentLayout;
  for (const std::size_t offset : {offsetof(H, magic), offsetof(H, fingerprint),
                                   offsetof(H, file_bytes), offsetof(H, created_ns)}) {
    fields.add(offset, 8, true);
  }
  for (const std::size_t offset :
       {offsetof(H, version), offsetof(H, kind), offsetof(H, creator_pid)}) {
    fields.add(offset, 4, true);
  }
}

void add_order(Fields& fields, const shm::Geometry& geometry) {
  using O = shm::OrderLayout;
  using G = shm::GeometryLayout;
  for (std::uint64_t at = 0; at < sizeof(G); at += 4) {
    fields.add(offsetof(O, geometry) + at, 4, true);
  }
  fields.add(offsetof(O, created_ticks), 8);
  fields.add(offsetof(O, created_monotonic_ns), 8);
  fields.add(offsetof(O, state), 4, true);
  for (int often = 0; often < 6; ++often) fields.add(offsetof(O, limit), 8);
  fields.add(offsetof(O, doorbell), 4);
  fields.add(offsetof(O, wake_mode), 4);
  fields.add(offsetof(O, room_want), 4);
  fields.add(offsetof(O, dropped), 8);
  fields.add_many(offsetof(O, evicted), geometry.raw().max_subscribers);
  if (geometry.many()) {
    fields.add_many(sizeof(O), geometry.slot_count(), shm::kCacheLine);
  }
}

void add_lane(Fields& fields, const shm::Geometry& geometry) {
  using L = shm::LaneLayout;
  fields.add(offsetof(L, owner), 8);
  fields.add(offsetof(L, published), 8);
  fields.add(offsetof(L, adoptions), 8);
  for (std::uint64_t slot = 0; slot < geometry.lane_slot_count(); ++slot) {
    const std::uint64_t at = geometry.slots_offset() + slot * geometry.raw().slot_bytes;
    fields.add_many(at, 4);  // sequence, meta, and the payload's place in the pool
  }
  fields.add_many(geometry.stamps_offset(), geometry.stamp_count());
}

void add_reader(Fields& fields) {
  using R = shm::ReaderLayout;
  for (int often = 0; often < 4; ++often) {
    for (const std::size_t offset :
         {offsetof(R, owner), offsetof(R, live), offsetof(R, claim), offsetof(R, max_lag),
          offsetof(R, cursor), offsetof(R, received), offsetof(R, gaps), offsetof(R, lost),
          offsetof(R, start)}) {
      fields.add(offset, 8);
    }
    fields.add(offsetof(R, kind), 4);
  }
  fields.add_many(offsetof(R, holds), shm::kMaxHolds);
  fields.add_many(offsetof(R, latency), 40);
}

void add_participants(Fields& fields) {
  using P = shm::ParticipantsLayout;
  fields.add(offsetof(P, next_entry), 4);
  for (std::uint64_t entry = 0; entry < 64; ++entry) {
    fields.add_many(offsetof(P, entries) + entry * sizeof(shm::ParticipantLayout), 8);
  }
}

}  // namespace

std::vector<Field> fields_of(SegmentKind kind, const shm::Geometry& geometry) {
  Fields fields;
  add_header(fields);
  switch (kind) {
    case SegmentKind::order:
      add_order(fields, geometry);
      break;
    case SegmentKind::lane:
      add_lane(fields, geometry);
      break;
    case SegmentKind::reader:
      add_reader(fields);
      break;
    case SegmentKind::board:
      fields.add(offsetof(shm::BoardLayout, want), 4);
      fields.add(offsetof(shm::BoardLayout, room_bell), 4);
      fields.add_many(offsetof(shm::BoardLayout, present), shm::kMaxSubscribers / 64);
      break;
    case SegmentKind::participants:
      add_participants(fields);
      break;
    case SegmentKind::bus:
      break;
  }
  return fields.list;
}

std::uint64_t hurtful_value(Random& random, const shm::Geometry& geometry, std::uint64_t now,
                            const std::vector<std::uint64_t>& stolen) {
  const std::uint64_t slots = geometry.slot_count();
  const std::uint64_t lap = geometry.lap_in(now);
  switch (draw(random, 0, 11)) {
    case 0:
      return random();
    case 1:
      return now + draw(random, 1, 3);
    case 2:
      return now - draw(random, 1, 3);
    case 3:
      return now ^ 1ULL << draw(random, 0, 63);
    case 4:  // around powers of two, up to the end of the numbers
      return (1ULL << draw(random, 0, 63)) + draw(random, 0, 2) - 1;
    case 5:
      return UINT64_MAX - draw(random, 0, 2 * slots);
    case 6:
      return shm::kBusy | draw(random, 0, 4 * slots);
    case 7:
      return now + slots * draw(random, 1, 3);  // a lap or more ahead
    case 8:  // an index word of a lap nearby, of any lane, any slot
      return geometry.index_word((lap + draw(random, 0, 2) - 1) * slots,
                                 static_cast<std::uint32_t>(draw(random, 0, 7)),
                                 draw(random, 0, geometry.lane_slot_count() - 1));
    case 9:  // a message that is larger than it may be, in the pool or not
      return shm::SlotMeta{.payload_bytes = static_cast<std::uint32_t>(random()) & 0x7FFF'FFFF,
                           .in_pool = one_in(random, 2),
                           .key_hash = 1,
                           .fields = static_cast<std::uint16_t>(draw(random, 0, 3))}
          .pack();
    case 10:  // a place in the pool, near its end
      return geometry.raw().pool_bytes + 64 * draw(random, 0, 4) - 128;
    default:
      return stolen.empty() ? 0 : stolen[draw(random, 0, stolen.size() - 1)];
  }
}

}  // namespace tow::hostile
