#include <utility>

#include "towpath/shm/reader.hpp"

namespace tow::shm {

Take Reader::try_take_sized(std::uint32_t bytes, Received& out, std::byte* buffer) {
  const Located at = locate();
  if (at.state == Located::State::found) {
    // [R1] acquire, pairs with [P1]: sequence before its size.
    const bool committed = at.slot->sequence.load(kAcquire) == next_;
    // relaxed: between [R1] and [R2]
    const SlotMeta meta = SlotMeta::unpack(at.slot->meta.load(kRelaxed));
    fence(kAcquire);  // [R2] pairs with [P3]: size before the second look
    if (committed && meta.payload_bytes != bytes && !(evictable_ && is_evicted()) &&
        at.slot->sequence.load(kRelaxed) == next_) {
      return Take::other_size;
    }
  }
  const Take take = try_take(out, buffer);
  if (take != Take::message || out.payload_bytes == bytes) return take;
  // Another has taken its place meanwhile, so no publisher waits for this reader: it steps back.
  if (out.hold != Received::kNoHold) release(std::exchange(out.hold, Received::kNoHold));
  missed_ = out.missed;
  next_ = out.sequence;
  --received_;
  return Take::other_size;
}

}  // namespace tow::shm
