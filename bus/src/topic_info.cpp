// What `tow info` and programs may know of a topic. Everything is mapped read-only.

#include <sys/stat.h>

#include <filesystem>

#include "describe.hpp"
#include "geometry.hpp"
#include "towpath/shm/histogram.hpp"
#include "towpath/topic.hpp"

namespace tow {
namespace {

using shm::kRelaxed;

std::vector<PublisherInfo> publishers_of(const shm::Ring& ring) {
  std::vector<PublisherInfo> publishers;
  for (std::uint32_t number = 0; number < ring.geometry().raw().max_publishers; ++number) {
    auto segment = shm::Segment::open(ring.lanes(), shm::file_name(number), shm::SegmentKind::lane,
                                      shm::Access::read_only, shm::kPage);
    if (!segment && segment.error() == Code::not_found) break;  // lanes are made in order
    if (!segment || segment->size() < sizeof(shm::LaneLayout)) continue;
    const auto& lane = *segment->as<shm::LaneLayout>();
    // relaxed, here and below: for people
    const std::uint64_t owner = lane.owner.load(kRelaxed);
    if (owner == 0) continue;
    publishers.push_back({number, describe(ring.participants(), owner),
                          lane.published.load(kRelaxed), lane.adoptions.load(kRelaxed)});
  }
  return publishers;
}

void read_latency(const shm::ReaderLayout& page, const shm::TickRate& rate, SubscriberInfo& info) {
  const std::span<const shm::Atomic<std::uint64_t>, shm::kHistogramBuckets> buckets(page.latency);
  info.latency_samples = shm::total(buckets);
  info.p50_ns = rate.to_ns(shm::quantile(buckets, 0.5));
  info.p99_ns = rate.to_ns(shm::quantile(buckets, 0.99));
  info.p999_ns = rate.to_ns(shm::quantile(buckets, 0.999));
}

std::optional<SubscriberInfo> read_page(const shm::Ring& ring, std::uint32_t number,
                                        const shm::TickRate& rate, std::uint64_t tail) {
  const auto segment = ring.map_reader(number, shm::Access::read_only);
  if (!segment) return std::nullopt;
  const auto& page = *segment->as<shm::ReaderLayout>();
  const std::uint64_t owner = page.owner.load(shm::kAcquire);  // [L3] pairs with [L7]
  const std::uint64_t claim = page.claim.load(shm::kAcquire);  // [L3]
  if (owner == 0 || page.live.load(shm::kAcquire) != claim) return std::nullopt;  // [L3]
  const auto kind = static_cast<shm::ReaderKind>(page.kind.load(kRelaxed));
  if (kind == shm::ReaderKind::group || kind == shm::ReaderKind::consumer) return std::nullopt;
  SubscriberInfo info;
  info.number = number;
  info.process = describe(ring.participants(), owner);
  info.kind = kind == shm::ReaderKind::required ? SubscriberKind::required : SubscriberKind::lossy;
  info.cursor = page.cursor.load(kRelaxed);
  info.lag = tail + 1 > info.cursor ? tail + 1 - info.cursor : 0;
  info.max_lag = page.max_lag.load(kRelaxed);
  info.received = page.received.load(kRelaxed);
  info.gaps = page.gaps.load(kRelaxed);
  info.lost = page.lost.load(kRelaxed);
  for (const auto& hold : page.holds) info.held += hold.load(kRelaxed) != 0 ? 1 : 0;
  info.evicted = ring.order().evicted[number].load(kRelaxed) == claim;
  read_latency(page, rate, info);
  return info;
}

std::uint64_t bytes_in(const std::string& path) {
  std::uint64_t bytes = 0;
  std::error_code failure;
  for (auto it = std::filesystem::recursive_directory_iterator(path, failure);
       !failure && it != std::filesystem::recursive_directory_iterator(); it.increment(failure)) {
    struct stat status {};
    if (lstat(it->path().c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
      bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
    }
  }
  return bytes;
}

void copy_geometry(const shm::GeometryLayout& raw, TopicInfo& info) {
  const bool one = raw.kind == static_cast<std::uint32_t>(shm::RingKind::one);
  info.publishers_kind = one ? Publishers::one : Publishers::many;
  info.asked_depth = raw.asked_depth;
  info.slot_count = raw.slot_count;
  info.lane_slot_count = raw.lane_slot_count;
  info.slot_bytes = raw.slot_bytes;
  info.max_message_bytes = raw.max_message_bytes;
  info.pool_bytes = raw.pool_bytes;
  info.max_publishers = raw.max_publishers;
  info.max_subscribers = raw.max_subscribers;
  info.stamps = raw.stamp_shift == shm::kNoStamps ? Stamps::none
                : raw.stamp_shift == 0            ? Stamps::all
                                                  : Stamps::sampled;
  info.huge_pages = (raw.flags & shm::kFlagHugePages) != 0;
  info.type_name = stored_type_name(raw);
  info.type_bytes = raw.type_bytes;
}

}  // namespace

ProcessInfo describe(shm::Participants& participants, std::uint64_t owner) {
  ProcessInfo process;
  const shm::Token token(owner);
  process.uid = token.uid();
  if (const auto info = participants.info(token)) {
    process.pid = info->pid;
    process.command = info->command;
    process.joined_ns = info->joined_ns;
  }
  process.alive = participants.liveness(token) == shm::Liveness::alive;
  return process;
}

TopicInfo TopicBase::info() const {
  const shm::Ring& ring = *ring_;
  TopicInfo info;
  info.name = name();
  copy_geometry(ring.geometry().raw(), info);
  info.removed = ring.removed();
  info.last = ring.tail();
  info.oldest = ring.oldest();
  info.dropped = ring.order().dropped.load(kRelaxed);
  info.file_bytes = bytes_in(ring.directory().path());
  info.publishers = publishers_of(ring);
  const shm::TickRate rate(ring.order().created_ticks, ring.order().created_monotonic_ns);
  for (std::uint32_t number = 0; number < ring.geometry().raw().max_subscribers; ++number) {
    const std::uint64_t bits = ring.board().present[number / 64].load(kRelaxed);  // a hint
    if ((bits >> number % 64 & 1) == 0) continue;
    if (auto subscriber = read_page(ring, number, rate, info.last)) {
      info.subscribers.push_back(std::move(*subscriber));
    }
  }
  for (const std::string& file : shm::groups_in(ring.directory())) {
    auto group = shm::Group::open(ring_, file, shm::Access::read_only);
    if (group) info.groups.push_back(Group<Bytes>(std::move(*group), bus_).info());
  }
  return info;
}

}  // namespace tow
