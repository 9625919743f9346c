#include "towpath/shm/segment.hpp"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/interprocess/exceptions.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <map>
#include <mutex>

#include "mapped_file.hpp"
#include "towpath/shm/clock.hpp"
#include "towpath/shm/document.hpp"
#include "towpath/shm/fields.hpp"
#include "towpath/shm/fork.hpp"
#include "towpath/shm/group_layout.hpp"
#include "towpath/shm/participants.hpp"
#include "towpath/shm/producer.hpp"
#include "towpath/shm/record_layout.hpp"

namespace bip = boost::interprocess;

// ThreadSanitizer and the schedule explorer know a word by its address. Test builds only.
#if defined(__SANITIZE_THREAD__) || defined(TOWPATH_EXPLORE)
#define TOWPATH_ONE_ADDRESS
#endif

namespace tow::shm {
namespace {

/// A descriptor in the form that boost::interprocess::mapped_region takes.
class MappableFile {
 public:
  MappableFile(int fd, bip::mode_t mode) : fd_(fd), mode_(mode) {}
  bip::mapping_handle_t get_mapping_handle() const { return {fd_, false}; }
  bip::mode_t get_mode() const { return mode_; }

 private:
  int fd_;
  bip::mode_t mode_;
};

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Error os_error(const std::string& what, const std::string& path, int error) {
  switch (error) {
    case ENOENT:
      return make_error(Code::not_found, what + ' ' + path + ": it does not exist", 0);
    case EACCES:
    case EPERM:
    case EROFS:
      return make_error(Code::no_permission,
                        what + ' ' + path + ": no permission for uid " + std::to_string(geteuid()) +
                            "; ask its owner for access, or use a bus of your own",
                        error);
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
      return make_error(Code::no_space,
                        what + ' ' + path +
                            ": no room; free space on that filesystem, or ask for less depth or "
                            "pool (`tow doctor` shows sizes)",
                        error);
    case ENAMETOOLONG:
      return make_error(Code::invalid_name, what + ' ' + path + ": the name is too long", error);
    case EEXIST:
      return make_error(Code::already_exists, what + ' ' + path + ": it exists", 0);
    default:
      return make_error(Code::system, what + ' ' + path, error);
  }
}

/// Gives the unnamed file its name. EEXIST: somebody else was first.
int link_unnamed(int fd, const Directory& directory, const std::string& name) {
  const std::string self = "/proc/self/fd/" + std::to_string(fd);
  if (linkat(AT_FDCWD, self.c_str(), directory.fd(), name.c_str(), AT_SYMLINK_FOLLOW) == 0)
    return 0;
  if (errno != ENOENT) return errno;
  // Without /proc: allowed to the file's creator since Linux 6.10, and to CAP_DAC_READ_SEARCH.
  return linkat(fd, "", directory.fd(), name.c_str(), AT_EMPTY_PATH) == 0 ? 0 : errno;
}

void write_header(SegmentLayout& header, const SegmentSpec& spec, std::uint64_t bytes) {
  header.version = kLayoutVersion;
  header.kind = static_cast<std::uint32_t>(spec.kind);
  header.fingerprint = layout_fingerprint();
  header.file_bytes = bytes;
  header.creator_pid = static_cast<std::uint32_t>(getpid());
  header.created_ns = realtime_ns();
}

/// Refuses what is not a whole segment of this kind and version.
Result<void> check_header(const std::byte* data, std::uint64_t size, SegmentKind kind,
                          const std::string& path) {
  const auto& header = *reinterpret_cast<const SegmentLayout*>(data);
  const std::uint64_t magic = header.magic.load(kAcquire);  // [S2] pairs with [S1]: magic first
  if (magic == 0) {
    return make_error(Code::half_made, path + " is half made (by pid " +
                                           std::to_string(header.creator_pid) +
                                           "); delete the file and try again");
  }
  if (magic != kMagic || header.kind != static_cast<std::uint32_t>(kind)) {
    return make_error(Code::corrupt, path +
                                         " is not the Towpath file it should be; move it out of "
                                         "the bus directory");
  }
  if (header.version != kLayoutVersion) {
    return make_error(Code::version_mismatch,
                      path + " has layout version " + std::to_string(header.version) +
                          ", this program has " + std::to_string(kLayoutVersion) +
                          "; rebuild one of them, or `tow rm` the bus once nobody uses it");
  }
  if (header.fingerprint != layout_fingerprint()) {
    return make_error(Code::version_mismatch,
                      path +
                          " was made by a build with another memory layout; use the same build "
                          "of Towpath on both sides");
  }
  if (header.file_bytes != size) {
    return make_error(Code::corrupt, path + " is truncated: it has " + std::to_string(size) +
                                         " of " + std::to_string(header.file_bytes) +
                                         " bytes; remove the topic and create it anew");
  }
  return {};
}

}  // namespace

Result<Directory> Directory::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return os_error("open directory", path, errno);
  return Directory(fd, path);
}

