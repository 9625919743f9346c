#include "towpath/shm/participants.hpp"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <vector>

#include "lock_descriptors.hpp"
#include "towpath/shm/clock.hpp"
#include "towpath/shm/text_words.hpp"

namespace tow::shm {
namespace {

constexpr std::uint64_t pack(std::uint32_t generation, EntryState state) {
  return std::uint64_t{generation} << 2 | static_cast<std::uint64_t>(state);
}
constexpr std::uint32_t generation_in(std::uint64_t word) {
  return static_cast<std::uint32_t>(word >> 2) & 0x1FFFFF;
}
constexpr EntryState state_in(std::uint64_t word) { return static_cast<EntryState>(word & 3); }
/// Generations run from 1 and skip 0, so that no token is 0.
constexpr std::uint32_t next_generation(std::uint32_t generation) {
  const std::uint32_t next = (generation + 1) & 0x1FFFFF;
  return next == 0 ? 1 : next;
}

struct flock byte_lock(short type, std::uint32_t index) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = index;
  lock.l_len = 1;
  return lock;
}

/// What lies there instead of a file shall not hold us up.
constexpr int kOpenToAsk = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

bool belongs_to(int fd, std::uint32_t uid) {
  struct stat status {};
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == uid;
}

std::string own_command() {
  std::ifstream file("/proc/self/comm");
  std::string command;
  std::getline(file, command);
  return command;
}

void describe(ParticipantLayout& entry) {
  store_text(entry.command, own_command());
  entry.pid.store(static_cast<std::uint32_t>(getpid()), kRelaxed);  // as above
  entry.joined_ns.store(realtime_ns(), kRelaxed);                   // as above
}

ParticipantInfo read_entry(const ParticipantLayout& entry, std::uint32_t uid, std::uint32_t index) {
  const std::uint64_t word = entry.word.load(kAcquire);  // [M2] pairs with [M1]
  return {Token(uid, index, generation_in(word)), state_in(word), entry.pid.load(kRelaxed),
          entry.joined_ns.load(kRelaxed), load_text(entry.command)};
}

}  // namespace

struct Participants::UserFile {
  std::uint32_t uid;
  Segment segment;
  int probe_fd;  ///< read-only, never locked: liveness is asked through it
  Access access;
  std::uint64_t inode = inode_of(probe_fd);
  ParticipantsLayout& layout() const { return *segment.as<ParticipantsLayout>(); }
  /// False once the program closed a descriptor that is not its own, and another file got it.
  bool can_ask() const { return inode != 0 && inode_of(probe_fd) == inode; }
  static std::uint64_t inode_of(int fd) {
    struct stat status {};
    return fstat(fd, &status) == 0 ? status.st_ino : 0;
  }
  ~UserFile() {
    if (probe_fd >= 0) close(probe_fd);
  }
};

Participants::Participants(Directory directory, std::uint32_t file_mode)
    : directory_(std::move(directory)), file_mode_(file_mode), fork_count_(fork_count()) {}

Participants::~Participants() {
  if (fork_count_ != fork_count()) return;
  stop_supervising();
  leave();
  if (lock_fd_ >= 0) close(lock_fd_);  // an exception left join() half way
}

std::vector<std::uint32_t> Participants::users() const {
  std::vector<std::uint32_t> users;
  const int fd = openat(directory_.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const listing = fd < 0 ? nullptr : fdopendir(fd);
  if (listing == nullptr) return users;
  while (const dirent* const item = readdir(listing)) {
    const std::string_view name = item->d_name;
    std::uint32_t uid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), uid);
    const bool whole = error == std::errc{} && end == name.data() + name.size();
    if (whole && name == std::to_string(uid)) users.push_back(uid);  // 007 is not 7
  }
  closedir(listing);
  return users;
}

