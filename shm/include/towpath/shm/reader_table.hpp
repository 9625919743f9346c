#pragma once
/// What a publisher sees of the readers: their pages, mapped read-only when they appear.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "towpath/shm/group_layout.hpp"
#include "towpath/shm/ring.hpp"

namespace tow::shm {

/// The reader pages of a ring as one writer has mapped them. Not thread-safe.
/// Pages, once mapped, are looked at in every scan, whatever the board says.
class ReaderTable {
 public:
  explicit ReaderTable(const Ring& ring) : ring_(ring) {}

  /// Lowest cursor of all required readers and groups that count, and of pins; nothing when there
  /// are none. Readers that allow it and are too far behind `tail` are evicted and no longer count;
  /// groups that allow it lose their oldest. The caller has raised `limit` and fenced [L2].
  /// Remembers who was lowest.
  std::optional<std::uint64_t> lowest_cursor(std::uint64_t tail);
  /// As of the last scan: the highest sequence that groups of limited length have room for.
  std::uint64_t length_limit() const { return length_limit_; }
  /// True when the one in the way at the last scan wants messages rejected, not waited with.
  bool blocker_rejects() const;
  /// All payloads of lane `lane` that readers keep in place, sorted by offset. The caller has made
  /// the slots unreadable and fenced [H2]. Remembers one holder. Nothing when a page cannot be
  /// read: then nothing may be freed.
  std::optional<std::vector<Hold>> holds_of(std::uint32_t lane);
  /// Asks the kernel about the reader in the way and about every holder; forgets the dead and frees
  /// their pages where we have the right. Settlements of the dead that pin messages are resolved.
  /// True when somebody was dead. Makes system calls at most every 10 ms.
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
  void look_at_pins(std::optional<std::uint64_t>& lowest);
  bool release_pins();
  /// True when the reader is evicted, by somebody earlier or by this call.
  bool evicted(const Page& page, const View& view, std::uint64_t cursor, std::uint64_t tail);
  /// The low mark that counts of a group: its own, or what is left after dropping its oldest.
  std::uint64_t group_mark(std::size_t position, const View& view, std::uint64_t tail);

  const Ring& ring_;
  std::vector<Page> pages_;
  std::vector<bool> mapped_ = std::vector<bool>(kMaxSubscribers);
  std::optional<Error> unseen_;          ///< why a page could not be mapped at the last scan
  std::optional<std::size_t> blocker_;   ///< position in pages_
  std::optional<std::uint32_t> pinner_;  ///< lane whose pin was lowest
  std::uint64_t blocker_cursor_ = 0;
  std::uint64_t length_limit_ = kMaxSequence;
  bool limited_by_length_ = false;  ///< by `blocker_`
  std::uint64_t probed_ns_ = 0;
};

/// Frees the page of a dead reader, or of a removed group: owner dead -> 0, one CAS. Anybody with
/// the right to write the page may do it, any number at once. False without that right.
bool free_reader_page(const Directory& readers, std::uint32_t reader, Token dead);

}  // namespace tow::shm
