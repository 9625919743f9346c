#pragma once
/// Atomics and fences of everything that lives in shared memory.
///
/// Product code names `Atomic<T>` and `fence()`, never `std::atomic` on mapped memory. In a normal
/// build they are exactly the standard ones. With TOWPATH_EXPLORE (tests/schedule) every operation
/// first asks a scheduler, which can interleave actors between any two operations.

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tow::shm {

/// Cache line of every supported processor, in bytes.
inline constexpr std::size_t kCacheLine = 64;
/// Distance that keeps two writers apart: adjacent-line prefetchers fetch pairs of lines.
inline constexpr std::size_t kFalseSharing = 128;
inline constexpr std::size_t kPage = 4096;

inline constexpr auto kRelaxed = std::memory_order_relaxed;
inline constexpr auto kAcquire = std::memory_order_acquire;
inline constexpr auto kRelease = std::memory_order_release;
inline constexpr auto kAcqRel = std::memory_order_acq_rel;
inline constexpr auto kSeqCst = std::memory_order_seq_cst;

#ifdef TOWPATH_EXPLORE

/// The explorer in tests/schedule defines these. It runs actors by turns, switches between them
/// before any operation, keeps stores back as a processor's store buffer does, and kills.
namespace explore {
enum class Op : std::uint8_t { load, store, exchange };
void step(const void* word, Op op);
/// True: the store must not be done now (kept back, or its actor is dead).
bool withhold(void* word, std::uint64_t value, std::size_t bytes, bool ordered);
/// True: the running actor's own store of this word is kept back; `value` is what it stored.
bool own_store(const void* word, std::uint64_t& value);
/// True: the running actor is dead and merely unwinds; it changes nothing any more.
bool is_ghost();
void full_fence();
void barrier_everywhere();
}  // namespace explore

template <class T>
class Atomic {
 public:
  constexpr Atomic() = default;
  constexpr Atomic(T value) : value_(value) {}  // NOLINT: as std::atomic
  T load(std::memory_order order) const {
    explore::step(this, explore::Op::load);
    std::uint64_t own = 0;
    return explore::own_store(this, own) ? static_cast<T>(own) : value_.load(order);
  }
  void store(T value, std::memory_order order) {
    explore::step(this, explore::Op::store);
    if (!explore::withhold(this, value, sizeof(T), order == kSeqCst)) value_.store(value, order);
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order order) {
    explore::step(this, explore::Op::exchange);
    if (!explore::is_ghost()) return value_.compare_exchange_strong(expected, desired, order);
    return expected = value_.load(kRelaxed), false;
  }
  T fetch_add(T value, std::memory_order order) {
    explore::step(this, explore::Op::exchange);
    return value_.fetch_add(explore::is_ghost() ? T{} : value, order);
  }
  T fetch_or(T value, std::memory_order order) {
    explore::step(this, explore::Op::exchange);
    return value_.fetch_or(explore::is_ghost() ? T{} : value, order);
  }

 private:
  std::atomic<T> value_;
};

#else

template <class T>
using Atomic = std::atomic<T>;

#endif

/// A thread fence. (ThreadSanitizer does not model it; nothing that TSan must see relies on one.)
inline void fence(std::memory_order order) {
#ifdef TOWPATH_EXPLORE
  if (order == kSeqCst) explore::full_fence();
#endif
  std::atomic_thread_fence(order);
}

/// Keeps the compiler, not the processor, from reordering. Sound only where the other side issues
/// membarrier(2) (docs/memory_model.md, D1).
inline void compiler_fence() { std::atomic_signal_fence(kSeqCst); }

/// Raises `word` to at least `value`; wrap-around-safe for counters less than half a range apart.
/// Bounded: a lost race means somebody else raised it.
template <class T>
inline T raise_to(Atomic<T>& word, T value, std::memory_order order) {
  using Signed = std::make_signed_t<T>;
  T seen = word.load(kRelaxed);  // relaxed: the exchange below orders
  for (int attempt = 0; attempt < 1'000'000; ++attempt) {
    if (static_cast<Signed>(value - seen) <= 0) return seen;
    if (word.compare_exchange_strong(seen, value, order)) return value;
  }
  return seen;
}

/// Fetches a line for writing. Inline assembly, because -O2 lowers the builtin to a plain prefetch
/// unless the target is told to have PREFETCHW.
inline void prefetch_for_write(const void* line) {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(line)));
#else
  __builtin_prefetch(line, 1, 3);
#endif
}

inline void prefetch_for_read(const void* line) { __builtin_prefetch(line, 0, 3); }

/// A polite spin: tells the core that this is a wait loop.
inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

}  // namespace tow::shm
