#include <utility>

#include "towpath/shm/reader.hpp"

namespace tow::shm {

Take Reader::try_take_sized(std::uint32_t bytes, Received& out, std::byte* buffer) {
  const Located at = locate();
  if (at.state == Located::State::found) {
    // relaxed, both: a guess. try_take() below reads in order; who is told of another size finds
    // out by taking it.
    const bool committed = at.slot->sequence.load(kRelaxed) == next_;
    const SlotMeta meta = SlotMeta::unpack(at.slot->meta.load(kRelaxed));
    const bool other = committed && meta.payload_bytes != bytes;
    if (other && !(evictable_ && is_evicted())) return Take::other_size;
  }
  const Take take = try_take(out, buffer);
  if (take != Take::message || out.payload_bytes == bytes) return take;
  // Another message has taken its place meanwhile, so that publishers do not wait for this reader:
  // it may step back.
  if (out.hold != Received::kNoHold) release(std::exchange(out.hold, Received::kNoHold));
  missed_ = out.missed;
  next_ = out.sequence;
  --received_;
  return Take::other_size;
}

}  // namespace tow::shm
