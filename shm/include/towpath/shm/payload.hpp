#pragma once
/// How payload is written: into the words of a slot, or into pool memory.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "towpath/shm/atomic.hpp"

namespace tow::shm {

/// Copies `bytes` into payload words with relaxed stores: readers validate by the slot's sequence.
[[gnu::always_inline]] inline void store_words(Atomic<std::uint64_t>* words, const void* source,
                                               std::size_t bytes) {
  const auto* from = static_cast<const std::byte*>(source);
  std::uint64_t word;
#pragma GCC unroll 30  // a constant size becomes straight stores
  for (; bytes >= 8; bytes -= 8, from += 8, ++words) {
    std::memcpy(&word, from, 8);
    words->store(word, kRelaxed);  // relaxed: ordered by [P1]
  }
  if (bytes != 0) {
    word = 0;
    std::memcpy(&word, from, bytes);
    words->store(word, kRelaxed);  // relaxed: ordered by [P1]
  }
}

/// Copies or fills payload memory by the fastest way for its size.
void copy_payload(std::byte* to, const void* from, std::size_t bytes);
void fill_payload(std::byte* to, std::byte value, std::size_t bytes);

}  // namespace tow::shm
