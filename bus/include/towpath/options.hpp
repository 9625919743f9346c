#pragma once
/// Options, each struct with its defaults. Every field says its unit and when to change it.

#include <chrono>
#include <cstdint>

namespace tow {

/// "For ever", for every timeout of this library.
inline constexpr std::chrono::nanoseconds kForever = std::chrono::nanoseconds::max();

struct BusOptions {
  /// Make the bus when it does not exist.
  bool create = true;
  /// Look only: join nothing, write nothing, repair nothing. For tools.
  bool observe = false;
  /// Rights of every file that is made, as for chmod(1); r implies x for directories. 0600: this
  /// user alone; 0660: the group too. Who may write a topic's files may publish and subscribe.
  std::uint32_t file_mode = 0600;
};

/// How many publishers a topic has at a time.
enum class Publishers : std::uint8_t {
  any,   ///< as the topic is; `many` when this call creates it
  one,   ///< the fastest: one cache line a message
  many,  ///< up to max_publishers, one gap-free order for all
};

/// Which messages carry a time stamp, for the latency histogram of each subscriber.
enum class Stamps : std::uint8_t { any, sampled, all, none };

/// What a topic is. 0 and `any` mean: as the topic is, or the default when this call creates it. A
/// value that differs from an existing topic's is an error (options_mismatch) that names both.
struct TopicOptions {
  Publishers publishers = Publishers::any;
  /// Messages that fit before a publisher must wait for the slowest required subscriber: 16 to
  /// 4,194,304; default 1024. Deeper rides out longer pauses; each message costs 64 to 320 bytes.
  std::uint64_t depth = 0;
  /// Bytes of a slot: 64, 128 or 256; 16 less is the payload that travels inline, at the price of a
  /// cache line. Default: the smallest that holds T, else 64.
  std::uint32_t slot_bytes = 0;
  /// Largest payload, in bytes: 1 to 1 GiB; default sizeof(T), or 64 KiB for bytes.
  std::uint64_t max_message_bytes = 0;
  /// Memory of each publisher for payloads that do not fit a slot, in bytes, up to 16 GiB; default
  /// the larger of 256 KiB and four of the largest messages. With large messages this, not the
  /// depth, says how much may be unread. Room for six or more is also history for who joins late;
  /// of fewer, once all required subscribers have read them, only the newest stays.
  std::uint64_t pool_bytes = 0;
  /// Slots of one publisher's lane where many publish; default the topic's own. Less saves memory
  /// where many publishers share a deep topic.
  std::uint64_t lane_depth = 0;
  /// Publishers and subscribers at a time, 1 to 1024 each; default 1024. They cost nothing unused.
  std::uint32_t max_publishers = 0;
  std::uint32_t max_subscribers = 0;
  /// `sampled`: every 64th message, at no measurable cost. `all` costs about 20 ns a message.
  Stamps stamps = Stamps::any;
  /// Ask for huge pages (for large pools; `tow doctor` says whether the kernel grants them).
  bool huge_pages = false;
  /// Make the topic when it does not exist.
  bool create = true;
};

/// What publish() does when a required subscriber has not made room yet.
enum class WhenFull : std::uint8_t {
  wait,  ///< up to `wait_at_most`, then the error timed_out names who is in the way
  fail,  ///< the error full, at once
  drop,  ///< give the message up and count it (`tow info` shows the count)
};

struct PublisherOptions {
  WhenFull when_full = WhenFull::wait;
  std::chrono::nanoseconds wait_at_most = kForever;
  /// Hot standby: when the topic has all the publishers it may have, wait this long for one to end
  /// or die, and go on where it stopped. 0: fail at once.
  std::chrono::nanoseconds take_over_within{0};
};

/// Where a subscriber starts.
struct Start {
  enum class Kind : std::uint8_t { next, oldest, last, sequence } kind = Kind::next;
  std::uint64_t value = 0;

  static constexpr Start next() { return {}; }
  /// As much history as the topic can promise: at least the depth that was asked for, if it exists
  /// and (for large payloads) the pool still holds it.
  static constexpr Start oldest() { return {Kind::oldest, 0}; }
  /// The newest `count` messages.
  static constexpr Start last(std::uint64_t count) { return {Kind::last, count}; }
  /// A sequence number, from 1; the oldest when that is gone already.
  static constexpr Start sequence(std::uint64_t number) { return {Kind::sequence, number}; }
};

enum class Delivery : std::uint8_t {
  required,  ///< sees every message: publishers wait for it
  lossy,     ///< publishers never wait for it; every gap is counted
};

struct SubscriberOptions {
  Delivery delivery = Delivery::required;
  Start start{};
  /// A required subscriber more than this many messages behind (at most 1.25 times as many; never
  /// more than half the ring) is evicted instead of holding publishers up; its next take says so.
  /// 0: never. Publishers look every quarter of the ring, and whenever it is full; a start
  /// further back than that (oldest) may be evicted at their next look.
  std::uint64_t max_lag = 0;
  /// Large messages held in place at a time, up to 64; further ones are copied. A lossy subscriber
  /// has at most 4, because what it holds nobody can reuse.
  std::uint32_t max_held = 64;
  /// How long take() looks before it sleeps. 0 saves the processor, more saves the 10 to 50 us that
  /// waking costs.
  std::chrono::nanoseconds spin = std::chrono::microseconds(50);
};

}  // namespace tow
