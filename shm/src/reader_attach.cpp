// Joining and leaving: claiming a page, and where to start.

#include <algorithm>

#include "towpath/shm/reader.hpp"
#include "towpath/shm/reader_table.hpp"
#include "towpath/shm/text_words.hpp"

namespace tow::shm {

Result<std::unique_ptr<Reader>> Reader::attach(std::shared_ptr<Ring> ring,
                                               const ReaderOptions& options) {
  if (!ring->can_subscribe()) {
    return make_error(Code::no_permission, ring->readers().path_of("board") +
                                               ": no right to subscribe; ask the topic's owner");
  }
  if (!ring->participants().still_member()) return ring->participants().not_a_member();
  if (ring->removed()) return ring->end_reason();
  std::unique_ptr<Reader> reader(new Reader(std::move(ring)));
  if (auto claimed = reader->claim_page(reader->ring_->participants().self()); !claimed) {
    return claimed.error();
  }
  reader->join(options);
  if (reader->ring_->broken()) return reader->ring_->end_reason();
  return reader;
}

std::unique_ptr<Reader> Reader::observe(std::shared_ptr<Ring> ring, StartAt start) {
  std::unique_ptr<Reader> reader(new Reader(std::move(ring)));
  reader->start_ = reader->next_ = reader->first_wanted(start);
  return reader;
}

Reader::~Reader() {
  if (page_ == nullptr || fork_count_ != fork_count()) return;
  publish_cursor();
  // [L7] release: no longer counted; then free. Dies between: as a dead reader that does not count.
  page_->live.store(0, kRelease);
  std::uint64_t owner = ring_->participants().self().bits();
  page_->owner.compare_exchange_strong(owner, 0, kAcqRel);  // [L7]
  signal_room();
  // Those were zeros of our own. The page may still be good for others: by its name, then.
  if (ring_->broken()) free_reader_page(ring_->readers(), number_, ring_->participants().self());
}

Result<void> Reader::claim_page(Token self) {
  const std::uint32_t pages = ring_->geometry().raw().max_subscribers;
  for (std::uint32_t number = 0; number < pages; ++number) {
    auto claimed = try_page(number, self);
    if (!claimed) return claimed.error();
    if (!*claimed) continue;
    // [L6] release, pairs with [L5]: the page exists before its bit. Dies here: a page of a dead
    // owner without a bit; nobody counts it, the next subscriber claims it.
    board_->present[number / 64].fetch_or(1ULL << number % 64, kAcqRel);
    return {};
  }
  return make_error(Code::too_many,
                    "topic " + ring_->topic() + ": all " + std::to_string(pages) +
                        " subscribers it was created for are alive; close one, or create the "
                        "topic with a higher max_subscribers");
}

bool Reader::take_from_the_dead(ReaderLayout& page, Token self) const {
  constexpr int kMaxRaces = 100;  // each lost to another claimer, or to a repairer
  for (int race = 0; race < kMaxRaces; ++race) {
    // [L3] `live` before `owner`: who stored what we see here owned the page before, so if its
    // owner is now gone, this is not the claim of somebody who lives.
    std::uint64_t dead_claim = page.live.load(kAcquire);
    std::uint64_t owner = page.owner.load(kAcquire);  // [L7]
    if (owner != 0 && ring_->participants().liveness(Token(owner)) != Liveness::dead) return false;
    // The dead left `live`; without it the page counts for nobody until we join. Claim numbers are
    // unique, so this cannot undo a later owner's.
    if (dead_claim != 0) page.live.compare_exchange_strong(dead_claim, 0, kAcqRel);  // [L7]
    // [L7] acq_rel. Dies here: claimed by the dead, counting for nobody.
    if (page.owner.compare_exchange_strong(owner, self.bits(), kAcqRel)) return true;
  }
  return false;
}

Result<bool> Reader::try_page(std::uint32_t number, Token self) {
  auto segment = ring_->map_reader(number, Access::read_write);
  if (!segment && segment.error() == Code::not_found) {
    if (auto made = create_reader(ring_->readers(), number, ring_->file_mode()); !made) {
      return made.error();
    }
    segment = ring_->map_reader(number, Access::read_write);
  }
  if (!segment) {
    // Another user's page, or a damaged one: not for us.
    if (segment.error() == Code::no_permission || segment.error() == Code::corrupt) return false;
    return segment.error();
  }
  if (!take_from_the_dead(*segment->as<ReaderLayout>(), self)) return false;
  page_ = segment->as<ReaderLayout>();
  page_segment_ = std::move(*segment);
  page_segment_.share(ring_->fate());
  number_ = number;
  return true;
}

void Reader::join(const ReaderOptions& options) {
  lossy_ = options.kind == ReaderKind::lossy || options.kind == ReaderKind::consumer;
  evictable_ = options.kind == ReaderKind::required && options.max_lag != 0;
  fenced_holds_ = lossy_ || evictable_;
  const bool few = options.kind == ReaderKind::lossy;
  const std::uint32_t holds =
      std::min<std::uint32_t>(options.max_holds, few ? kMaxLossyHolds : kMaxHolds);
  free_holds_ = holds == 64 ? ~0ULL : (1ULL << holds) - 1;
  // [L7] release: from here the page does not count until `live` equals `claim`.
  claim_ = page_->claim.load(kRelaxed) + 1;  // relaxed: our page
  page_->claim.store(claim_, kRelease);
  // relaxed, all of these: `live` orders them
  for (auto& hold : page_->holds) hold.store(0, kRelaxed);
  for (auto& bucket : page_->latency) bucket.store(0, kRelaxed);
  page_->received.store(0, kRelaxed);
  page_->gaps.store(0, kRelaxed);
  page_->lost.store(0, kRelaxed);
  page_->kind.store(static_cast<std::uint32_t>(options.kind), kRelaxed);
  page_->overflow.store(options.overflow, kRelaxed);
  store_text(page_->group, options.group);
  // More than half the ring could never be exceeded: publishers would be held up first.
  const std::uint64_t slots = ring_->geometry().slot_count();
  const std::uint64_t max_lag = evictable_ ? std::min(options.max_lag, slots / 2) : 0;
  const bool group = options.kind == ReaderKind::group;
  if (evictable_) stride_ = std::clamp<std::uint64_t>(max_lag / 4, 1, stride_);
  page_->max_lag.store(group ? options.max_lag : max_lag, kRelaxed);
  const std::uint64_t wanted = first_wanted(options.start);
  page_->cursor.store(wanted, kRelaxed);
  page_->live.store(claim_, kRelease);  // [L7] pairs with [L3]: cursor before live
  fence(kSeqCst);                       // [L7] pairs with [L2]: live before the limit
  // [L4] seq_cst, pairs with [L1]: publishers whose scan missed us go no further than this.
  const std::uint64_t limit = order_->limit.load(kSeqCst);
  next_ = std::max(wanted, limit > slots ? limit - slots + 1 : 1);
  start_ = published_cursor_ = next_;
  page_->start.store(next_, kRelaxed);   // relaxed: for people
  page_->cursor.store(next_, kRelease);  // [L9] pairs with [L8]
  signal_room();                         // somebody may wait for subscribers
}

void Reader::hand_over() {
  std::uint64_t owner = ring_->participants().self().bits();
  // [L7] Dies before: the page dies with us, and who opens the group makes it another one.
  page_->owner.compare_exchange_strong(owner, group_owner(claim_).bits(), kAcqRel);
  page_ = nullptr;
  free_holds_ = 0;
}

std::uint64_t Reader::first_wanted(StartAt start) const {
  switch (start.kind) {
    case StartAt::Kind::next:
      return ring_->tail() + 1;
    case StartAt::Kind::oldest:
      return ring_->oldest();
    case StartAt::Kind::sequence:
      return std::max<std::uint64_t>(start.value, 1);
    case StartAt::Kind::last:
      break;
  }
  const std::uint64_t tail = ring_->tail();
  const std::uint64_t first = start.value > tail ? 1 : tail - start.value + 1;
  return std::max(first, ring_->oldest());
}

}  // namespace tow::shm
