#pragma once
/// Waiting, in one place: futex words in shared memory, deadlines, membarrier.
///
/// Every wait is cut into pieces, after which the caller looks again and asks whether somebody
/// died; a lost wake-up (its publisher was killed between commit and wake) costs one piece, never
/// more. Pieces are long where a supervisor lives, who rings for the dead at once.

#include <cstdint>
#include <span>

#include "towpath/shm/atomic.hpp"
#include "towpath/shm/clock.hpp"

namespace tow::shm {

inline constexpr std::uint64_t kWaitPieceNs = 50'000'000;
/// With a supervisor. Not for ever: it may be stopped, or die together with the publisher.
inline constexpr std::uint64_t kSupervisedPieceNs = 5'000'000'000;
/// Most futex words that one futex_waitv(2) takes.
inline constexpr std::size_t kMaxWaitWords = 128;

enum class Wake { changed, timed_out };

/// Sleeps while `word` holds `seen`. Works on a read-only mapping. `changed` may be spurious.
Wake futex_wait(const Atomic<std::uint32_t>& word, std::uint32_t seen, Deadline deadline);
/// Wakes everybody who sleeps on `word`; returns how many.
int futex_wake_all(Atomic<std::uint32_t>& word);

struct WaitWord {
  const Atomic<std::uint32_t>* word;
  std::uint32_t seen;
};
/// Sleeps until any of at most kMaxWaitWords words changes. On kernels before 5.16, without
/// futex_waitv, looks at them every millisecond instead.
Wake futex_wait_any(std::span<const WaitWord> words, Deadline deadline);

/// Registers this process for global expedited barriers; a publisher that may look for sleepers
/// without a fence must be registered. False where the kernel refuses.
bool register_for_barriers();
/// Full fence in every running thread of every registered process. False where the kernel refuses.
bool barrier_everywhere(Site site = Site::current());

/// A doorbell has two halves with different writers: `bell` belongs to those who ring, `want` to
/// those who sleep. Somebody sleeps (or is about to) exactly when want == bell.
class Doorbell {
 public:
  /// Says "I am about to sleep" and returns the value to sleep on. The caller must then fence (or
  /// use a barrier), look again for what it waits for, and only then futex_wait on `bell`.
  /// Dies here: one spurious ring later; no count leaks.
  static std::uint32_t announce(const Atomic<std::uint32_t>& bell, Atomic<std::uint32_t>& want) {
    // [D2] acquire: a bell that rang before is followed by a look that sees its message.
    const std::uint32_t seen = bell.load(kAcquire);
    // [D3] seq_cst, pairs with [D4]/[D5]: want before the second look.
    raise_to(want, seen, kSeqCst);
    return seen;
  }
  /// Rings if anybody wants it. The caller has fenced between its change and this look.
  static bool wanted(const Atomic<std::uint32_t>& bell, const Atomic<std::uint32_t>& want) {
    // relaxed: the fence (or CAS, or the sleeper's barrier) before this call orders the look.
    const std::uint32_t wanted = want.load(kRelaxed);  // first: see [D5]
    return wanted == bell.load(kRelaxed);
  }
  /// Dies here, before the wake: sleepers look again after kWaitPieceNs, or repair rings.
  static void ring(Atomic<std::uint32_t>& bell) {
    bell.fetch_add(1, kSeqCst);  // [D6] seq_cst, pairs with [D2]: change before bell
    futex_wake_all(bell);
  }
};

}  // namespace tow::shm
