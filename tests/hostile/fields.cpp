#include "fields.hpp"

#include <cstddef>

#include "towpath/shm/document.hpp"
#include "towpath/shm/group_layout.hpp"
#include "towpath/shm/layout.hpp"
#include "towpath/shm/participants.hpp"
#include "towpath/shm/producer.hpp"
#include "towpath/shm/record_layout.hpp"

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
  fields.add_many(offsetof(O, pinned), shm::kMaxPublishers / 64);
  fields.add_many(offsetof(O, evicted), geometry.raw().max_subscribers);
  fields.add_many(offsetof(O, pins), geometry.raw().max_publishers);
  if (geometry.many()) {
    fields.add_many(sizeof(O), geometry.slot_count(), shm::kCacheLine);
  }
}

void add_lane(Fields& fields, const shm::Geometry& geometry) {
  using L = shm::LaneLayout;
  fields.add(offsetof(L, owner), 8);
  fields.add(offsetof(L, published), 8);
  fields.add(offsetof(L, adoptions), 8);
  fields.add(offsetof(L, in_record), 8);
  fields.add_many(offsetof(L, record), 12);
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
    fields.add(offsetof(R, overflow), 4);
  }
  fields.add_many(offsetof(R, group), 4);  // a name, for people and repairers
  fields.add_many(offsetof(R, holds), shm::kMaxHolds);
  fields.add_many(offsetof(R, latency), 40);
}

void add_record(Fields& fields) {
  using R = shm::RecordLayout;
  for (int often = 0; often < 8; ++often) {
    fields.add(offsetof(R, owner), 8);
    fields.add(offsetof(R, state), 8);
    fields.add(offsetof(R, id), 8);
    fields.add(offsetof(R, input_count), 4);
    fields.add(offsetof(R, output_count), 4);
    fields.add(offsetof(R, settler), 4);
  }
  fields.add_many(offsetof(R, inputs), 8);
  fields.add_many(offsetof(R, outputs), 8);
  fields.add_many(offsetof(R, topics), 8);
}

void add_group(Fields& fields, const shm::Geometry& geometry) {
  using G = shm::GroupLayout;
  using C = shm::ConsumerLayout;
  for (std::uint64_t at = 0; at < sizeof(shm::GroupOptionsLayout); at += 4) {
    fields.add(offsetof(G, options) + at, 4, true);
  }
  fields.add(offsetof(G, state), 4, true);
  fields.add(offsetof(G, page), 8, true);
  for (const std::size_t offset : {offsetof(G, paused), offsetof(G, returns), offsetof(G, bell),
                                   offsetof(G, want), offsetof(G, next_entry)}) {
    fields.add(offset, 4);
  }
  for (int often = 0; often < 6; ++often) {
    fields.add(offsetof(G, next_due), 8);
    fields.add(offsetof(G, frontier), 8);
  }
  fields.add_many(offsetof(G, retried), 9);
  for (std::uint64_t i = 0; i < shm::kPartitions; ++i)
    fields.add(offsetof(G, partitions) + 4 * i, 4);
  for (std::uint64_t entry = 0; entry < 16; ++entry) {
    const std::uint64_t at = offsetof(G, consumers) + entry * sizeof(C);
    fields.add(at + offsetof(C, owner), 8);
    fields.add(at + offsetof(C, incarnation), 4);
    fields.add(at + offsetof(C, reader), 4);
    fields.add_many(at + offsetof(C, taken), 2);
  }
  for (int often = 0; often < 3; ++often) {  // words and due times
    fields.add_many(sizeof(G), 2 * geometry.slot_count());
  }
}

void add_participants(Fields& fields) {
  using P = shm::ParticipantsLayout;
  fields.add(offsetof(P, next_entry), 4);
  for (std::uint64_t entry = 0; entry < 64; ++entry) {
    fields.add_many(offsetof(P, entries) + entry * sizeof(shm::ParticipantLayout), 8);
  }
}

void add_document(Fields& fields) {
  using D = shm::DocumentLayout;
  fields.add(offsetof(D, capacity), 8, true);
  for (int often = 0; often < 6; ++often) fields.add(offsetof(D, current), 8);
  fields.add_many(sizeof(D), 40);  // the first version, and behind it its beginning
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
    case SegmentKind::exchange:
      add_document(fields);
      break;
    case SegmentKind::record:
      add_record(fields);
      break;
    case SegmentKind::producer:
      fields.add_many(offsetof(shm::ProducerLayout, owner), 4);
      break;
    case SegmentKind::group:
      add_group(fields, geometry);
      break;
    case SegmentKind::bus:
    case SegmentKind::lock:
      break;
  }
  return fields.list;
}

std::uint64_t hurtful_value(Random& random, const shm::Geometry& geometry, std::uint64_t now,
                            const std::vector<std::uint64_t>& stolen) {
  const std::uint64_t slots = geometry.slot_count();
  const std::uint64_t lap = geometry.lap_in(now);
  switch (draw(random, 0, 13)) {
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
    case 9:  // a message that is larger than it may be, or has fields of anything, in the pool or
             // not
      return shm::SlotMeta{.payload_bytes = static_cast<std::uint32_t>(
                               one_in(random, 2) ? random() & 0x7FFF'FFFF : draw(random, 0, 64)),
                           .in_pool = one_in(random, 2),
                           .key_hash = 1,
                           .fields = static_cast<std::uint16_t>(random())}
          .pack();
    case 11:  // what a message of a lap and an epoch nearby may be in a group
      return shm::GroupWord{.lap = (now >> 31) + draw(random, 0, 2) - 1,
                            .redelivered = one_in(random, 2),
                            .epoch = static_cast<std::uint32_t>(draw(random, 0, 3)),
                            .state = static_cast<shm::WordState>(draw(random, 0, 7)),
                            .attempts = static_cast<std::uint32_t>(draw(random, 0, 31)),
                            .who = static_cast<std::uint16_t>(draw(random, 0, 0x0FFF))}
          .pack();
    case 12:  // a low mark or a frontier of an epoch nearby
      return shm::GroupPosition{static_cast<std::uint32_t>(draw(random, 0, 3)),
                                (now + draw(random, 0, 2 * slots)) & shm::GroupPosition::kLowMask}
          .pack();
    case 10:  // a place in the pool, near its end
      return geometry.raw().pool_bytes + 64 * draw(random, 0, 4) - 128;
    default:
      return stolen.empty() ? 0 : stolen[draw(random, 0, stolen.size() - 1)];
  }
}

}  // namespace tow::hostile
