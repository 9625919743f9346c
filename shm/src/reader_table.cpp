#include "towpath/shm/reader_table.hpp"

#include <algorithm>
#include <bit>

#include "towpath/shm/clock.hpp"
#include "towpath/shm/record.hpp"
#include "towpath/shm/text_words.hpp"

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
  length_limit_ = kMaxSequence;
  limited_by_length_ = false;
  pinner_.reset();
  std::optional<std::uint64_t> lowest;
  if (unseen_) lowest = 1;  // nothing may be overwritten
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    const Page& page = pages_[i];
    const auto view = counting(page);
    if (!view) continue;
    const auto kind = static_cast<ReaderKind>(page->kind.load(kRelaxed));  // relaxed: before `live`
    std::uint64_t cursor = 0;
    if (kind == ReaderKind::group) {
      cursor = group_mark(i, *view, tail);
    } else if (kind == ReaderKind::required) {
      // [L8] acquire, pairs with [L9]: what it has read may be overwritten.
      // Within what a sequence may be, so that no sum with it runs over.
      cursor = std::clamp<std::uint64_t>(page->cursor.load(kAcquire), 1, kMaxSequence);
      if (evicted(page, *view, cursor, tail)) continue;
    } else {
      continue;
    }
    if (lowest && cursor >= *lowest) continue;
    lowest = cursor;
    if (limited_by_length_) continue;
    blocker_ = i;
    blocker_cursor_ = cursor;
  }
  look_at_pins(lowest);
  return lowest;
}

std::uint64_t ReaderTable::group_mark(std::size_t position, const View& view, std::uint64_t tail) {
  const Page& page = pages_[position];
  // [L8] acquire, pairs with [L9], as for readers
  const GroupPosition at = GroupPosition::unpack(page->cursor.load(kAcquire));
  std::uint64_t low = std::max<std::uint64_t>(at.low, 1);
  // relaxed, both: written before `live` [L7]
  const std::uint64_t length = std::min(page->max_lag.load(kRelaxed), kMaxSequence / 2);
  if (length == 0) return low;
  if (page->overflow.load(kRelaxed) == static_cast<std::uint32_t>(Overflow::drop_oldest)) {
    auto& word = ring_.order().evicted[page.number];
    std::uint64_t seen = word.load(kAcquire);  // [E2] pairs with [E1]
    low = std::max(low, GroupFloor::of(seen, view.claim));
    if (tail + 1 >= low + length) {
      // Some at once, so that not every message scans.
      const std::uint64_t kept = tail + 2 + length / 16 - length;
      // [E1] seq_cst, pairs with [E2], [E3]: dropped before whatever overwrites it. Dies here:
      // nothing, or they are dropped. A lost race is another publisher's drop: as good.
      const bool won =
          word.compare_exchange_strong(seen, GroupFloor::pack(view.claim, kept), kSeqCst);
      low = won ? kept : std::max(low, GroupFloor::of(seen, view.claim));
      fence(kSeqCst);  // [E1]
    }
  }
  if (low + length - 1 < length_limit_) {
    length_limit_ = low + length - 1;
    if (length_limit_ <= tail) {
      blocker_ = position;
      blocker_cursor_ = low;
      limited_by_length_ = true;
    }
  }
  return low;
}

bool ReaderTable::blocker_rejects() const {
  if (!blocker_ || !limited_by_length_) return false;
  // relaxed: written before `live` [L7]
  return pages_[*blocker_]->overflow.load(kRelaxed) == static_cast<std::uint32_t>(Overflow::reject);
}

void ReaderTable::look_at_pins(std::optional<std::uint64_t>& lowest) {
  const OrderLayout& order = ring_.order();
  for (std::uint32_t group = 0; group < kMaxPublishers / 64; ++group) {
    // relaxed: [L2] fenced before, [X1] fences behind the bit and the pin
    std::uint64_t bits = order.pinned[group].load(kRelaxed);
    for (; bits != 0; bits &= bits - 1) {
      const std::uint32_t lane = group * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
      // [X2] acquire, pairs with [X2] in unpin: a pin that is gone has made its last look at what
      // may be overwritten from here on. One that we miss reads our limit afterwards [X1].
      const std::uint64_t pin = std::min(order.pins[lane].load(kAcquire), kMaxSequence);
      if (pin == 0 || (lowest && pin >= *lowest)) continue;
      lowest = pin;
      pinner_ = lane;
    }
  }
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
    free_reader_page(ring_.readers(), page.number, owner);
    released = true;
  }
  return release_pins() || released;
}

bool ReaderTable::release_pins() {
  bool released = false;
  for (std::uint32_t lane = 0; lane < ring_.geometry().raw().max_publishers; ++lane) {
    if (ring_.order().pins[lane].load(kAcquire) == 0) continue;  // [X2]
    const auto resolved = resolve_lane(ring_.directory(), lane, ring_.participants());
    released = released || resolved == Resolution::over;
  }
  return released;
}

std::string ReaderTable::blocker_text() const {
  if (unseen_) return "a subscriber's page cannot be read: " + unseen_->message();
  if (pinner_) {
    return "the publisher of lane " + std::to_string(*pinner_) +
           " is about to publish together with an acknowledgement";
  }
  if (!blocker_) return "nobody is in the way any more; try again";
  const Page& page = pages_[*blocker_];
  if (page->kind.load(kRelaxed) == static_cast<std::uint32_t>(ReaderKind::group)) {
    // relaxed, all of these: for people
    const std::string limit = std::to_string(page->max_lag.load(kRelaxed));
    return "group " + load_text(page->group) + " has not settled message " +
           std::to_string(blocker_cursor_) +
           (limited_by_length_ ? " and may have " + limit + " unsettled" : "") +
           "; start consumers, or seek or remove the group";
  }
  const Token owner(page->owner.load(kRelaxed));  // relaxed: for people
  const auto info = ring_.participants().info(owner);
  std::string text = "subscriber " + std::to_string(page.number);
  if (info) text += " (pid " + std::to_string(info->pid) + ", " + info->command + ")";
  return text + " has read up to message " +
         std::to_string(std::max<std::uint64_t>(page->cursor.load(kRelaxed), 1) - 1);
}

bool free_reader_page(const Directory& readers, std::uint32_t reader, Token dead) {
  auto segment =
      Segment::open(readers, file_name(reader), SegmentKind::reader, Access::read_write, kPage);
  if (!segment || segment->size() < kPage) return false;
  std::uint64_t owner = dead.bits();
  // [L7] acq_rel. The token of a dead participant never returns, so a slow repairer cannot free the
  // page of a later owner. Dies here: freed or not; the next repairer tries the same.
  segment->as<ReaderLayout>()->owner.compare_exchange_strong(owner, 0, kAcqRel);
  return true;
}

}  // namespace tow::shm
