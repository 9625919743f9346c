#include "towpath/shm/repair.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

#include "towpath/shm/layout.hpp"
#include "towpath/shm/wait.hpp"

namespace tow::shm {
namespace {

/// Calls `visit` with the name of each numbered file.
template <class Visit>
void for_each_numbered(const Directory& directory, Visit&& visit) {
  const int fd = openat(directory.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const listing = fd < 0 ? nullptr : fdopendir(fd);
  if (listing == nullptr) return;
  while (const dirent* const entry = readdir(listing)) {
    const std::string_view name = entry->d_name;
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc{} && end == name.data() + name.size()) visit(std::string(name));
  }
  closedir(listing);
}

/// dead -> 0, one CAS. The token of the dead never returns, so a slow repairer does no harm.
bool free_if_dead(Atomic<std::uint64_t>& word, Participants& participants) {
  std::uint64_t owner = word.load(kAcquire);  // [A1] for lanes, [L7] for readers
  if (owner == 0 || participants.liveness(Token(owner)) != Liveness::dead) return false;
  return word.compare_exchange_strong(owner, 0, kAcqRel);  // [A2], [L7]
}

template <class Layout>
std::uint32_t free_dead_owners(const Directory& topic, const char* folder, SegmentKind kind,
                               Participants& participants) {
  auto directory = topic.open_child(folder);
  if (!directory) return 0;
  std::uint32_t freed = 0;
  for_each_numbered(*directory, [&](const std::string& name) {
    auto segment = Segment::open(*directory, name, kind, Access::read_write, kPage);
    if (!segment || segment->size() < kPage) return;
    if (free_if_dead(segment->template as<Layout>()->owner, participants)) ++freed;
  });
  return freed;
}

void ring_bells(const Directory& topic) {
  auto order =
      Segment::open(topic, "order", SegmentKind::order, Access::read_write, sizeof(OrderLayout));
  if (order && order->size() >= sizeof(OrderLayout)) {
    Doorbell::ring(order->as<OrderLayout>()->doorbell);
  }
  auto readers = topic.open_child("readers");
  if (!readers) return;
  auto board = Segment::open(*readers, "board", SegmentKind::board, Access::read_write);
  if (board && board->size() >= sizeof(BoardLayout)) {
    Doorbell::ring(board->as<BoardLayout>()->room_bell);
  }
}

}  // namespace

Repaired repair_topic(const Directory& directory, Participants& participants) {
  Repaired repaired;
  repaired.readers =
      free_dead_owners<ReaderLayout>(directory, "readers", SegmentKind::reader, participants);
  repaired.lanes =
      free_dead_owners<LaneLayout>(directory, "lanes", SegmentKind::lane, participants);
  if (repaired.readers + repaired.lanes != 0) ring_bells(directory);
  return repaired;
}

bool has_living_readers(const Directory& directory, Participants& participants) {
  auto readers = directory.open_child("readers");
  if (!readers) return false;
  bool living = false;
  for_each_numbered(*readers, [&](const std::string& name) {
    auto page = Segment::open(*readers, name, SegmentKind::reader, Access::read_only, kPage);
    if (!page || page->size() < kPage) return;
    const std::uint64_t owner = page->as<ReaderLayout>()->owner.load(kAcquire);  // [L7]
    living = living || (owner != 0 && participants.liveness(Token(owner)) != Liveness::dead);
  });
  return living;
}

}  // namespace tow::shm
