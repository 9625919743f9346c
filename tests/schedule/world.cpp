#include "world.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>
#include <stdexcept>

#include "explorer.hpp"

namespace tow::schedule {
namespace {

namespace fs = std::filesystem;

shm::GeometryLayout layout_of(const WorldOptions& options) {
  shm::GeometryLayout raw{};
  raw.kind = static_cast<std::uint32_t>(options.kind);
  raw.slot_bytes = 64;
  raw.slot_count = options.slots;
  raw.lane_slot_count = options.lane_slots;
  raw.pool_bytes = options.pool_bytes;
  raw.max_message_bytes = 64;
  raw.asked_depth = options.slots;
  raw.max_publishers = options.lanes;
  raw.max_subscribers = options.readers;
  raw.stamp_shift = shm::kNoStamps;  // clocks would make schedules differ
  return raw;
}

/// Descriptors open for writing on `path`.
std::set<int> writers_of(const std::string& path) {
  std::set<int> found;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (fs::read_symlink(entry.path(), gone) != path) continue;
    const int fd = std::stoi(entry.path().filename());
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR) found.insert(fd);
  }
  return found;
}

}  // namespace

World::World(const WorldOptions& options) {
  std::string pattern = "/dev/shm/towpath-schedule-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  path_ = pattern;
  fs::create_directories(topic_path() + "/groups/g");
  fs::create_directory(path_ + "/participants");
  const std::string user = path_ + "/participants/" + std::to_string(geteuid());
  const auto geometry = shm::Geometry::checked(layout_of(options), "world").value();
  shm::Ring::create(directory(), geometry, 0600).value();
  for (std::size_t i = 0; i < options.members; ++i) {
    const std::set<int> before = writers_of(user);
    members_.push_back(std::make_shared<shm::Participants>(
        shm::Directory::open(path_ + "/participants").value(), 0600));
    members_.back()->join().value();
    for (const int fd : writers_of(user)) {
      if (!before.contains(fd)) lock_fds_.push_back(fd);
    }
    rings_.push_back(
        shm::Ring::open(directory(), "schedule", members_.back(), 0600, false).value());
  }
  killed_.resize(options.members);
  for (std::uint32_t k = 0; k < options.lanes; ++k) {
    const std::string name = shm::file_name(k);
    auto draft = shm::draft_lane(rings_[0]->lanes(), k, geometry, 0600);
    if (k != 0) std::move(draft.value()).link().value();
    lanes_.push_back(rings_[0]->map_lane(k, shm::Access::read_write).value().segment);
    remember(rings_[0]->lanes(), name, shm::SegmentKind::lane);
  }
  for (std::uint32_t k = 0; k < options.readers; ++k) {
    shm::create_reader(rings_[0]->readers(), k, 0600).value();
    pages_.push_back(rings_[0]->map_reader(k, shm::Access::read_write).value());
    remember(rings_[0]->readers(), shm::file_name(k), shm::SegmentKind::reader);
  }
  if (options.record) make_record();
  remember(rings_[0]->readers(), "board", shm::SegmentKind::board);
  remember(rings_[0]->directory(), "order", shm::SegmentKind::order);
  remember(shm::Directory::open(path_ + "/participants").value(), std::to_string(geteuid()),
           shm::SegmentKind::participants);
}

std::unique_ptr<shm::Record> World::claim_record(std::size_t member) const {
  return shm::Record::claim(shm::Directory::open(path_).value(), "topics/topic/groups/g", 0,
                            members_[member], 0600)
      .value();
}

void World::make_record() {
  claim_record(0);
  const auto records = shm::Directory::open(topic_path() + "/groups/g/records").value();
  record_ =
      shm::Segment::open(records, "0", shm::SegmentKind::record, shm::Access::read_write).value();
  remember(records, "0", shm::SegmentKind::record);
}

