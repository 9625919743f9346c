#pragma once
/// What delivery tests send: numbered notes that say who wrote them, and a ledger that checks them.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/temp_bus.hpp"
#include "towpath/towpath.hpp"

namespace tow::test {

using namespace std::chrono_literals;

/// How many take part in a test.
struct Shape {
  Publishers kind;
  int publishers;
  int subscribers;
};

inline std::string name_of(const Shape& shape) {
  return std::string(shape.kind == Publishers::one ? "one" : "many") + "_" +
         std::to_string(shape.publishers) + "_to_" + std::to_string(shape.subscribers);
}
inline void PrintTo(const Shape& shape, std::ostream* out) { *out << name_of(shape); }

inline const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all{{Publishers::one, 1, 1},  {Publishers::one, 1, 16},
                                      {Publishers::many, 1, 1}, {Publishers::many, 1, 16},
                                      {Publishers::many, 2, 1}, {Publishers::many, 2, 16}};
  return all;
}

/// The `count`-th note of a publisher.
struct Note {
  std::uint64_t publisher = 0;
  std::uint64_t count = 0;
  std::uint64_t check = 0;

  static Note of(std::uint64_t publisher, std::uint64_t count) {
    return {publisher, count, (publisher << 32 ^ count) * 0x9E37'79B9'7F4A'7C15};
  }
  bool whole() const { return check == of(publisher, count).check; }
};

/// A note with `filler` further bytes that follow from it.
inline std::vector<std::byte> long_note(std::uint64_t publisher, std::uint64_t count,
                                        std::size_t filler) {
  const Note note = Note::of(publisher, count);
  std::vector<std::byte> bytes(sizeof note + filler);
  std::memcpy(bytes.data(), &note, sizeof note);
  for (std::size_t i = 0; i < filler; ++i) {
    bytes[sizeof note + i] = static_cast<std::byte>(note.check + i);
  }
  return bytes;
}

/// What one subscriber has seen so far; expects every sequence once and each publisher's notes in
/// order.
class Ledger {
 public:
  explicit Ledger(std::uint64_t first = 1) : next_(first) {}

  void add(std::uint64_t sequence, std::span<const std::byte> bytes) {
    ASSERT_EQ(sequence, next_);
    ++next_;
    ASSERT_GE(bytes.size(), sizeof(Note));
    Note note;
    std::memcpy(&note, bytes.data(), sizeof note);
    ASSERT_TRUE(note.whole()) << "message " << sequence << " is torn";
    ASSERT_LT(note.publisher, counts_.size());
    ASSERT_EQ(note.count, counts_[note.publisher]++) << "of publisher " << note.publisher;
    for (std::size_t i = sizeof note; i < bytes.size(); ++i) {
      ASSERT_EQ(bytes[i], static_cast<std::byte>(note.check + i - sizeof note)) << "at " << i;
    }
  }
  std::uint64_t messages() const { return next_ - 1; }

 private:
  std::uint64_t next_;
  std::array<std::uint64_t, 4> counts_{};
};

}  // namespace tow::test
