#pragma once
/// Atomics and fences of everything that lives in shared memory.
///
/// Product code names `Atomic<T>` and `fence()`, never `std::atomic` on mapped memory. In a normal
/// build they are exactly the standard ones. With TOWPATH_EXPLORE (tests/schedule) every operation
/// is done by a scheduler, which knows where it stands and in which order it was declared.

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

/// Where an operation stands in the source. Only the explorer knows; elsewhere it is nothing.
struct Site {
#ifdef TOWPATH_EXPLORE
  const char* file = nullptr;
  unsigned line = 0;
  static constexpr Site current(const char* file = __builtin_FILE(),
                                unsigned line = __builtin_LINE()) {
    return {file, line};
  }
#else
  static constexpr Site current() { return {}; }
#endif
};

/// A memory order and, for the explorer, where it was written.
#ifdef TOWPATH_EXPLORE
struct Order {
  constexpr Order(std::memory_order named, Site at = Site::current())  // NOLINT: as memory_order
      : order(named), site(at) {}
  std::memory_order order;
  Site site;
};
#else
using Order = std::memory_order;
#endif

#ifdef TOWPATH_EXPLORE

/// The explorer in tests/schedule defines these. It runs actors by turns, switches between them
/// before any operation, kills, and shows each actor what a processor or the language may show it.
namespace explore {
/// A word of mapped memory.
struct Place {
  void* at;
  std::size_t bytes;
};
enum class Change : std::uint8_t { exchange, add, merge };
std::uint64_t load(Place place, Order order);
void store(Place place, std::uint64_t value, Order order);
/// Reads, then stores `value` if the word was `seen` (exchange), or the sum, or the union of bits.
/// `seen` becomes what was read; false when nothing was stored.
bool change(Place place, Change how, std::uint64_t& seen, std::uint64_t value, Order order);
void fence(Order order);
void compiler_fence(Site site);
void barrier_everywhere(Site site);
bool has_barriers();
/// True: somebody explores, and `word` no longer holds `seen` (or its actor is dead).
bool futex_wait(const void* word, std::uint32_t seen);
}  // namespace explore

template <class T>
class Atomic {
 public:
  constexpr Atomic() = default;
  constexpr Atomic(T value) : value_(value) {}  // NOLINT: as std::atomic
  T load(Order order) const { return static_cast<T>(explore::load(place(), order)); }
  void store(T value, Order order) { explore::store(place(), value, order); }
  bool compare_exchange_strong(T& expected, T desired, Order order) {
    return change(explore::Change::exchange, expected, desired, order);
  }
  T fetch_add(T value, Order order) {
    T seen{};
    change(explore::Change::add, seen, value, order);
    return seen;
  }
  T fetch_or(T value, Order order) {
    T seen{};
    change(explore::Change::merge, seen, value, order);
    return seen;
  }

 private:
  explore::Place place() const { return {const_cast<T*>(&value_), sizeof(T)}; }
  bool change(explore::Change how, T& seen, T value, Order order) {
    std::uint64_t wide = seen;
    const bool changed = explore::change(place(), how, wide, value, order);
    seen = static_cast<T>(wide);
    return changed;
  }
  alignas(sizeof(T)) T value_{};
};

#else

template <class T>
using Atomic = std::atomic<T>;

#endif

/// A thread fence. (ThreadSanitizer does not model it; nothing that TSan must see relies on one.)
inline void fence(Order order) {
#ifdef TOWPATH_EXPLORE
  explore::fence(order);
#else
  std::atomic_thread_fence(order);
#endif
}

/// Keeps the compiler, not the processor, from reordering. Sound only where the other side issues
/// membarrier(2) (docs/memory_model.md, D1).
inline void compiler_fence([[maybe_unused]] Site site = Site::current()) {
#ifdef TOWPATH_EXPLORE
  explore::compiler_fence(site);
#endif
  std::atomic_signal_fence(kSeqCst);
}

/// Raises `word` to at least `value`; wrap-around-safe for counters less than half a range apart.
/// Bounded: a lost race means somebody else raised it.
template <class T>
inline T raise_to(Atomic<T>& word, T value, Order order) {
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