World::~World() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void World::remember(const shm::Directory& directory, const std::string& name,
                     shm::SegmentKind kind) {
  auto segment = shm::Segment::open(directory, name, kind, shm::Access::read_write).value();
  // Of the participants' file, which is large, only the first entries are ever used.
  const bool members = kind == shm::SegmentKind::participants;
  const std::size_t bytes =
      members ? std::min<std::size_t>(segment.size(), 16 << 10) : segment.size();
  std::vector<std::byte> first(segment.data(), segment.data() + bytes);
  files_.push_back({std::move(segment), std::move(first)});
}

void World::reset() {
  for (const File& file : files_) {
    std::memcpy(file.segment.data(), file.first.data(), file.first.size());
  }
  for (std::size_t i = 0; i < killed_.size(); ++i) {
    if (killed_[i]) lock(i, F_WRLCK);
    killed_[i] = false;
  }
}

void World::kill(std::size_t member) {
  unlocked(members_[member]->self().index());
  lock(member, F_UNLCK);
  killed_[member] = true;
}

void World::lock(std::size_t member, short type) {
  struct flock byte {};
  byte.l_type = type;
  byte.l_whence = SEEK_SET;
  byte.l_start = members_[member]->self().index();
  byte.l_len = 1;
  if (fcntl(lock_fds_[member], F_OFD_SETLK, &byte) != 0) throw std::runtime_error("lock failed");
}

shm::ReaderLayout& World::page(std::size_t number) const {
  return *pages_[number].as<shm::ReaderLayout>();
}

shm::LaneLayout& World::lane_header(std::size_t number) const {
  return *lanes_[number].as<shm::LaneLayout>();
}

shm::SlotLayout& World::slot(std::size_t lane, std::uint64_t number) const {
  const std::uint64_t offset = geometry().slots_offset() + number * geometry().raw().slot_bytes;
  return *lanes_[lane].as<shm::SlotLayout>(offset);
}

std::byte* World::pool(std::size_t lane) const {
  return lanes_[lane].data() + geometry().pool_offset();
}

std::shared_ptr<shm::Participants> World::outsider() const {
  return std::make_shared<shm::Participants>(shm::Directory::open(path_ + "/participants").value(),
                                             0600);
}

bool World::is_content(const void* word) const {
  const auto* const at = static_cast<const std::byte*>(word);
  for (const shm::Segment& lane : lanes_) {
    const std::byte* const first = lane.data() + geometry().slots_offset();
    if (at < first || at >= lane.data() + geometry().pool_offset()) continue;
    return static_cast<std::size_t>(at - first) % geometry().raw().slot_bytes != 0;
  }
  return false;
}

shm::Append publish(shm::Writer& writer, const Note& note) {
  return writer.append(&note, sizeof note);
}

Took take(shm::Reader& reader) {
  alignas(16) std::byte buffer[shm::kMaxInlineBytes];
  shm::Received received;
  Took took;
  took.take = reader.try_take(received, buffer);
  if (took.take == shm::Take::damaged) fail("a message is damaged or gone");
  if (took.take != shm::Take::message) return took;
  took.sequence = received.sequence;
  if (received.payload_bytes < sizeof(Note)) {
    fail("message " + std::to_string(received.sequence) + " is too short");
  } else {
    std::memcpy(&took.note, received.data, sizeof(Note));
  }
  if (received.missed != 0) fail("messages are missing before " + std::to_string(took.sequence));
  reader.release(received.hold);
  return took;
}

std::vector<Note> drain(shm::Reader& reader, std::uint64_t first) {
  std::vector<Note> notes;
  while (true) {
    const Took took = take(reader);
    if (took.take != shm::Take::message) break;
    if (took.sequence != first + notes.size()) {
      fail("message " + std::to_string(took.sequence) + " where " +
           std::to_string(first + notes.size()) + " should be");
    }
    notes.push_back(took.note);
  }
  if (reader.ready()) fail("the reader neither takes nor waits");
  return notes;
}

}  // namespace tow::schedule
