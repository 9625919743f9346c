#include "towpath/shm/reader_table.hpp"

#include <algorithm>
#include <bit>

#include "towpath/shm/clock.hpp"

namespace tow::shm {

namespace {

/// True when no reader can be behind such a page: it does not exist or is no page of this layout.
bool nobody_there(Error error) {
  return error == Code::not_found || error == Code::corrupt || error == Code::half_made ||
         error == Code::version_mismatch;
}

}  // namespace

void ReaderTable::map_new_pages() {
  unseen_.reset();
  for (std::uint32_t group = 0; group < kMaxSubscribers / 64; ++group) {
    // [L5] acquire, pairs with [L6]: a page exists before its bit.
    std::uint64_t bits = ring_.board().present[group].load(kAcquire);
    for (; bits != 0; bits &= bits - 1) {
      const std::uint32_t number = group * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
      if (mapped_[number]) continue;
      auto segment = ring_.map_reader(number, Access::read_only);
      if (!segment) {
        // A reader that we cannot see (no descriptors left, no right to read) still counts.
        if (!nobody_there(segment.error())) unseen_ = segment.error();
        continue;
      }
      mapped_[number] = true;
      pages_.push_back({number, std::move(*segment)});
    }
  }
}

std::optional<ReaderTable::View> ReaderTable::counting(const Page& page) const {
  // [L3] acquire each, pairs with [L7]: a reader that we miss here reads our limit afterwards; one
  // that changes hands meanwhile is at worst counted although it need not be.
  const std::uint64_t owner = page->owner.load(kAcquire);
  if (owner == 0 || owner == page.dead_owner) return std::nullopt;
  const std::uint64_t live = page->live.load(kAcquire);
  const std::uint64_t claim = page->claim.load(kAcquire);
  if (live == 0 || live != claim) return std::nullopt;
  return View{owner, claim};
}

std::optional<std::uint64_t> ReaderTable::lowest_cursor(std::uint64_t tail) {
  map_new_pages();
  blocker_.reset();
  std::optional<std::uint64_t> lowest;
  if (unseen_) lowest = 1;  // nothing may be overwritten
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    const Page& page = pages_[i];
    const auto view = counting(page);
    if (!view) continue;
    // relaxed: written before `live` [L7]
    if (page->kind.load(kRelaxed) != static_cast<std::uint32_t>(ReaderKind::required)) continue;
    // [L8] acquire, pairs with [L9]: what it has read may be overwritten.
    // Within what a sequence may be, so that no sum with it runs over.
    const std::uint64_t cursor =
        std::clamp<std::uint64_t>(page->cursor.load(kAcquire), 1, kMaxSequence);
    if (evicted(page, *view, cursor, tail)) continue;
    if (lowest && cursor >= *lowest) continue;
    lowest = cursor;
    blocker_ = i;
    blocker_cursor_ = cursor;
  }
  return lowest;
}

bool ReaderTable::evicted(const Page& page, const View& view, std::uint64_t cursor,
                          std::uint64_t tail) {
  auto& word = ring_.order().evicted[page.number];
  std::uint64_t seen = word.load(kAcquire);  // [E2] pairs with [E1]: no overwrite before it
  if (seen == view.claim) return true;
  const std::uint64_t max_lag = page->max_lag.load(kRelaxed);  // relaxed: before `live` [L7]
  // Its cursor may be published a quarter of max_lag late; the benefit of the doubt is the
  // reader's.
  if (max_lag == 0 || tail < cursor || tail - cursor <= max_lag + max_lag / 4) return false;
  // [E1] seq_cst, pairs with [E2], [E3]: eviction before whatever overwrites what it might read.
  // Dies here: nothing, or it is evicted.
  const bool won = word.compare_exchange_strong(seen, view.claim, kSeqCst);
  fence(kSeqCst);  // [E1]
  return won || seen == view.claim;
}

std::optional<std::vector<Hold>> ReaderTable::holds_of(std::uint32_t lane) {
  map_new_pages();
  if (unseen_) return std::nullopt;
  std::vector<Hold> found;
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    const Page& page = pages_[i];
    if (!counting(page)) continue;
    for (const auto& word : page->holds) {
      // [H3] acquire, pairs with [H6]: once cleared, the reader's last access is over.
      const std::uint64_t bits = word.load(kAcquire);
      if (bits == 0) continue;
      const Hold hold = Hold::unpack(bits);
      if (hold.lane != lane) continue;
      found.push_back(hold);
      blocker_ = i;
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Hold& a, const Hold& b) { return a.offset < b.offset; });
  return found;
}

bool ReaderTable::release_dead() {
  constexpr std::uint64_t kProbeIntervalNs = 10'000'000;
  const std::uint64_t time = monotonic_ns();
  if (time - probed_ns_ < kProbeIntervalNs) return false;
  probed_ns_ = time;
  bool released = false;
  for (Page& page : pages_) {
    const auto view = counting(page);
    if (!view) continue;
    const Token owner(view->owner);
    if (ring_.participants().liveness(owner) != Liveness::dead) continue;
    page.dead_owner = owner.bits();
    free_reader_page(ring_, page.number, owner);
    released = true;
  }
  return released;
}

std::string ReaderTable::blocker_text() const {
  if (unseen_) return "a subscriber's page cannot be read: " + unseen_->message();
  if (!blocker_) return "nobody is in the way any more; try again";
  const Page& page = pages_[*blocker_];
  const Token owner(page->owner.load(kRelaxed));  // relaxed: for people
  const auto info = ring_.participants().info(owner);
  std::string text = "subscriber " + std::to_string(page.number);
  if (info) text += " (pid " + std::to_string(info->pid) + ", " + info->command + ")";
  return text + " has read up to message " +
         std::to_string(std::max<std::uint64_t>(page->cursor.load(kRelaxed), 1) - 1);
}

bool free_reader_page(const Ring& ring, std::uint32_t reader, Token dead) {
  auto segment = ring.map_reader(reader, Access::read_write);
  if (!segment) return false;
  std::uint64_t owner = dead.bits();
  // [L7] acq_rel. The token of a dead participant never returns, so a slow repairer cannot free the
  // page of a later owner. Dies here: freed or not; the next repairer tries the same.
  segment->as<ReaderLayout>()->owner.compare_exchange_strong(owner, 0, kAcqRel);
  return true;
}

}  // namespace tow::shm
