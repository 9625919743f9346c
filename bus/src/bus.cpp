#include "towpath/bus.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "bus_state.hpp"
#include "exchange_files.hpp"
#include "geometry.hpp"
#include "names.hpp"
#include "towpath/shm/repair.hpp"

namespace tow {
namespace {

constexpr std::string_view kLeftover = ".removed-";
/// Whatever lies there instead of a file shall neither be followed nor hold us up.
constexpr int kOpenToLock = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

/// Makes a directory, or uses one that is there.
Result<void> make_directory(const std::string& path, std::uint32_t mode) {
  if (mkdir(path.c_str(), mode) == 0) {
    chmod(path.c_str(), mode);  // the option, not the umask
    return {};
  }
  if (errno == EEXIST) return {};
  const Code code = errno == ENOSPC   ? Code::no_space
                    : errno == ENOENT ? Code::not_found
                                      : Code::no_permission;
  return make_error(code, "make directory " + path + ": check TOWPATH_DIR and its rights", errno);
}

/// The default parent of a user's buses must be the user's: /dev/shm is everybody's.
Result<void> make_private_parent(const std::string& path) {
  if (auto made = make_directory(path, 0700); !made) return made;
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid()) {
    return make_error(Code::no_permission,
                      path + " belongs to somebody else; set TOWPATH_DIR to a directory of yours");
  }
  return {};
}

std::string default_parent() { return "/dev/shm/towpath-" + std::to_string(geteuid()); }

/// Dies anywhere: directories without the file `bus`; the next who opens makes the rest.
Result<void> make_bus(const shm::Directory& directory, std::uint32_t file_mode) {
  const std::uint32_t mode = directory_mode(file_mode);
  for (const std::string& name : directory.names()) {
    if (name == "participants" || name == "topics" || name == "exchanges") continue;
    if (name == "bus") return {};  // somebody else made it meanwhile
    return make_error(Code::already_exists, directory.path() + " exists and is no bus (it has " +
                                                name + "); name another directory");
  }
  for (const char* const name : {"participants", "topics"}) {
    const std::string path = directory.path_of(name);
    if (auto made = make_directory(path, mode); !made) return made;
    // The option, not the umask; an heir does it again. Where others may write, they may not take
    // away a user's proof of life.
    const bool members = std::string_view(name) == "participants";
    chmod(path.c_str(), mode | (members && (mode & 0022) != 0 ? S_ISVTX : 0));
  }
  // Everybody who may use the bus must see its version, and who lives.
  auto made = shm::Segment::create(
      directory, "bus", {shm::SegmentKind::bus, sizeof(shm::BusLayout), file_mode},
      [&](std::byte* data) { reinterpret_cast<shm::BusLayout*>(data)->file_mode = file_mode; });
  if (!made && !(made.error() == Code::already_exists)) return made.error();
  return {};
}

/// Takes a write lock on a file within a second.
bool lock_whole(int fd) {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    if (fcntl(fd, F_OFD_SETLK, &whole) == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace

Result<std::string> Bus::path_of(std::string_view name) {
  if (name.empty()) {
    return make_error(Code::invalid_name, "a bus needs a name; the empty one is not allowed");
  }
  if (name.find('\0') != std::string_view::npos) {
    return make_error(Code::invalid_name, "a bus name cannot contain a NUL character");
  }
  if (name.find('/') != std::string_view::npos) return std::string(name);
  if (name == "." || name == ".." || name.size() > 200) {
    return make_error(Code::invalid_name, "bus name " + std::string(name.substr(0, 32)) +
                                              " is not a name of 1 to 200 bytes");
  }
  const char* const parent = std::getenv("TOWPATH_DIR");
  const std::string base = parent != nullptr && *parent != '\0' ? parent : default_parent();
  return base + '/' + std::string(name);
}

Result<Bus> Bus::open(std::string_view name, const BusOptions& options) {
  auto path = path_of(name);
  if (!path) return path.error();
  const bool create = options.create && !options.observe;
  if (create) {
    const std::string parent = std::filesystem::path(*path).parent_path();
    if (parent == default_parent()) {
      if (auto made = make_private_parent(parent); !made) return made.error();
    } else if (name.find('/') == std::string_view::npos) {
      if (auto made = make_directory(parent, directory_mode(options.file_mode)); !made) {
        return made.error();
      }
    }
    if (auto made = make_directory(*path, directory_mode(options.file_mode)); !made) {
      return made.error();
    }
  }
  auto directory = shm::Directory::open(*path);
  const auto no_bus = [&] {
    return make_error(Code::not_found, "no bus " + std::string(name) + " (" + *path +
                                           "): start the program that makes it, or check "
                                           "TOWPATH_DIR and the user");
  };
  if (!directory) return directory.error() == Code::not_found ? no_bus() : directory.error();
  auto file = shm::Segment::open(*directory, "bus", shm::SegmentKind::bus, shm::Access::read_only);
  if (!file && file.error() == Code::not_found) {
    if (!create) return no_bus();
    if (auto made = make_bus(*directory, options.file_mode); !made) return made.error();
    file = shm::Segment::open(*directory, "bus", shm::SegmentKind::bus, shm::Access::read_only);
  }
  if (!file) return file.error();
  const std::uint32_t file_mode = file->as<shm::BusLayout>()->file_mode & 0666;
  auto topics = directory->open_child("topics");
  if (!topics) return topics.error();
  auto members = directory->open_child("participants");
  if (!members) return members.error();
  auto participants = std::make_shared<shm::Participants>(std::move(*members), file_mode);
  if (!options.observe) {
    if (auto joined = participants->join(); !joined) return joined.error();
  }
  Bus bus(
      std::make_shared<BusState>(BusState{std::move(*directory), std::move(*topics),
                                          std::move(participants), file_mode, options.observe}));
  if (!options.observe) bus.heal();
  return bus;
}

Result<void> Bus::remove(std::string_view name) {
  auto bus = open(name, {.create = false, .observe = true});
  if (!bus) return bus.error();
  for (const ProcessInfo& process : bus->processes()) {
    if (!process.alive) continue;
    return make_error(Code::already_exists, "bus " + bus->path() + " is in use by pid " +
                                                std::to_string(process.pid) + " (" +
                                                process.command + "); end it first");
  }
  // Topics first, each in one step: should we die here, nobody finds half of one, with lanes of the
  // dead. Then exchanges, which lead nowhere now, and `bus`; what is left without it is completed
  // by whoever opens the bus next.
  for (const std::string& topic : bus->state_->topics.names()) {
    if (unescape_topic(topic).empty()) continue;
    if (auto gone = bus->take_away(topic, nullptr); !gone) return gone;
  }
  std::error_code failure;
  for (const char* const part : {"/exchanges", "/bus", "/topics", "/participants", ""}) {
    std::filesystem::remove_all(bus->path() + part, failure);
    if (failure) {
      return make_error(Code::no_permission, "remove " + bus->path() + part, failure.value());
    }
  }
  return {};
}

const std::string& Bus::path() const { return state_->directory.path(); }

Result<std::shared_ptr<shm::Ring>> Bus::open_ring(std::string_view name,
                                                  const TopicOptions& options,
                                                  const TypeInfo& type) const {
  auto file_name = escape_topic(name);
  if (!file_name) return file_name.error();
  const std::string topic(name);
  const bool create = options.create && !state_->observe;
  if (!state_->observe && !state_->participants->still_member()) {
    return state_->participants->not_a_member();
  }
  constexpr int kMaxRaces = 100;  // each means that somebody made or removed the topic meanwhile
  for (int race = 0; race < kMaxRaces; ++race) {
    auto ring = open_existing(*file_name, topic);
    if (ring) {
      if ((*ring)->broken()) return (*ring)->end_reason();
      if ((*ring)->removed() && !(*ring)->can_publish()) return no_topic(topic);
      if ((*ring)->removed()) {  // its remover is at work, or died before it took the files away
        if (auto gone = take_away(*file_name, ring->get()); !gone) return gone.error();
        continue;
      }
      if (auto same = check_same(topic, (*ring)->geometry().raw(), options, type); !same) {
        return same.error();
      }
      return ring;
    }
    if (!(ring.error() == Code::not_found)) return ring.error();
    if (!create) return no_topic(topic);
    auto geometry = make_geometry(topic, options, type);
    if (!geometry) return geometry.error();
    const auto mode = directory_mode(state_->file_mode);
    if (auto made = make_directory(state_->topics.path_of(*file_name), mode); !made) {
      return made.error();
    }
    auto directory = state_->topics.open_child(*file_name);
    if (!directory) continue;
    auto made = shm::Ring::create(*directory, *geometry, state_->file_mode);
    if (!made && !(made.error() == Code::already_exists) && !(made.error() == Code::not_found)) {
      return made.error();
    }
  }
  return make_error(Code::system, "topic " + topic + " is made and removed over and over");
}

Result<Topic<Bytes>> Bus::topic(std::string_view name, const TopicOptions& options,
                                const TypeInfo& type) const {
  if (auto fault = fault_in(type, name)) return *fault;
  auto ring = open_ring(name, options, type);
  if (!ring) return ring.error();
  return Topic<Bytes>(std::move(*ring), state_);
}

Result<std::shared_ptr<shm::Ring>> Bus::open_existing(const std::string& file_name,
                                                      const std::string& topic) const {
  auto directory = state_->topics.open_child(file_name);
  if (!directory) return directory.error();
  return shm::Ring::open(std::move(*directory), topic, state_->participants, state_->file_mode,
                         state_->observe);
}

Error Bus::no_topic(const std::string& topic) const {
  return make_error(Code::not_found,
                    "no topic " + topic + " on bus " + path() + "; `tow ls` lists those there are");
}

Result<Topic<Bytes>> Bus::topic_as_bytes(std::string_view name) const {
  auto file_name = escape_topic(name);
  if (!file_name) return file_name.error();
  auto ring = open_existing(*file_name, std::string(name));
  if (!ring && !(ring.error() == Code::not_found)) return ring.error();
  if (ring && (*ring)->broken()) return (*ring)->end_reason();
  if (!ring || (*ring)->removed()) return no_topic(std::string(name));
  return Topic<Bytes>(std::move(*ring), state_);
}

Result<void> Bus::remove_topic(std::string_view name) const {
  auto file_name = escape_topic(name);
  if (!file_name) return file_name.error();
  auto ring = open_existing(*file_name, std::string(name));
  if (!ring) {
    if (ring.error() == Code::not_found) return no_topic(std::string(name));
    auto gone = take_away(*file_name, nullptr);  // damaged, but removable
    if (gone) prune_bindings();
    return gone;
  }
  if (!(*ring)->can_publish()) {
    return make_error(Code::no_permission,
                      "topic " + std::string(name) + ": no right to remove it; ask its owner");
  }
  auto gone = take_away(*file_name, ring->get());
  if (gone) prune_bindings();
  return gone;
}

Result<void> Bus::take_away(const std::string& file_name, const shm::Ring* ring) const {
  const std::string path = state_->topics.path_of(file_name);
  const int lock = ring == nullptr ? -1 : openat(ring->directory().fd(), "order", kOpenToLock);
  if (ring != nullptr && lock < 0) {
    if (errno == ENOENT) return {};  // another remover was faster
    return make_error(Code::no_permission, "remove " + path + ": ask its owner", errno);
  }
  // Two removers must not take away what a creator made between them. The kernel frees the lock of
  // a remover that dies.
  if (lock >= 0 && !lock_whole(lock)) {
    close(lock);
    return make_error(Code::timed_out, path + " is being removed by another process; try again");
  }
  struct stat locked {
  }, named{};
  if (lock >= 0) fstat(lock, &locked);
  const bool same =
      lock < 0 || (stat((path + "/order").c_str(), &named) == 0 && named.st_ino == locked.st_ino);
  Result<void> result;
  if (same) {
    if (ring != nullptr) {
      // [T1] release: whoever looks from here on stops. Dies here: removed in name only; whoever
      // opens or removes it next takes the files away.
      ring->order().state.store(static_cast<std::uint32_t>(shm::TopicState::removed),
                                shm::kRelease);
      ring->ring_all();
    }
    const std::string gone =
        state_->topics.path_of(std::string(kLeftover) + std::to_string(shm::monotonic_ns()));
    if (rename(path.c_str(), gone.c_str()) != 0) {
      if (errno != ENOENT) result = make_error(Code::no_permission, "remove " + path, errno);
    } else if (ring == nullptr ||
               !shm::has_living_readers(ring->directory(), *state_->participants)) {
      std::error_code ignored;  // what stays is a leftover that heal deletes
      std::filesystem::remove_all(gone, ignored);
    }
  }
  if (lock >= 0) close(lock);
  return result;
}

std::vector<std::string> Bus::topics() const {
  std::vector<std::string> topics;
  for (const std::string& name : state_->topics.names()) {
    const std::string topic = unescape_topic(name);
    if (topic.empty()) continue;
    struct stat status {};
    if (fstatat(state_->topics.fd(), (name + "/order").c_str(), &status, 0) == 0) {
      topics.push_back(topic);
    }
  }
  std::sort(topics.begin(), topics.end());
  return topics;
}

std::vector<ProcessInfo> Bus::processes() const {
  std::vector<ProcessInfo> processes;
  state_->participants->for_each([&](const shm::ParticipantInfo& info) {
    const bool alive = state_->participants->liveness(info.token) != shm::Liveness::dead;
    processes.push_back({info.token.uid(), info.pid, info.command, alive, info.joined_ns});
  });
  return processes;
}

HealReport Bus::heal() const {
  HealReport report;
  shm::Participants& participants = *state_->participants;
  std::uint32_t waiting = 0;
  std::vector<shm::Token> dead;
  participants.for_each([&](const shm::ParticipantInfo& info) {
    if (participants.begin_repair(info.token)) dead.push_back(info.token);
  });
  for (const std::string& name : state_->topics.names()) {
    if (name.starts_with(kLeftover)) {
      const auto leftover = state_->topics.open_child(name);
      if (leftover && shm::has_living_readers(*leftover, participants)) continue;
      std::error_code failure;
      if (std::filesystem::remove_all(state_->topics.path_of(name), failure) > 0)
        ++report.leftovers;
    } else if (const std::string topic = unescape_topic(name); !dead.empty() && !topic.empty()) {
      if (auto directory = state_->topics.open_child(name)) {
        const shm::Repaired repaired = shm::repair_topic(*directory, participants);
        report.lanes += repaired.lanes;
        report.readers += repaired.readers;
        report.consumers += repaired.consumers;
        waiting += repaired.waiting;
        if (shm::is_removed(*directory) && finish_removal(name, topic)) ++report.leftovers;
      }
    }
  }
  report.leftovers += remove_replies_of_the_dead();
  if (waiting != 0) return report;  // the dead keep their entries, so that the next heal goes on
  if (!dead.empty() || report.leftovers != 0) prune_bindings();        // of a dead one's removal
  for (const shm::Token token : dead) participants.end_repair(token);  // last
  report.participants = static_cast<std::uint32_t>(dead.size());
  return report;
}

bool Bus::finish_removal(const std::string& file_name, const std::string& topic) const {
  auto directory = state_->topics.open_child(file_name);
  if (!directory) return false;
  const auto ring =
      shm::Ring::open(std::move(*directory), topic, state_->participants, state_->file_mode, false);
  return ring && (*ring)->removed() && (*ring)->can_publish() && take_away(file_name, ring->get());
}

Result<bool> Bus::supervise() const { return state_->participants->supervise(); }

void Bus::stop_supervising() const {
  state_->participants->stop_supervising();
  for (const std::string& name : state_->topics.names()) {
    if (unescape_topic(name).empty()) continue;
    if (const auto directory = state_->topics.open_child(name)) shm::ring_topic(*directory);
  }
}

}  // namespace tow
