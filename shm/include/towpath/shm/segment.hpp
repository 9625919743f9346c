#pragma once
/// Files that processes map: created complete, opened only when they are what they claim to be.
///
/// A segment has no name until it is whole: it is made as an unnamed file (O_TMPFILE), every page
/// reserved, formatted, its magic stored last, and then linked in one step. A creator that dies
/// before the link leaves nothing at all; the kernel frees the file. The loser of a race to the
/// same name gets `already_exists` and opens the winner's.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "towpath/shm/atomic.hpp"
#include "towpath/shm/result.hpp"
#include "towpath/shm/truncation.hpp"

namespace tow::shm {

/// Version of everything mapped. A change of any *Layout struct changes it.
inline constexpr std::uint32_t kLayoutVersion = 1;
inline constexpr std::uint64_t kMagic = 0x01'48'54'41'50'57'4F'54;  // "TOWPATH\1"

enum class SegmentKind : std::uint32_t {
  bus = 1,
  participants,
  order,
  board,
  reader,
  lane,
  group,
  record,
  producer,
  exchange = 32,
  lock,
};

/// First 64 bytes of every file. Writer: the creator, once, before the file has a name.
struct SegmentLayout {
  Atomic<std::uint64_t> magic;  ///< kMagic; stored last with release [S1]
  std::uint32_t version;        ///< kLayoutVersion of the creator
  std::uint32_t kind;           ///< a SegmentKind
  std::uint64_t fingerprint;    ///< folded from sizes and feature bits (layout_fingerprint)
  std::uint64_t file_bytes;     ///< the whole file; a shorter file is truncated
  std::uint32_t creator_pid;    ///< for error texts only
  std::uint32_t reserved0;
  std::uint64_t created_ns;  ///< CLOCK_REALTIME
  std::uint64_t reserved1[2];
};
static_assert(sizeof(SegmentLayout) == 64 && std::is_standard_layout_v<SegmentLayout>);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

/// An open directory: later look-ups are relative to it, so a rename cannot redirect them.
class Directory {
 public:
  /// Opens an existing directory; `not_found` or `no_permission` otherwise.
  static Result<Directory> open(const std::string& path);
  /// The same for `name` inside this one.
  Result<Directory> open_child(const std::string& name) const;
  /// The same, made if it is missing (a creator may have died after making it). `file_mode` is that
  /// of the files in it; r implies x. Errors: no_space, not_found (this one is gone),
  /// no_permission.
  Result<Directory> make_child(const std::string& name, std::uint32_t file_mode) const;
  Directory(Directory&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  Directory& operator=(Directory&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(path_, other.path_);
    return *this;
  }
  ~Directory();

  /// What is in it, sorted; nothing when it cannot be read.
  std::vector<std::string> names() const;

  int fd() const { return fd_; }
  const std::string& path() const { return path_; }
  std::string path_of(std::string_view name) const { return path_ + '/' + std::string(name); }

 private:
  Directory(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_;
  std::string path_;
};

enum class Access { read_only, read_write };

/// What a new segment shall be.
struct SegmentSpec {
  SegmentKind kind;
  std::uint64_t file_bytes;  ///< rounded up to whole pages
  std::uint32_t file_mode = 0600;
};

class Draft;

/// A mapped file. Movable; the mapping ends with it. Not inherited by fork, not in core dumps.
class Segment {
 public:
  Segment();
  Segment(Segment&&) noexcept;
  Segment& operator=(Segment&&) noexcept;
  ~Segment();

  /// Makes `name` in `directory`; `format` fills the zeroed file before it gets its name.
  /// Errors: already_exists, no_space, no_permission, not_supported (no O_TMPFILE), system.
  static Result<Segment> create(const Directory& directory, const std::string& name,
                                const SegmentSpec& spec,
                                const std::function<void(std::byte*)>& format);
  /// The first half of create(): all but the name. The space is reserved from here on.
  static Result<Draft> draft(const Directory& directory, const std::string& name,
                             const SegmentSpec& spec,
                             const std::function<void(std::byte*)>& format);

  /// Maps `name`. Refuses, naming the file and the remedy, what is missing, truncated, half made,
  /// foreign, of another kind or of another version. `map_bytes` = 0 maps the whole file, else
  /// only its beginning (repair looks at headers only).
  static Result<Segment> open(const Directory& directory, const std::string& name, SegmentKind kind,
                              Access access, std::uint64_t map_bytes = 0);

  /// From here on the segment breaks when any other of `fate` is found truncated. To be called
  /// before others use the segment.
  void share(const std::shared_ptr<Fate>& fate) const;
  /// True when the file was found truncated: what is mapped are zeros, seen by nobody else.
  bool broken() const;

  /// Faults every page in, so that no later access does. Huge pages are asked for when `huge`.
  void touch(Access access, bool huge = false) const;

  std::byte* data() const { return data_; }
  std::uint64_t size() const { return size_; }
  explicit operator bool() const { return data_ != nullptr; }
  template <class T>
  T* as(std::uint64_t offset = 0) const {
    return reinterpret_cast<T*>(data_ + offset);
  }

 private:
  struct Mapping;
  static Result<Segment> map(int fd, const std::string& path, std::uint64_t bytes, Access access);
  std::shared_ptr<Mapping> mapping_;
  std::byte* data_ = nullptr;
  std::uint64_t size_ = 0;
};

/// A complete segment without a name. Its end, or its process's, leaves nothing.
class Draft {
 public:
  Draft(Draft&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        segment_(std::move(other.segment_)),
        directory_(other.directory_),
        name_(std::move(other.name_)) {}
  ~Draft();
  /// Gives it its name in one step. Errors: already_exists, no_permission, no_space.
  Result<Segment> link() &&;

 private:
  friend class Segment;
  Draft(int fd, const Directory& directory, std::string name)
      : fd_(fd), directory_(&directory), name_(std::move(name)) {}
  int fd_;
  Segment segment_;
  const Directory* directory_;
  std::string name_;
};

/// Folds the sizes of all mapped structs; stored in each header, so that two builds that disagree
/// about a layout refuse each other even if someone forgot to raise the version.
std::uint64_t layout_fingerprint();

}  // namespace tow::shm