Participants::UserFile* Participants::user_file(std::uint32_t uid, Access access) {
  if (std::exchange(mapped_forks_, fork_count()) != fork_count()) {
    files_.clear();  // a forked child has none of these mappings
  }
  const auto known = files_.find(uid);
  const bool open = known != files_.end();
  if (open && (access == Access::read_only || known->second->access == Access::read_write)) {
    const bool ours = self_entry_ != nullptr && uid == self_.uid();
    if (ours || !known->second->segment.broken()) return known->second.get();
  }
  const std::string name = std::to_string(uid);
  auto segment = Segment::open(directory_, name, SegmentKind::participants, access);
  if (!segment || segment->size() < sizeof(ParticipantsLayout)) return nullptr;
  const int fd = openat(directory_.fd(), name.c_str(), kOpenToAsk);
  // Who may write the directory must not speak for others.
  if (fd < 0 || !belongs_to(fd, uid)) {
    if (fd >= 0) close(fd);
    return nullptr;
  }
  auto& file = files_[uid];
  file = std::unique_ptr<UserFile>(new UserFile{uid, std::move(*segment), fd, access});
  return file.get();
}

Result<Participants::UserFile*> Participants::own_file() {
  const std::uint32_t uid = geteuid();
  if (UserFile* file = user_file(uid, Access::read_write)) return file;
  // Others must be able to ask whether we live, so the file is readable wherever the bus is.
  const std::uint32_t mode = (file_mode_ & 0444) | 0600;
  auto made = Segment::create(
      directory_, std::to_string(uid),
      {SegmentKind::participants, sizeof(ParticipantsLayout), mode}, [](std::byte* data) {
        auto& layout = *reinterpret_cast<ParticipantsLayout*>(data);
        for (auto& entry : layout.entries) {
          entry.word.store(pack(1, EntryState::free), kRelaxed);  // [S1] orders
        }
      });
  if (!made && !(made.error() == Code::already_exists)) return made.error();
  if (UserFile* file = user_file(uid, Access::read_write)) return file;
  auto opened =
      Segment::open(directory_, std::to_string(uid), SegmentKind::participants, Access::read_write);
  return opened ? make_error(Code::corrupt,
                             directory_.path_of(std::to_string(uid)) +
                                 " is too small, or not of this user; end all processes of this "
                                 "user on this bus and delete it")
                : opened.error();
}

bool Participants::byte_is_locked(const UserFile& file, std::uint32_t index) const {
  // Probing as a reader: only a write lock conflicts, so nobody can feign life with a read lock.
  struct flock probe = byte_lock(F_RDLCK, index);
  if (fcntl(file.probe_fd, F_OFD_GETLK, &probe) != 0) return true;  // unknown is not dead
  return probe.l_type == F_WRLCK || !file.can_ask();
}

Result<std::uint32_t> Participants::claim_entry(UserFile& file) {
  ParticipantsLayout& layout = file.layout();
  // relaxed: a hint that spreads joins, so that generations last
  const std::uint32_t first = layout.next_entry.fetch_add(1, kRelaxed);
  for (std::uint32_t step = 0; step < kMaxParticipants; ++step) {
    const std::uint32_t index = (first + step) % kMaxParticipants;
    ParticipantLayout& entry = layout.entries[index];
    if (state_in(entry.word.load(kRelaxed)) != EntryState::free) continue;  // checked again below
    struct flock lock = byte_lock(F_WRLCK, index);
    if (fcntl(lock_fd_, F_OFD_SETLK, &lock) != 0) continue;
    // Dies here: the entry is still free and the kernel drops the lock.
    std::uint64_t word = entry.word.load(kAcquire);  // [M3] pairs with [M1]: the byte is ours now
    if (state_in(word) == EntryState::free) {
      describe(entry);
      const std::uint32_t generation = generation_in(word) == 0 ? 1 : generation_in(word);
      // [M1] release, pairs with [M2]: description before LIVE.
      if (entry.word.compare_exchange_strong(word, pack(generation, EntryState::live), kAcqRel)) {
        self_ = Token(file.uid, index, generation);
        self_entry_ = &entry;
        return index;
      }
    }
    lock = byte_lock(F_UNLCK, index);
    fcntl(lock_fd_, F_OFD_SETLK, &lock);
  }
  return make_error(Code::too_many, directory_.path_of(std::to_string(file.uid)) + ": all " +
                                        std::to_string(kMaxParticipants) +
                                        " entries of this user are taken; end some processes, or "
                                        "run `tow heal`");
}

