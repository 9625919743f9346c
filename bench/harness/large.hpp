#pragma once
/// What large messages hold and how they are read: a stamp and a number, then bytes that all follow
/// from the number. The sender writes all of it, the head alone, or nothing; the receiver reads as
/// much. Where nothing is written the stamp takes another way, behind the message.

#include <cstring>
#include <span>

#include "link.hpp"
#include "towpath/shm/writer.hpp"

namespace towbench {

struct Head {
  std::uint64_t stamp, number;
};

enum class Touch { whole, head, none };

/// The stamp of message `number`, which its sender wrote to `line` after sending it.
class LateStamp {
 public:
  LateStamp(const Stage& stage, const Line& line, std::uint64_t number)
      : stage_(stage), line_(line), number_(number) {}
  static void write(Line& line, std::uint64_t number, std::uint64_t stamp) {
    line.stamp.store(stamp, std::memory_order_relaxed);
    line.number.store(number, std::memory_order_release);
  }
  explicit operator std::uint64_t() const {
    stage_.await(line_, number_);
    return line_.stamp.load(std::memory_order_relaxed);
  }

 private:
  const Stage& stage_;
  const Line& line_;
  std::uint64_t number_;
};

/// So many messages of `bytes` that a sample takes some milliseconds.
constexpr std::size_t large_messages_of_sample(std::size_t bytes) {
  return std::max<std::size_t>(8, (std::size_t{16} << 20) / bytes);
}

/// Writes message `number`.
inline void write_large(std::span<std::byte> to, std::uint64_t stamp, std::uint64_t number,
                        Touch touch) {
  if (touch == Touch::whole) {
    tow::shm::fill_payload(to.data(), static_cast<std::byte>(number), to.size());
  }
  const Head head{stamp, number};
  std::memcpy(to.data(), &head, sizeof head);
}

/// The sum of all words: every byte is read.
inline std::uint64_t sum_of_words(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + at, 8);
    sum += word;
  }
  return sum;
}

/// Reads message `number`, calls on_arrival(its stamp), then checks it.
template <class OnArrival>
void read_large(std::span<const std::byte> from, std::uint64_t number, Touch touch,
                OnArrival&& on_arrival) {
  const std::uint64_t sum = touch == Touch::whole ? sum_of_words(from) : 0;
  asm volatile("" : : "r"(sum) : "memory");  // it has been read when it has arrived
  Head head;
  std::memcpy(&head, from.data(), sizeof head);
  on_arrival(head.stamp);
  if (head.number != number)
    throw Failure(fmt::format("message {} is not {}", head.number, number));
  if (touch == Touch::head) return;
  constexpr std::uint64_t kEachByte = 0x0101'0101'0101'0101;
  const std::uint64_t filler = (number & 0xFF) * kEachByte;
  const std::uint64_t expected = head.stamp + head.number + filler * (from.size() / 8 - 2);
  if (sum != expected) throw Failure(fmt::format("message {} is garbled", number));
}

}  // namespace towbench