Result<Directory> Directory::open_child(const std::string& name) const {
  const int fd = openat(fd_, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return os_error("open directory", path_of(name), errno);
  return Directory(fd, path_of(name));
}

Result<Directory> Directory::make_child(const std::string& name, std::uint32_t file_mode) const {
  const std::uint32_t mode = file_mode | (file_mode & 0444) >> 2;  // r implies x
  if (mkdirat(fd_, name.c_str(), mode) != 0 && errno != EEXIST) {
    const Code code = errno == ENOSPC   ? Code::no_space
                      : errno == ENOENT ? Code::not_found  // this one was removed meanwhile
                                        : Code::no_permission;
    return make_error(code, "make directory " + path_of(name), errno);
  }
  auto made = open_child(name);
  if (made) fchmod(made->fd(), mode);  // fails harmlessly when somebody else owns it
  return made;
}

std::vector<std::string> Directory::names() const {
  std::vector<std::string> names;
  const int fd = openat(fd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(fd < 0 ? nullptr : fdopendir(fd), closedir);
  if (listing == nullptr) return names;
  while (const dirent* const entry = readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Directory::~Directory() {
  if (fd_ >= 0) close(fd_);
}

struct Segment::Mapping {
  Mapping(bip::mapped_region&& mapped, const std::string& path)
      : region(std::move(mapped)),
        file(region.get_address(), region.get_size(), region.get_mode() == bip::read_write, path) {}
  ~Mapping() {
    // A forked child has no mapping here, but may have put another one in its place: leave it.
    if (forks != fork_count()) new bip::mapped_region(std::move(region));  // NOLINT: leaked
  }
  bip::mapped_region region;
  MappedFile file;
  std::uint64_t forks = fork_count();
};

Segment::Segment() = default;
Segment::~Segment() = default;
Segment::Segment(Segment&& other) noexcept
    : mapping_(std::move(other.mapping_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}
Segment& Segment::operator=(Segment&& other) noexcept {
  mapping_ = std::move(other.mapping_);
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

Result<Segment> Segment::map(int fd, const std::string& path, std::uint64_t bytes, Access access) {
#ifdef TOWPATH_ONE_ADDRESS
  // Actors in one process stand in for processes; a file must have one address for all of them.
  static std::mutex mutex;
  static std::map<std::pair<ino_t, std::uint64_t>, std::weak_ptr<Mapping>> mappings;
  const std::lock_guard lock(mutex);
  struct stat status {};
  fstat(fd, &status);
  bytes = static_cast<std::uint64_t>(status.st_size);
  auto& known = mappings[{status.st_ino, bytes}];
  if (auto mapping = known.lock(); mapping && mapping->forks == fork_count()) {
    Segment segment;
    segment.data_ = static_cast<std::byte*>(mapping->region.get_address());
    segment.size_ = bytes;
    segment.mapping_ = std::move(mapping);
    return segment;
  }
  const std::string self = "/proc/self/fd/" + std::to_string(fd);
  const Descriptor writable(::open(self.c_str(), O_RDWR | O_CLOEXEC));
  if (writable.get() >= 0) {
    access = Access::read_write;
    fd = writable.get();
  }
#endif
  const bip::mode_t mode = access == Access::read_only ? bip::read_only : bip::read_write;
  try {
    Segment segment;
    segment.mapping_ =
        std::make_shared<Mapping>(bip::mapped_region(MappableFile(fd, mode), mode, 0, bytes), path);
    segment.data_ = static_cast<std::byte*>(segment.mapping_->region.get_address());
    segment.size_ = bytes;
    // A child gets no mapping (it may not use the bus), a core dump no gigabytes of payload.
    madvise(segment.data_, bytes, MADV_DONTFORK);
    madvise(segment.data_, bytes, MADV_DONTDUMP);
#ifdef TOWPATH_ONE_ADDRESS
    known = segment.mapping_;
#endif
    return segment;
  } catch (const bip::interprocess_exception& failure) {
    return os_error("map", path, failure.get_native_error());
  }
}

Result<Draft> Segment::draft(const Directory& directory, const std::string& name,
                             const SegmentSpec& spec,
                             const std::function<void(std::byte*)>& format) {
  const std::string path = directory.path_of(name);
  const std::uint64_t bytes = (spec.file_bytes + kPage - 1) / kPage * kPage;
  const int fd = openat(directory.fd(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, spec.file_mode);
  if (fd < 0) {
    if (errno == EOPNOTSUPP || errno == EISDIR) {
      return make_error(Code::not_supported,
                        "create " + path +
                            ": this filesystem has no unnamed files (O_TMPFILE); put the bus on "
                            "tmpfs, ext4, xfs or btrfs",
                        errno);
    }
    return os_error("create", path, errno);
  }
  Draft draft(fd, directory, name);
  fchmod(fd, spec.file_mode);  // the bus's mode, not the umask, says who may use it
  if (const int error = posix_fallocate(fd, 0, static_cast<off_t>(bytes)); error != 0) {
    return os_error("reserve " + std::to_string(bytes) + " bytes for", path, error);
  }
  auto segment = map(fd, path, bytes, Access::read_write);
  if (!segment) return segment.error();
  auto& header = *segment->as<SegmentLayout>();
  write_header(header, spec, bytes);
  format(segment->data());
  header.magic.store(kMagic, kRelease);  // [S1] pairs with [S2]: everything before the magic
  draft.segment_ = std::move(*segment);
  return draft;
}

Draft::~Draft() {
  if (fd_ >= 0) close(fd_);
}

Result<Segment> Draft::link() && {
  // Link last: until here the file has no name and dies with us.
  if (const int error = link_unnamed(fd_, *directory_, name_); error != 0) {
    return os_error("name", directory_->path_of(name_), error);
  }
  return std::move(segment_);
}

Result<Segment> Segment::create(const Directory& directory, const std::string& name,
                                const SegmentSpec& spec,
                                const std::function<void(std::byte*)>& format) {
  auto draft = Segment::draft(directory, name, spec, format);
  if (!draft) return draft.error();
  return std::move(*draft).link();
}

Result<Segment> Segment::open(const Directory& directory, const std::string& name, SegmentKind kind,
                              Access access, std::uint64_t map_bytes) {
  const std::string path = directory.path_of(name);
  const int flags = access == Access::read_only ? O_RDONLY : O_RDWR;
  // O_NONBLOCK: whoever may put a FIFO there, or take a lease on the file, shall not hold us up.
  const Descriptor file(
      openat(directory.fd(), name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0) return os_error("open", path, errno);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return os_error("look at", path, errno);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (!S_ISREG(status.st_mode) || size < sizeof(SegmentLayout)) {
    return make_error(Code::corrupt, path + " is not a Towpath file (" + std::to_string(size) +
                                         " bytes); move it out of the bus directory");
  }
  const std::uint64_t wanted = map_bytes == 0 ? size : std::min(size, map_bytes);
  auto segment = map(file.get(), path, wanted, access);
  if (!segment) return segment.error();
  const auto fine = check_header(segment->data(), size, kind, path);
  if (segment->broken()) {
    return make_error(Code::corrupt,
                      path +
                          " was truncated while it was opened; remove the topic and create it "
                          "anew");
  }
  if (!fine) return fine.error();
  return segment;
}

void Segment::share([[maybe_unused]] const std::shared_ptr<Fate>& fate) const {
#ifndef TOWPATH_ONE_ADDRESS  // there several topics' handles share one mapping
  if (mapping_ != nullptr) mapping_->file.share(fate);
#endif
}

bool Segment::broken() const { return mapping_ != nullptr && mapping_->file.broken(); }

void Segment::touch(Access access, bool huge) const {
  if (data_ == nullptr) return;
  if (huge) madvise(data_, size_, MADV_HUGEPAGE);
#if defined(MADV_POPULATE_READ) && defined(MADV_POPULATE_WRITE)
  if (madvise(data_, size_,
              access == Access::read_only ? MADV_POPULATE_READ : MADV_POPULATE_WRITE) == 0)
    return;
#endif
  // Before Linux 5.14: read a byte of each page.
  for (std::uint64_t at = 0; at < size_; at += kPage) {
    std::atomic_ref<std::byte>(data_[at]).load(kRelaxed);  // relaxed: only the fault matters
  }
}

std::uint64_t layout_fingerprint() {
  std::uint64_t hash = 0xCBF2'9CE4'8422'2325;  // FNV-1a (Fowler, Noll, Vo)
  for (const std::uint64_t part :
       {sizeof(SegmentLayout), sizeof(BusLayout), sizeof(ParticipantsLayout),
        sizeof(GeometryLayout), sizeof(OrderLayout), sizeof(BoardLayout), sizeof(ReaderLayout),
        sizeof(LaneLayout), sizeof(SlotLayout), sizeof(GroupOptionsLayout), sizeof(GroupLayout),
        sizeof(RecordLayout), sizeof(ProducerLayout), sizeof(DocumentLayout), sizeof(VersionLayout),
        kMaxHolds, kHistogramBuckets, std::size_t{kKnownFields}, std::size_t{kLayoutVersion}}) {
    hash = (hash ^ part) * 0x0000'0100'0000'01B3;
  }
  return hash;
}

}  // namespace tow::shm