Result<Token> Participants::join() {
  const std::lock_guard lock(mutex_);
  if (self_) return self_;
  auto file = own_file();
  if (!file) return file.error();
  const std::string name = std::to_string((*file)->uid);
  int fd = openat(directory_.fd(), name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) {
    return make_error(Code::no_permission, "open " + directory_.path_of(name), errno);
  }
  lock_fd_ = move_high(fd);
  if (auto index = claim_entry(**file); !index) {
    close(std::exchange(lock_fd_, -1));
    return index.error();
  }
  LockDescriptors::instance().add(lock_fd_);
  fork_count_ = fork_count();
  return self_;
}

void Participants::leave() {
  const std::lock_guard lock(mutex_);
  if (!self_) return;
  if (UserFile* file = user_file(self_.uid(), Access::read_write)) {
    ParticipantLayout& entry = file->layout().entries[self_.index()];
    std::uint64_t word = pack(self_.generation(), EntryState::live);
    // Dies here: live with a free byte; whoever heals finds nothing to release and frees it.
    entry.word.compare_exchange_strong(
        word, pack(next_generation(self_.generation()), EntryState::free), kAcqRel);  // [M1]
  }
  LockDescriptors::instance().close_one(std::exchange(lock_fd_, -1));
  self_ = {};
}

bool Participants::still_member() const {
  if (fork_count_ != fork_count() || self_entry_ == nullptr) return false;
  // [M2] acquire, pairs with [M1]
  return self_entry_->word.load(kAcquire) == pack(self_.generation(), EntryState::live);
}

Error Participants::not_a_member() const {
  return make_error(Code::stale, directory_.path() +
                                     ": this process is no longer a participant of the bus (its "
                                     "lock descriptor was closed, its user's file damaged, or it "
                                     "is a forked child); open the bus anew");
}

Liveness Participants::liveness(Token token) {
  if (!token) return Liveness::dead;
  if (is_group_owner(token)) return Liveness::alive;
  const std::lock_guard lock(mutex_);
  const UserFile* file = user_file(token.uid(), Access::read_only);
  if (file == nullptr) return Liveness::unknown;
  const auto& entry = file->layout().entries[token.index()];
  const std::uint64_t word = entry.word.load(kAcquire);  // [M2] pairs with [M1]
  // No entry is ever of generation 0: the file was truncated or overwritten, which proves nothing.
  if (generation_in(word) == 0 || file->segment.broken()) return Liveness::unknown;
  if (generation_in(word) != token.generation()) return Liveness::dead;  // its life ended
  if (state_in(word) == EntryState::free) return Liveness::dead;
  return byte_is_locked(*file, token.index()) ? Liveness::alive : Liveness::dead;
}

std::optional<ParticipantInfo> Participants::info(Token token) {
  const std::lock_guard lock(mutex_);
  const UserFile* file = user_file(token.uid(), Access::read_only);
  if (file == nullptr) return std::nullopt;
  auto info = read_entry(file->layout().entries[token.index()], token.uid(), token.index());
  if (info.token != token || info.state == EntryState::free) return std::nullopt;
  return info;
}

