#include "towpath/shm/document.hpp"

#include <algorithm>
#include <cstring>
#include <thread>

namespace tow::shm {
namespace {

constexpr std::uint64_t kNumberMask = kDocumentEnded - 1;

std::uint64_t fold(std::uint64_t hash, std::uint64_t part) {
  return (hash ^ part) * 0x0000'0100'0000'01B3;  // FNV-1a (Fowler, Noll, Vo)
}

std::uint64_t checksum(std::uint64_t number, std::span<const std::byte> bytes) {
  std::uint64_t hash = fold(0xCBF2'9CE4'8422'2325, number);
  for (const std::byte byte : bytes) hash = fold(hash, static_cast<std::uint64_t>(byte));
  return hash;
}

std::uint64_t file_bytes(std::uint64_t capacity) {
  return sizeof(DocumentLayout) + 2 * (sizeof(VersionLayout) + capacity);
}

/// As much as the pages hold that `asked` bytes would need.
std::uint64_t whole_pages(std::uint64_t asked) {
  const std::uint64_t pages = (file_bytes(asked) + kPage - 1) / kPage;
  return ((pages * kPage - sizeof(DocumentLayout)) / 2 - sizeof(VersionLayout)) / 8 * 8;
}

VersionLayout& area(DocumentLayout& file, std::uint64_t capacity, std::uint64_t number) {
  std::byte* const areas = reinterpret_cast<std::byte*>(&file + 1);
  const std::uint64_t stride = sizeof(VersionLayout) + capacity;
  return *reinterpret_cast<VersionLayout*>(areas + (number & 1) * stride);
}

Atomic<std::uint64_t>* words(VersionLayout& area) {
  return reinterpret_cast<Atomic<std::uint64_t>*>(&area + 1);
}

/// Dies anywhere: the area that is not current holds part of a version, which nobody reads and the
/// next change overwrites.
void write(VersionLayout& to, std::uint64_t number, std::span<const std::byte> bytes) {
  fence(kRelease);  // [V3] pairs with [V4]: the version before this one before any word of it
  to.number.store(number, kRelaxed);  // relaxed, here and below: [V1] orders
  to.bytes.store(bytes.size(), kRelaxed);
  to.checksum.store(checksum(number, bytes), kRelaxed);
  Atomic<std::uint64_t>* const to_words = words(to);
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, std::min<std::size_t>(8, bytes.size() - at));
    to_words[at / 8].store(word, kRelaxed);
  }
}

}  // namespace

Document::Document(Segment segment, std::string path, std::uint64_t capacity)
    : segment_(std::move(segment)),
      path_(std::move(path)),
      capacity_(capacity),
      identity_(segment_.as<DocumentLayout>()->header.created_ns) {}

Error Document::damaged(const char* how) const {
  return make_error(Code::corrupt, path_ + how + "; remove it and create it anew");
}

Result<void> Document::create(const Directory& directory, const std::string& name,
                              const DocumentSpec& spec, std::span<const std::byte> first) {
  const std::uint64_t capacity = whole_pages(std::min(spec.capacity, kMaxDocumentBytes));
  const std::string path = directory.path_of(name);
  if (first.size() > capacity) {
    return make_error(Code::too_large, path + ": " + std::to_string(first.size()) +
                                           " bytes do not fit; ask for more room");
  }
  auto made = Segment::create(directory, name, {spec.kind, file_bytes(capacity), spec.file_mode},
                              [&](std::byte* data) {
                                auto& file = *reinterpret_cast<DocumentLayout*>(data);
                                file.capacity = capacity;
                                write(area(file, capacity, 1), 1, first);
                                file.current.store(1, kRelease);  // [V1]
                              });
  if (!made) return made.error();
  return {};
}

Result<Document> Document::open(const Directory& directory, const std::string& name,
                                SegmentKind kind, Access access) {
  auto segment = Segment::open(directory, name, kind, access);
  if (!segment) return segment.error();
  const std::string path = directory.path_of(name);
  const bool whole = segment->size() >= sizeof(DocumentLayout);
  const std::uint64_t capacity = whole ? segment->as<DocumentLayout>()->capacity : 0;
  if (!whole || capacity % 8 != 0 || capacity > 2 * kMaxDocumentBytes ||
      file_bytes(capacity) > segment->size()) {
    return make_error(Code::corrupt, path +
                                         " contradicts itself about its size; remove it and "
                                         "create it anew");
  }
  return Document(std::move(*segment), path, capacity);
}

Result<void> Document::replace(const FileLock&, std::span<const std::byte> bytes) {
  if (bytes.size() > capacity_) {
    return make_error(Code::too_large, path_ + " has room for " + std::to_string(capacity_) +
                                           " bytes, not for " + std::to_string(bytes.size()));
  }
  // [V2] acquire, pairs with [V1]: those who held the lock before us
  const std::uint64_t now = layout().current.load(kAcquire);
  if ((now & kDocumentEnded) != 0) return make_error(Code::removed, path_ + " was removed");
  const std::uint64_t next = (now + 1) & kNumberMask;
  write(area(layout(), capacity_, next), next, bytes);
  // [V1] release, pairs with [V2]: all of the version before its number. The one step that puts it
  // in place and announces it. Dies before: as if never begun. Behind: as if it lived.
  layout().current.store(next, kRelease);
  return {};
}

void Document::end(const FileLock&) {
  // [V1] release. Dies behind: ended but not deleted; whoever opens or removes it next deletes it.
  layout().current.store(layout().current.load(kRelaxed) | kDocumentEnded,
                         kRelease);  // relaxed load: ours while we hold the lock
}

/// False when it was replaced meanwhile.
bool Document::copy(std::uint64_t number, Version& version) const {
  VersionLayout& from = area(layout(), capacity_, number);
  // relaxed, here and below: [V4] orders. A peer may have put anything here; it is read once.
  const std::uint64_t bytes = from.bytes.load(kRelaxed);
  const std::uint64_t told = from.number.load(kRelaxed);
  const std::uint64_t sum = from.checksum.load(kRelaxed);
  version.number = 0;
  version.bytes.resize(std::min(bytes, capacity_));
  const Atomic<std::uint64_t>* const from_words = words(from);
  for (std::size_t at = 0; at < version.bytes.size(); at += 8) {
    const std::uint64_t word = from_words[at / 8].load(kRelaxed);
    std::memcpy(version.bytes.data() + at, &word,
                std::min<std::size_t>(8, version.bytes.size() - at));
  }
  fence(kAcquire);  // [V4] pairs with [V3]: the copy before the second look
  if (layout().current.load(kRelaxed) != number) return false;  // relaxed: [V4] orders
  if (bytes <= capacity_ && told == number && sum == checksum(number, version.bytes)) {
    version.number = number;
  }
  return true;
}

Result<Document::Version> Document::read() const {
  constexpr int kMaxAttempts = 1000;  // each lost one is somebody else's change
  Version version;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    const std::uint64_t number = current();
    if (segment_.broken()) return damaged(" was truncated");
    if ((number & kDocumentEnded) != 0) return make_error(Code::removed, path_ + " was removed");
    if (!copy(number, version)) {
      std::this_thread::yield();
      continue;
    }
    if (segment_.broken()) return damaged(" was truncated");
    if (number == 0 || version.number != number) return damaged(" is damaged");
    return version;
  }
  return make_error(Code::timed_out, path_ + " is changed faster than it can be read; try again");
}

}  // namespace tow::shm
