#pragma once
/// What a publisher sees of the readers: their pages, mapped read-only when they appear.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "towpath/shm/ring.hpp"

namespace tow::shm {

/// The reader pages of a ring as one writer has mapped them. Not thread-safe.
/// Pages, once mapped, are looked at in every scan, whatever the board says.
class ReaderTable {
 public:
  explicit ReaderTable(const Ring& ring) : ring_(ring) {}

  /// Lowest cursor of all required readers that count; nothing when there are none. Readers that
  /// allow it and are too far behind `tail` are evicted and no longer count. The caller has raised
  /// `limit` and fenced [L2]. Remembers who was lowest.
  std::optional<std::uint64_t> lowest_cursor(std::uint64_t tail);
  /// All payloads of lane `lane` that readers keep in place, sorted by offset. The caller has made
  /// the slots unreadable and fenced [H2]. Remembers one holder. Nothing when a page cannot be
  /// read: then nothing may be freed.
  std::optional<std::vector<Hold>> holds_of(std::uint32_t lane);
  /// Asks the kernel about the reader in the way and about every holder; forgets the dead and frees
  /// their pages where we have the right. True when somebody was dead. Makes system calls at
  /// most every 10 ms.
  bool release_dead();
  /// Who was in the way at the last scan, for error texts.
  std::string blocker_text() const;

 private:
  struct Page {
    std::uint32_t number;
    Segment segment;
    std::uint64_t dead_owner = 0;  ///< proved dead; its page no longer counts for us
    ReaderLayout* operator->() const { return segment.as<ReaderLayout>(); }
  };
  struct View {
    std::uint64_t owner, claim;
  };

  void map_new_pages();
  std::optional<View> counting(const Page& page) const;
  /// True when the reader is evicted, by somebody earlier or by this call.
  bool evicted(const Page& page, const View& view, std::uint64_t cursor, std::uint64_t tail);

  const Ring& ring_;
  std::vector<Page> pages_;
  std::vector<bool> mapped_ = std::vector<bool>(kMaxSubscribers);
  std::optional<Error> unseen_;         ///< why a page could not be mapped at the last scan
  std::optional<std::size_t> blocker_;  ///< position in pages_
  std::uint64_t blocker_cursor_ = 0;
  std::uint64_t probed_ns_ = 0;
};

/// Frees the page of a dead reader: owner dead -> 0, one CAS. Anybody with the right to write the
/// page may do it, any number at once. False without that right.
bool free_reader_page(const Ring& ring, std::uint32_t reader, Token dead);

}  // namespace tow::shm