void Participants::for_each(const std::function<void(const ParticipantInfo&)>& visit) {
  std::vector<ParticipantInfo> found;
  {
    const std::lock_guard lock(mutex_);
    for (const std::uint32_t uid : users()) {
      const UserFile* const file = user_file(uid, Access::read_only);
      if (file == nullptr) continue;
      for (std::uint32_t index = 0; index < kMaxParticipants; ++index) {
        const auto& entry = file->layout().entries[index];
        // relaxed: read_entry looks again
        if (state_in(entry.word.load(kRelaxed)) == EntryState::free) continue;
        found.push_back(read_entry(entry, uid, index));
      }
    }
  }
  for (const ParticipantInfo& info : found) visit(info);
}

bool Participants::begin_repair(Token token) {
  if (liveness(token) != Liveness::dead) return false;
  const std::lock_guard lock(mutex_);
  UserFile* const file = user_file(token.uid(), Access::read_write);
  if (file == nullptr) return false;
  auto& entry = file->layout().entries[token.index()];
  std::uint64_t word = pack(token.generation(), EntryState::live);
  // [M1] acq_rel, as every change of an entry. Dies here: REPAIRING with a free byte is as dead as
  // LIVE; the next repairer goes on.
  const std::uint64_t repairing = pack(token.generation(), EntryState::repairing);
  if (entry.word.compare_exchange_strong(word, repairing, kAcqRel)) return true;
  return word == repairing;
}

void Participants::end_repair(Token token) {
  const std::lock_guard lock(mutex_);
  UserFile* const file = user_file(token.uid(), Access::read_write);
  if (file == nullptr) return;
  auto& entry = file->layout().entries[token.index()];
  std::uint64_t word = pack(token.generation(), EntryState::repairing);
  // [M1] acq_rel: all repairs before the entry becomes free
  entry.word.compare_exchange_strong(
      word, pack(next_generation(token.generation()), EntryState::free), kAcqRel);
}

Result<bool> Participants::supervise() {
  const std::lock_guard lock(mutex_);
  int refused = 0;
  bool unsupervised = false;
  for (const std::uint32_t uid : users()) {
    if (supervised_.contains(uid)) continue;
    const std::string name = std::to_string(uid);
    // What lies there instead of a file shall not hold us up.
    const int fd =
        openat(directory_.fd(), name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
      refused = errno;
      continue;
    }
    // Files that somebody made for others stand for nobody, and would use up our descriptors.
    if (!belongs_to(fd, uid)) {
      close(fd);
      continue;
    }
    // Dies behind this: the kernel frees the byte, and the next who asks supervises.
    struct flock byte = byte_lock(F_WRLCK, kSupervisorByte);
    if (fcntl(fd, F_OFD_SETLK, &byte) == 0) {
      LockDescriptors::instance().add(fd);
      supervised_.emplace(uid, fd);
      continue;
    }
    // Somebody's lock for reading keeps us from the byte, but not from the work.
    byte = byte_lock(F_RDLCK, kSupervisorByte);
    if (fcntl(fd, F_OFD_GETLK, &byte) == 0 && byte.l_type != F_WRLCK) unsupervised = true;
    close(fd);
  }
  if (supervised_.empty() && refused != 0) {
    return make_error(Code::no_permission,
                      directory_.path() + ": no right to repair; do it as the user whose it is",
                      refused);
  }
  return !supervised_.empty() || unsupervised;
}

void Participants::stop_supervising() {
  const std::lock_guard lock(mutex_);
  for (const auto& [uid, fd] : supervised_) LockDescriptors::instance().close_one(fd);
  supervised_.clear();
}

bool Participants::supervised() {
  const std::lock_guard lock(mutex_);
  const std::vector<std::uint32_t> all = users();
  return std::all_of(all.begin(), all.end(), [this](std::uint32_t uid) {
    const UserFile* const file = user_file(uid, Access::read_only);
    struct flock probe = byte_lock(F_RDLCK, kSupervisorByte);
    return file != nullptr && fcntl(file->probe_fd, F_OFD_GETLK, &probe) == 0 &&
           probe.l_type == F_WRLCK;
  });
}

}  // namespace tow::shm
