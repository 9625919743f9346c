#include "dead_letters.hpp"

#include "towpath/bus.hpp"

namespace tow {

Result<void> DeadLetters::open() {
  if (publisher_) return {};
  auto topic = Bus(bus_).topic(topic_);
  if (!topic) return topic.error();
  auto publisher = topic->publisher({.when_full = WhenFull::fail});
  if (!publisher) return publisher.error();
  publisher_.emplace(std::move(*publisher));
  return {};
}

void DeadLetters::move_from(shm::Consumer& consumer) {
  constexpr int kMost = 16;  // the rest at the next look: the living come first
  for (int moved = 0; moved < kMost; ++moved) {
    auto dead = consumer.next_dead();
    if (!dead || !move(consumer, *dead)) return;
  }
}

bool DeadLetters::move(shm::Consumer& consumer, shm::Consumer::Dead& dead) {
  if (!open()) return false;
  shm::Received message;
  alignas(16) std::byte buffer[shm::kMaxInlineBytes];
  if (consumer.read(dead.sequence, message, buffer) == shm::Take::message) {
    auto sent = publisher_->publish(std::span(message.data, message.payload_bytes));
    consumer.reader().release(message.hold);
    if (!sent) return false;
  }
  reasons_.erase(dead.sequence);
  return consumer.bury(dead);
}

}  // namespace tow
