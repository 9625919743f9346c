#pragma once
/// How payload is written: into the words of a slot, or into pool memory.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "towpath/shm/atomic.hpp"

namespace tow::shm {

/// The first `bytes` of a word, 1 to 7, the rest 0.
[[gnu::always_inline]] inline std::uint64_t part_of_word(const std::byte* from, std::size_t bytes) {
  std::uint64_t word = 0;
  if (__builtin_constant_p(bytes)) {
    std::memcpy(&word, from, bytes);
    return word;
  }
  // From the end: straight loads instead of the call that a copy of an unknown size is.
  if ((bytes & 1) != 0) word = std::to_integer<std::uint64_t>(from[bytes - 1]);
  if ((bytes & 2) != 0) {
    std::uint16_t two;
    std::memcpy(&two, from + (bytes & 4), sizeof two);
    word = word << 16 | two;
  }
  if ((bytes & 4) != 0) {
    std::uint32_t four;
    std::memcpy(&four, from, sizeof four);
    word = word << 32 | four;
  }
  return word;
}

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
    words->store(part_of_word(from, bytes), kRelaxed);  // relaxed: ordered by [P1]
  }
}

/// Copies or fills payload memory by the fastest way for its size.
void copy_payload(std::byte* to, const void* from, std::size_t bytes);
void fill_payload(std::byte* to, std::byte value, std::size_t bytes);

}  // namespace tow::shm
