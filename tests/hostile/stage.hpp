#pragma once
/// What attackers, victims and the test share: who is who, who got how far, what went wrong.

#include <array>
#include <atomic>
#include <cstdint>
#include <random>
#include <string>

#include "towpath/options.hpp"

namespace tow::hostile {

/// Groups: of the attacked topic, whose files its attackers write, and of the quiet one.
inline constexpr const char* kAttackedGroup = "workers";
inline constexpr const char* kQuietGroup = "auditors";

/// Topics of the bus: victims and attackers meet on `attacked`; `quiet` is nobody's business but
/// its publisher's and its subscriber's; on `theirs` the attackers are among themselves.
inline constexpr const char* kAttacked = "attacked";
inline constexpr const char* kQuiet = "quiet";
inline constexpr const char* kTheirs = "theirs";

inline constexpr std::size_t kMaxVictims = 16;

/// What an attacker does, over and over.
enum class Attack : std::uint8_t {
  scribble_as_publisher,   ///< order and lanes
  scribble_as_subscriber,  ///< board and reader pages
  scribble_as_consumer,    ///< the group's file, and the page with its low mark
  scribble_elsewhere,      ///< its own participants file, and all of a topic of its own
  spoil_files,             ///< truncates, replaces, unlinks
  lock,                    ///< read locks on others' bytes; membarrier without end
  flood,                   ///< publishes as fast as it can
  join_and_leave,
  consume,  ///< takes, settles or not, and dies
};
const char* to_text(Attack attack);

struct VictimLog {
  std::atomic<std::uint64_t> operations, errors;
  std::atomic<std::uint64_t> progress_ns;  ///< CLOCK_MONOTONIC; 0 before it starts
  std::array<char, 32> name;
};

/// Lies in memory that all processes of a run share.
struct StageLog {
  std::atomic<bool> over;           ///< everybody ends
  std::atomic<bool> quiet_is_over;  ///< the quiet publisher is to send no more
  std::atomic<bool> quiet_is_out;   ///< it has sent its last; only then a look that finds none ends
  std::atomic<std::uint64_t> mutations, refused;
  std::atomic<std::uint64_t> quiet_published, quiet_taken, quiet_settled;
  std::array<VictimLog, kMaxVictims> victims;
  std::atomic<std::uint32_t> faults;
  std::array<std::array<char, 400>, 8> fault_texts;

  /// Something that must not happen.
  void fault(const std::string& text);
  std::string fault_list() const;
};

struct Plan {
  std::string bus;
  std::uint64_t seed = 0;
  double seconds = 2;
  Publishers kind = Publishers::many;
  bool other_user = false;  ///< attackers are nobody; victims are root
};

using Random = std::mt19937_64;
inline std::uint64_t draw(Random& random, std::uint64_t low, std::uint64_t high) {
  return std::uniform_int_distribution<std::uint64_t>(low, high)(random);
}
inline bool one_in(Random& random, std::uint64_t n) { return draw(random, 1, n) == 1; }

/// Options of the attacked topic: shallow, with every kind of payload.
TopicOptions attacked_options(const Plan& plan);

/// Of the attacked group: leases run out, keys have an order, and what is given up goes.
GroupOptions attacked_group();

/// An attacker's life, until the run is over.
void attack(const Plan& plan, StageLog& log, Attack kind, std::uint64_t seed);

/// Victims' lives.
struct Victim {
  const Plan& plan;
  StageLog& log;
  VictimLog& self;
  Random random;

  /// To be called between operations: the watchdog looks at it.
  void step(bool failed = false) const;
  bool over() const { return log.over.load(); }
};
void publish_attacked(Victim& self);
void take_attacked(Victim& self);
void publish_to_exchange(Victim& self);
/// As a consumer of the attacked group.
void consume_attacked(Victim& self);
/// As the only consumer of a group of the quiet topic, which gets each message once.
void consume_quiet(Victim& self);
void observe_all(Victim& self);
void publish_quiet(Victim& self);
void take_quiet(Victim& self);
/// Runs tow, one command after the other.
void run_tow(Victim& self);
/// Runs towd until the end.
void run_towd(Victim& self);

}  // namespace tow::hostile
