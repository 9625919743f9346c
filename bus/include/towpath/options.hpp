#pragma once
/// Options, each struct with its defaults. Every field says its unit and when to change it.

#include <chrono>
#include <cstdint>
#include <string>

#include "towpath/shm/group_layout.hpp"

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
  /// A name under which this publisher numbers its messages (Attributes::number), so that after a
  /// crash it may publish again what it is not sure of: what is out already is not published a
  /// second time. One publisher of a topic has a name at a time. Up to 255 bytes as a file name;
  /// empty: no numbers.
  std::string producer = {};
};

/// Where a subscriber starts.
struct Start {
  enum class Kind : std::uint8_t { next, oldest, last, sequence, time } kind = Kind::next;
  std::uint64_t value = 0;

  static constexpr Start next() { return {}; }
  /// As much history as the topic can promise: at least the depth that was asked for, if it exists
  /// and (for large payloads) the pool still holds it.
  static constexpr Start oldest() { return {Kind::oldest, 0}; }
  /// The newest `count` messages.
  static constexpr Start last(std::uint64_t count) { return {Kind::last, count}; }
  /// A sequence number, from 1; the oldest when that is gone already.
  static constexpr Start sequence(std::uint64_t number) { return {Kind::sequence, number}; }
  /// The first message published no longer than `ago` ago, or up to 63 before it where only every
  /// 64th is stamped; the oldest where none is.
  static constexpr Start time(std::chrono::nanoseconds ago) {
    return {Kind::time, ago.count() > 0 ? static_cast<std::uint64_t>(ago.count()) : 0};
  }
};

enum class SubscriberKind : std::uint8_t {
  required,  ///< sees every message: publishers wait for it
  lossy,     ///< publishers never wait for it; every gap is counted
};

struct SubscriberOptions {
  SubscriberKind kind = SubscriberKind::required;
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

using GroupMode = shm::GroupMode;
using Overflow = shm::Overflow;

/// What a group is, fixed when it is made.
struct GroupOptions {
  /// `shared`: any consumer gets the next message. `ordered`: the messages of one key go to one
  /// consumer at a time, in order, and a retry holds up those behind it. `single_active`: one
  /// consumer gets everything, in order; the others stand by for its end or death.
  GroupMode mode = GroupMode::shared;
  /// Where a new group begins.
  Start start = Start::next();
  /// How often a message is begun before it is given up, 1 to 30. Deaths of consumers, retries and
  /// leases that ran out count; what was returned unbegun does not.
  std::uint32_t max_attempts = 16;
  /// A delivery that is not settled within this time is taken from its consumer; 0: never, because
  /// only the kernel proves death. For consumers that may hang.
  std::chrono::nanoseconds lease{0};
  /// The second attempt follows at once; the third after `backoff`, then twice as long each time,
  /// at most `max_backoff`.
  std::chrono::nanoseconds backoff = std::chrono::milliseconds(100);
  std::chrono::nanoseconds max_backoff = std::chrono::seconds(60);
  /// Messages older than this when their turn comes are given up; 0: only those that say so
  /// themselves. Up to 8 hours; needs a topic with stamps = all.
  std::chrono::nanoseconds time_to_live{0};
  /// Unsettled messages that the group may have; 0: as many as the topic holds. Counted from the
  /// oldest, settled ones among them included.
  std::uint64_t max_length = 0;
  /// What becomes of more: publishers wait (`block`), get the error `full` at once (`reject`), or
  /// the group loses its oldest (`drop_oldest`; of these at most a sixteenth more than needed).
  Overflow overflow = Overflow::block;
  /// Among the 256 oldest unsettled messages, those of higher priority are handed out first.
  bool by_priority = false;
  /// Only messages whose key matches: words split by '.', '*' is any one word, '#' any number of
  /// them. Empty: all. What does not match is settled for this group.
  std::string key_pattern{};
  /// Only messages with this tag. Empty: all.
  std::string tag{};
  /// Topic for messages that were given up, made when needed; empty: they are dropped and counted.
  std::string dead_letter{};
  /// When that topic is full: drop them and count, instead of waiting with them.
  bool drop_when_dead_letters_full = false;
  /// Make the group when it does not exist.
  bool create = true;
};

}  // namespace tow
