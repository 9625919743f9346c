#include "towpath/shm/ring.hpp"

#include <errno.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>

#include "towpath/shm/wait.hpp"

namespace tow::shm {
namespace {

constexpr std::uint64_t kHugePage = 2ULL << 20;

constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t to) {
  return (value + to - 1) / to * to;
}

/// An empty string, or what is wrong with the geometry.
std::string fault_in(const GeometryLayout& raw) {
  const auto in = [](std::uint64_t value, std::uint64_t low, std::uint64_t high) {
    return value >= low && value <= high;
  };
  if (raw.kind != static_cast<std::uint32_t>(RingKind::one) &&
      raw.kind != static_cast<std::uint32_t>(RingKind::many)) {
    return "publishers must be one or many";
  }
  if (raw.slot_bytes != 64 && raw.slot_bytes != 128 && raw.slot_bytes != 256) {
    return "slot size must be 64, 128 or 256 bytes";
  }
  if (!std::has_single_bit(raw.slot_count) || !in(raw.slot_count, kMinDepth, kMaxDepth * 2)) {
    return "depth must be 16 to 4194304 messages";
  }
  if (!std::has_single_bit(raw.lane_slot_count) ||
      !in(raw.lane_slot_count, kMinDepth, raw.slot_count)) {
    return "lane depth must be a power of two from 16 to the topic's depth";
  }
  if (raw.kind == static_cast<std::uint32_t>(RingKind::one) &&
      raw.lane_slot_count != raw.slot_count) {
    return "with one publisher the lane is as deep as the topic";
  }
  if (!in(raw.max_message_bytes, 1, kMaxMessageBytes)) return "messages must be 1 byte to 1 GiB";
  if (raw.pool_bytes % 64 != 0 || raw.pool_bytes > kMaxPoolBytes) {
    return "the pool must be a multiple of 64 bytes, at most 16 GiB";
  }
  if (raw.max_message_bytes > raw.slot_bytes - kSlotHeaderBytes &&
      raw.pool_bytes < raw.max_message_bytes) {
    return "the pool is smaller than the largest message";
  }
  if (!in(raw.max_publishers, 1, kMaxPublishers)) return "publishers must be 1 to 1024";
  if (!in(raw.max_subscribers, 1, kMaxSubscribers)) return "subscribers must be 1 to 1024";
  if (raw.stamp_shift != kNoStamps && raw.stamp_shift > 16) return "stamps are out of range";
  return {};
}

/// already_exists means that somebody else made it: just as good.
template <class T>
Result<void> or_existing(Result<T> made) {
  if (!made && !(made.error() == Code::already_exists)) return made.error();
  return {};
}

Result<void> create_order(const Directory& directory, const Geometry& geometry,
                          std::uint32_t file_mode) {
  const auto format = [&](std::byte* data) {
    auto& order = *reinterpret_cast<OrderLayout*>(data);
    order.geometry = geometry.raw();
    order.created_ticks = ticks();
    order.created_monotonic_ns = monotonic_ns();
    // relaxed: [S1] orders all of it before the magic
    order.state.store(static_cast<std::uint32_t>(TopicState::live), kRelaxed);
    order.doorbell.store(1, kRelaxed);
    order.wake_mode.store(static_cast<std::uint32_t>(WakeMode::fenced), kRelaxed);
  };
  auto made = Segment::create(directory, "order",
                              {SegmentKind::order, geometry.order_file_bytes(), file_mode}, format);
  if (!made) return made.error();
  return {};
}

}  // namespace

std::string file_name(std::uint32_t number) { return std::to_string(number); }

Geometry::Geometry(const GeometryLayout& raw)
    : raw_(raw),
      slot_bits_(static_cast<unsigned>(std::countr_zero(raw.slot_count))),
      lane_slot_bits_(static_cast<unsigned>(std::countr_zero(raw.lane_slot_count))),
      lane_bits_(static_cast<unsigned>(std::bit_width(raw.max_publishers - 1U))) {}

Result<Geometry> Geometry::checked(const GeometryLayout& raw, const std::string& where) {
  if (const std::string fault = fault_in(raw); !fault.empty()) {
    return make_error(Code::invalid_argument, where + ": " + fault);
  }
  return Geometry(raw);
}

std::uint64_t Geometry::stamp_count() const {
  return stamps() ? std::max<std::uint64_t>(1, raw_.lane_slot_count >> raw_.stamp_shift) : 0;
}

