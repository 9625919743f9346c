// What is left on disk and in shared memory after everybody has gone and somebody has healed.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "auditing.hpp"
#include "children.hpp"
#include "consuming.hpp"
#include "topic_options.hpp"
#include "towpath/shm/clock.hpp"
#include "towpath/shm/layout.hpp"
#include "towpath/shm/participants.hpp"
#include "towpath/shm/writer.hpp"

namespace tow::soak {
namespace {

namespace fs = std::filesystem;

void count_participants(const std::string& bus, Leaks& leaks) {
  const auto directory = shm::Directory::open(bus + "/participants").value();
  const std::string name = std::to_string(geteuid());
  const auto file =
      shm::Segment::open(directory, name, shm::SegmentKind::participants, shm::Access::read_only)
          .value();
  const int fd = open(directory.path_of(name).c_str(), O_RDONLY | O_CLOEXEC);
  std::uint32_t taken = 0, locked = 0;
  for (std::uint32_t index = 0; index < shm::kMaxParticipants; ++index) {
    const auto& entry = file.as<shm::ParticipantsLayout>()->entries[index];
    if ((entry.word.load(shm::kAcquire) & 3) != 0) ++taken;
    struct flock probe {};
    probe.l_type = F_RDLCK;
    probe.l_whence = SEEK_SET;
    probe.l_start = index;
    probe.l_len = 1;
    if (fcntl(fd, F_OFD_GETLK, &probe) == 0 && probe.l_type != F_UNLCK) ++locked;
  }
  close(fd);
  leaks.participants = taken - 1;  // this process has joined
  leaks.locks = locked - 1;
}

std::uint32_t count_owned(const std::string& folder, shm::SegmentKind kind, Leaks& leaks) {
  const auto directory = shm::Directory::open(folder).value();
  std::uint32_t owned = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (name == "board") continue;
    const auto file = shm::Segment::open(directory, name, kind, shm::Access::read_only).value();
    if (kind == shm::SegmentKind::lane) {
      ++leaks.lane_count;
      if (file.as<shm::LaneLayout>()->owner.load(shm::kAcquire) != 0) ++owned;
      continue;
    }
    const auto& page = *file.as<shm::ReaderLayout>();
    if (page.owner.load(shm::kAcquire) == 0) continue;
    ++owned;
    leaks.holds += static_cast<std::uint32_t>(std::count_if(
        page.holds.begin(), page.holds.end(), [](auto& hold) { return hold.load() != 0; }));
  }
  return owned;
}

/// Files that a topic may have: one a lane, one a reader, and those that are there from the start.
bool is_known(const std::string& path) {
  constexpr const char* kFixed[] = {"bus",
                                    "participants",
                                    "topics",
                                    "topics/soak",
                                    "topics/soak/order",
                                    "topics/soak/lanes",
                                    "topics/soak/groups",
                                    "topics/soak/readers",
                                    "topics/soak/readers/board"};
  if (std::find(std::begin(kFixed), std::end(kFixed), path) != std::end(kFixed)) return true;
  const auto slash = path.rfind('/');
  const std::string folder = path.substr(0, slash), name = path.substr(slash + 1);
  return name.find_first_not_of("0123456789") == std::string::npos &&
         (folder == "participants" || folder == "topics/soak/lanes" ||
          folder == "topics/soak/readers");
}

std::uint32_t count_strange_files(const Plan& plan, const Leaks& leaks) {
  std::uint32_t strange = 0, pages = 0;
  for (const auto& entry : fs::recursive_directory_iterator(plan.bus)) {
    const std::string path = fs::relative(entry.path(), plan.bus);
    if (!is_known(path)) ++strange;
    if (path.starts_with("topics/soak/readers/")) ++pages;
  }
  const TopicOptions options = topic_options(plan);
  if (leaks.lane_count > std::max(1U, options.max_publishers)) ++strange;
  if (pages > options.max_subscribers + 1) ++strange;  // the board
  return strange;
}

/// Adopts every lane, borrows its whole pool in one piece, and publishes once around its ring,
/// which no reader holds up any more.
void use_all_lanes(const Plan& plan, Leaks& leaks) {
  auto participants = std::make_shared<shm::Participants>(
      shm::Directory::open(plan.bus + "/participants").value(), 0600);
  participants->join().value();
  const auto ring = shm::Ring::open(shm::Directory::open(plan.bus + "/topics/soak").value(), "soak",
                                    participants, 0600, false)
                        .value();
  std::vector<std::unique_ptr<shm::Writer>> writers;
  for (std::uint32_t lane = 0; lane < leaks.lane_count; ++lane) {
    writers.push_back(shm::Writer::attach(ring).value());
    if (!writers.back()->loan(kPoolBytes)) ++leaks.pools;
  }
  for (const auto& writer : writers) {
    for (std::uint64_t slot = 0; slot < ring->geometry().lane_slot_count(); ++slot) {
      if (writer->append("x", 1, {}) != shm::Append::done) ++leaks.slots;
    }
  }
}

/// Waits until towd has repaired all that the dead left, without anybody's help.
void wait_for_towd(const Self& self) {
  const auto looker = Bus::open(self.plan.bus, {.create = false, .observe = true}).value();
  const std::uint64_t end = shm::monotonic_ns() + self.plan.watchdog_ns;
  const auto all_live = [&] {
    const auto processes = looker.processes();
    return std::all_of(processes.begin(), processes.end(),
                       [](const ProcessInfo& process) { return process.alive; });
  };
  while (!all_live()) {
    if (shm::monotonic_ns() > end) {
      self.log.stuck.fetch_add(1);
      return self.log.fault("towd leaves the dead unrepaired");
    }
    usleep(200);
  }
}

}  // namespace

void check_leaks(Self& self) {
  Leaks& leaks = self.log.leaks;
  if (self.plan.supervisors > 0) wait_for_towd(self);
  const auto bus = Bus::open(self.plan.bus).value();  // heals
  const std::string topic_path = self.plan.bus + "/topics/soak";
  const auto topic = bus.topic("soak", topic_options(self.plan)).value();
  if (self.plan.consumers != 0) close_group(self, bus, topic);
  if (self.plan.settles) close_audit(self, bus);
  count_participants(self.plan.bus, leaks);
  leaks.lanes = count_owned(topic_path + "/lanes", shm::SegmentKind::lane, leaks);
  leaks.readers = count_owned(topic_path + "/readers", shm::SegmentKind::reader, leaks);
  leaks.files = count_strange_files(self.plan, leaks);
  leaks.last_sequence = topic.last_sequence();
  use_all_lanes(self.plan, leaks);
  leaks.done = 1;
}

}  // namespace tow::soak
