#include "towpath/topic.hpp"

#include <time.h>

#include <thread>

#include "names.hpp"
#include "start.hpp"

namespace tow {
namespace {

using shm::Token;

shm::ReaderKind kind_of(SubscriberKind kind) {
  return kind == SubscriberKind::required ? shm::ReaderKind::required : shm::ReaderKind::lossy;
}

std::uint32_t living_subscribers(const shm::Ring& ring) {
  std::uint32_t alive = 0;
  for (std::uint32_t number = 0; number < ring.geometry().raw().max_subscribers; ++number) {
    // relaxed: a hint; the page itself decides
    const std::uint64_t bits = ring.board().present[number / 64].load(shm::kRelaxed);
    if ((bits >> number % 64 & 1) == 0) continue;
    const auto page = ring.map_reader(number, shm::Access::read_only);
    if (!page) continue;
    const auto& layout = *page->as<shm::ReaderLayout>();
    const std::uint64_t owner = layout.owner.load(shm::kAcquire);  // [L3] pairs with [L7]
    const std::uint64_t live = layout.live.load(shm::kAcquire);    // [L3]
    if (owner == 0 || live == 0 || live != layout.claim.load(shm::kAcquire)) continue;  // [L3]
    if (ring.participants().liveness(Token(owner)) == shm::Liveness::alive) ++alive;
  }
  return alive;
}

}  // namespace

Result<std::unique_ptr<shm::Writer>> TopicBase::attach_writer(
    const PublisherOptions& options) const {
  auto writer = shm::Writer::attach(ring_);
  const auto deadline = shm::Deadline::after(options.take_over_within);
  // A standby asks the kernel every millisecond whether a publisher's place is free.
  while (!writer && !deadline.passed() &&
         (writer.error() == Code::publisher_exists || writer.error() == Code::too_many)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    writer = shm::Writer::attach(ring_);
  }
  return writer;
}

Result<std::unique_ptr<shm::Producer>> TopicBase::attach_producer(
    const shm::Writer& writer, const PublisherOptions& options) const {
  if (options.producer.empty()) return std::unique_ptr<shm::Producer>();
  auto file_name = escape_topic(options.producer);
  if (!file_name) {
    return make_error(Code::invalid_name, "topic " + ring_->topic() + ": the producer's name " +
                                              options.producer.substr(0, 32) +
                                              "... is too long; at most 255 bytes as a file name");
  }
  return shm::Producer::attach(ring_, *file_name, shm::text_hash(options.producer), writer.lane());
}

Result<std::unique_ptr<shm::Reader>> TopicBase::attach_reader(
    const SubscriberOptions& options) const {
  return shm::Reader::attach(ring_, {.kind = kind_of(options.kind),
                                     .start = start_of(ring_, options.start),
                                     .max_lag = options.max_lag,
                                     .max_holds = options.max_held});
}

std::unique_ptr<shm::Reader> TopicBase::attach_observer(Start start) const {
  return shm::Reader::observe(ring_, start_of(ring_, start));
}

Result<void> TopicBase::wait_for_subscribers(std::uint32_t count,
                                             std::chrono::nanoseconds timeout) const {
  const auto deadline = shm::Deadline::after(timeout);
  while (true) {
    std::uint32_t seen = 0;
    if (ring_->can_publish()) {
      // Joining and leaving subscribers ring as readers that make room do.
      seen = shm::Doorbell::announce(ring_->board().room_bell, ring_->order().room_want);
      shm::fence(shm::kSeqCst);  // [D4] mirrored: want before the count
    }
    const std::uint32_t alive = living_subscribers(*ring_);
    if (alive >= count) return {};
    if (ring_->removed()) return ring_->end_reason();
    if (deadline.passed()) {
      return make_error(Code::timed_out, "topic " + name() + " has " + std::to_string(alive) +
                                             " of " + std::to_string(count) +
                                             " subscribers; start the others, or wait longer");
    }
    if (ring_->can_publish()) {
      shm::futex_wait(ring_->board().room_bell, seen, deadline.within(shm::kWaitPieceNs));
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
}

}  // namespace tow