std::uint64_t Geometry::pool_offset() const {
  const bool huge = (raw_.flags & kFlagHugePages) != 0 && raw_.pool_bytes >= kHugePage;
  return align_up(stamps_offset() + stamp_count() * 8, huge ? kHugePage : kPage);
}

Result<Draft> draft_lane(const Directory& lanes, std::uint32_t lane, const Geometry& geometry,
                         std::uint32_t file_mode) {
  // Zeros are right: free to adopt, no slot written.
  return Segment::draft(lanes, file_name(lane),
                        {SegmentKind::lane, geometry.lane_file_bytes(), file_mode},
                        [](std::byte*) {});
}

Result<void> create_reader(const Directory& readers, std::uint32_t reader,
                           std::uint32_t file_mode) {
  // Zeros are right: free to claim, no cursor.
  return or_existing(Segment::create(readers, file_name(reader),
                                     {SegmentKind::reader, sizeof(ReaderLayout), file_mode},
                                     [](std::byte*) {}));
}

Result<void> Ring::create(const Directory& directory, const Geometry& geometry,
                          std::uint32_t file_mode) {
  fchmod(directory.fd(), file_mode | (file_mode & 0444) >> 2);  // r implies x
  auto lanes = directory.make_child("lanes", file_mode);
  if (!lanes) return lanes.error();
  auto readers = directory.make_child("readers", file_mode);
  if (!readers) return readers.error();
  const SegmentSpec board{SegmentKind::board, sizeof(BoardLayout), file_mode};
  const auto format = [](std::byte* data) {
    reinterpret_cast<BoardLayout*>(data)->room_bell.store(1, kRelaxed);  // relaxed: [S1] orders
  };
  if (auto made = or_existing(Segment::create(*readers, "board", board, format)); !made)
    return made;
  // The first lane's space is reserved before the topic exists, so its publisher cannot run out of
  // it later; its name comes after the order, whose creator decides the geometry.
  auto lane = draft_lane(*lanes, 0, geometry, file_mode);
  if (!lane) return lane.error();
  if (auto made = create_order(directory, geometry, file_mode); !made) return made;
  // Dies here: a topic without its first lane; whoever opens it makes one (Ring::open).
  return or_existing(std::move(*lane).link());
}

Ring::Ring(Directory directory, Directory lanes, Directory readers, const Geometry& geometry,
           std::string topic, std::shared_ptr<Participants> participants, std::uint32_t file_mode)
    : directory_(std::move(directory)),
      lanes_(std::move(lanes)),
      readers_(std::move(readers)),
      geometry_(geometry),
      mask_(geometry.slot_count() - 1),
      topic_(std::move(topic)),
      participants_(std::move(participants)),
      file_mode_(file_mode) {}

namespace {

/// Opens for writing if allowed, else for reading.
Result<Segment> open_best(const Directory& directory, const std::string& name, SegmentKind kind,
                          bool observe, Access& access) {
  if (!observe) {
    auto segment = Segment::open(directory, name, kind, Access::read_write);
    if (segment || !(segment.error() == Code::no_permission)) {
      access = Access::read_write;
      return segment;
    }
  }
  access = Access::read_only;
  return Segment::open(directory, name, kind, Access::read_only);
}

}  // namespace

Result<std::shared_ptr<Ring>> Ring::open(Directory directory, std::string topic,
                                         std::shared_ptr<Participants> participants,
                                         std::uint32_t file_mode, bool observe) {
  Access order_access = Access::read_only, board_access = Access::read_only;
  auto order = open_best(directory, "order", SegmentKind::order, observe, order_access);
  if (!order) return order.error();
  const std::string path = directory.path_of("order");
  if (order->size() < sizeof(OrderLayout)) return make_error(Code::corrupt, path + " is too small");
  const GeometryLayout raw = order->as<OrderLayout>()->geometry;  // one copy; only it is used
  auto geometry = Geometry::checked(raw, path);
  if (!geometry)
    return make_error(Code::corrupt, geometry.error().message() + "; remove the topic");
  // Exactly: what is larger would be touched page by page, and may have been made for that.
  if (order->size() != align_up(geometry->order_file_bytes(), kPage)) {
    return make_error(Code::corrupt, path + " is not as large as its geometry; remove the topic");
  }
  auto lanes = directory.open_child("lanes");
  if (!lanes) return lanes.error();
  auto readers = directory.open_child("readers");
  if (!readers) return readers.error();
  auto board = open_best(*readers, "board", SegmentKind::board, observe, board_access);
  if (!board) return board.error();
  if (board->size() < sizeof(BoardLayout)) {
    return make_error(Code::corrupt, readers->path_of("board") + " is too small");
  }
  std::shared_ptr<Ring> ring(new Ring(std::move(directory), std::move(*lanes), std::move(*readers),
                                      *geometry, std::move(topic), std::move(participants),
                                      file_mode));
  ring->order_ = std::move(*order);
  ring->board_ = std::move(*board);
  ring->order_.share(ring->fate_);
  ring->board_.share(ring->fate_);
  ring->order_access_ = order_access;
  ring->board_access_ = board_access;
  if (!observe) ring->order_.touch(order_access, (raw.flags & kFlagHugePages) != 0);
  if (!geometry->many()) {
    auto lane = ring->map_lane(0, Access::read_only);
    if (!lane && lane.error() == Code::not_found && !observe) {
      auto draft = draft_lane(ring->lanes_, 0, *geometry, file_mode);
      if (!draft) return draft.error();
      if (auto made = or_existing(std::move(*draft).link()); !made) return made.error();
      lane = ring->map_lane(0, Access::read_only);
    }
    if (!lane) return lane.error();
    ring->first_lane_ = std::move(*lane);
  }
  if (ring->broken()) return ring->end_reason();
  return ring;
}

