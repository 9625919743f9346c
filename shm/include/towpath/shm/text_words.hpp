#pragma once
/// Short texts in mapped words: NUL-padded, perhaps half of one text and half of another while
/// somebody writes.

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "towpath/shm/atomic.hpp"

namespace tow::shm {

/// Stores as much of `text` as fits.
template <std::size_t kWords>
void store_text(std::array<Atomic<std::uint64_t>, kWords>& words, std::string_view text) {
  for (std::size_t i = 0; i < kWords; ++i) {
    std::uint64_t word = 0;
    text.copy(reinterpret_cast<char*>(&word), 8, std::min(i * 8, text.size()));
    words[i].store(word, kRelaxed);  // relaxed: for people, or ordered by what names the text
  }
}

template <std::size_t kWords>
std::string load_text(const std::array<Atomic<std::uint64_t>, kWords>& words) {
  std::array<char, kWords * 8> text{};
  for (std::size_t i = 0; i < kWords; ++i) {
    const std::uint64_t word = words[i].load(kRelaxed);  // relaxed: as in store_text
    std::memcpy(text.data() + i * 8, &word, 8);
  }
  return {text.data(), strnlen(text.data(), text.size())};
}

}  // namespace tow::shm
