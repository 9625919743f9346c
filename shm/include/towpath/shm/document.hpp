#pragma once
/// A few bytes that many read and that are replaced as a whole, seldom: one file, two areas.
///
/// `current` says which area holds the newest version, and is at once what readers compare to
/// learn of a new one. A new version is written to the area that is not current; then one store
/// puts it in place. So there is no moment at which a change is in place and its announcement is
/// not: a death before that store leaves the old version, behind it the new one, seen by everybody.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "towpath/shm/file_lock.hpp"
#include "towpath/shm/segment.hpp"

namespace tow::shm {

inline constexpr std::uint64_t kMaxDocumentBytes = 64ULL << 20;
/// Bit of `current`: the document is about to be deleted; whoever still has it open lets go of it.
inline constexpr std::uint64_t kDocumentEnded = 1ULL << 63;

/// Beginning of a document's file. Two areas of sizeof(VersionLayout) + capacity bytes follow.
struct DocumentLayout {
  SegmentLayout header;
  std::uint64_t capacity;  ///< bytes of a version at most, a multiple of 8. Writer: the creator
  std::uint8_t reserved0[56];
  /// Number of the newest version, from 1, and kDocumentEnded; version n is in area n mod 2.
  /// Writer: whoever holds the lock.
  Atomic<std::uint64_t> current;
  std::uint8_t reserved1[kPage - 136];
};
static_assert(offsetof(DocumentLayout, current) == 128 && sizeof(DocumentLayout) == kPage);

/// Beginning of an area; the bytes of the version follow. Writer: whoever holds the lock.
struct VersionLayout {
  Atomic<std::uint64_t> number;    ///< which version it is
  Atomic<std::uint64_t> bytes;     ///< its length
  Atomic<std::uint64_t> checksum;  ///< FNV-1a over its number and bytes
  std::uint8_t reserved[8];
};
static_assert(sizeof(VersionLayout) == 32);

/// What a new document shall be.
struct DocumentSpec {
  SegmentKind kind;
  std::uint64_t capacity;  ///< bytes, rounded up to what fills whole pages
  std::uint32_t file_mode = 0600;
};

/// A mapped document. Reading is thread-safe and waits for nobody.
class Document {
 public:
  struct Version {
    std::uint64_t number = 0;
    std::vector<std::byte> bytes;
  };

  /// Makes `name`, whose version 1 is `first`. Errors: already_exists, no_space, no_permission,
  /// not_supported, too_large.
  static Result<void> create(const Directory& directory, const std::string& name,
                             const DocumentSpec& spec, std::span<const std::byte> first);
  /// Errors: not_found, no_permission, corrupt, half_made, version_mismatch.
  static Result<Document> open(const Directory& directory, const std::string& name,
                               SegmentKind kind, Access access);

  /// `current`, to be compared with the number of the version one has read. One load.
  std::uint64_t current() const {
    return layout().current.load(kAcquire);  // [V2] pairs with [V1]: the version before its number
  }
  /// The newest version. Errors: removed (it ended), corrupt (damaged by a peer, or truncated),
  /// timed_out (replaced again and again while it was read).
  Result<Version> read() const;

  /// Puts a new version in place. The document must be open for writing; `lock` is what keeps
  /// others from replacing it. Errors: removed, too_large.
  Result<void> replace(const FileLock& lock, std::span<const std::byte> bytes);
  /// Tells those who have it open that it is about to be deleted.
  void end(const FileLock& lock);

  std::uint64_t capacity() const { return capacity_; }
  const std::string& path() const { return path_; }
  /// Tells one life of a name from the next.
  std::uint64_t identity() const { return identity_; }

 private:
  Document(Segment segment, std::string path, std::uint64_t capacity);
  DocumentLayout& layout() const { return *segment_.as<DocumentLayout>(); }
  bool copy(std::uint64_t number, Version& version) const;
  Error damaged(const char* how) const;

  Segment segment_;
  std::string path_;
  std::uint64_t capacity_;  ///< of `layout().capacity` the bounded copy
  std::uint64_t identity_;
};

}  // namespace tow::shm