Result<LaneView> Ring::map_lane(std::uint32_t lane, Access access) const {
  auto segment = Segment::open(lanes_, file_name(lane), SegmentKind::lane, access);
  if (!segment) return segment.error();
  if (segment->size() != align_up(geometry_.lane_file_bytes(), kPage)) {
    return make_error(Code::corrupt, lanes_.path_of(file_name(lane)) +
                                         " does not fit its topic; remove the topic");
  }
  LaneView view;
  view.slots = segment->data() + geometry_.slots_offset();
  view.stamps = segment->as<Atomic<std::uint64_t>>(geometry_.stamps_offset());
  view.pool = segment->data() + geometry_.pool_offset();
  view.slot_shift = static_cast<unsigned>(std::countr_zero(geometry_.raw().slot_bytes));
  segment->share(fate_);
  segment->touch(access, (geometry_.raw().flags & kFlagHugePages) != 0);
  view.segment = std::move(*segment);
  return view;
}

Result<Segment> Ring::map_reader(std::uint32_t reader, Access access) const {
  auto segment = Segment::open(readers_, file_name(reader), SegmentKind::reader, access);
  if (segment && segment->size() < sizeof(ReaderLayout)) {
    return make_error(Code::corrupt, readers_.path_of(file_name(reader)) + " is too small");
  }
  return segment;
}

Error Ring::end_reason() const {
  if (!broken()) {
    return make_error(Code::removed, "topic " + topic_ + " was removed; open it anew");
  }
  return make_error(Code::corrupt, "topic " + topic_ + ": " + fate_->file() +
                                       " was truncated while in use; remove the topic and create "
                                       "it anew (other topics are not affected)");
}

std::uint64_t Ring::tail() const {
  // `limit` lies between tail and tail + N; committed sequences form a prefix. (relaxed: a hint)
  const std::uint64_t limit = order().limit.load(kRelaxed);
  std::uint64_t low = limit > geometry_.slot_count() ? limit - geometry_.slot_count() : 0;
  std::uint64_t high = limit + 1;  // not committed, unless the limit rose meanwhile
  while (low + 1 < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    (published(middle) ? low : high) = middle;
  }
  return tail_from(low);
}

std::uint64_t Ring::tail_from(std::uint64_t known) const {
  // Galloping: double the step while committed, then halve. Bounded by the ring: at most N ahead,
  // or as far as others got meanwhile.
  std::uint64_t step = 1;
  while (step <= geometry_.slot_count() && published(known + step)) {
    known += step;
    step *= 2;
  }
  for (step = std::min(step, geometry_.slot_count()); step != 0; step /= 2) {
    if (published(known + step)) known += step;
  }
  return known;
}

std::uint64_t Ring::oldest() const {
  // relaxed: readers validate what they take; joins read the limit again behind their fence [L4]
  const std::uint64_t limit = order().limit.load(kRelaxed);
  return limit > geometry_.slot_count() ? limit - geometry_.slot_count() + 1 : 1;
}

void Ring::ring_all() const {
  // [D7] = [D6], seq_cst: whatever was repaired before is seen by those who wake
  if (can_publish()) Doorbell::ring(order().doorbell);
  if (can_subscribe()) Doorbell::ring(board().room_bell);
}

}  // namespace tow::shm
