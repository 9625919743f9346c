#pragma once
/// What anybody may know of a running bus. Reading it disturbs nobody.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "towpath/options.hpp"

namespace tow {

struct ProcessInfo {
  std::uint32_t uid = 0;
  std::uint32_t pid = 0;        ///< in its own PID namespace; 0 = unknown
  std::string command;          ///< as in /proc/<pid>/comm
  bool alive = false;           ///< by its lock byte
  std::uint64_t joined_ns = 0;  ///< CLOCK_REALTIME
};

struct PublisherInfo {
  std::uint32_t lane = 0;
  ProcessInfo process;
  std::uint64_t published = 0;  ///< messages of this lane, up to a quarter of the depth behind
  std::uint64_t adoptions = 0;  ///< take-overs from dead owners whom nobody had healed yet
};

struct SubscriberInfo {
  std::uint32_t number = 0;
  ProcessInfo process;
  SubscriberKind kind = SubscriberKind::required;
  std::uint64_t cursor = 0;  ///< next message it will take, published lazily
  std::uint64_t lag = 0;     ///< messages behind, by its published cursor
  std::uint64_t max_lag = 0;
  std::uint64_t received = 0, gaps = 0, lost = 0;
  std::uint32_t held = 0;  ///< payloads kept in place
  bool evicted = false;
  std::uint64_t latency_samples = 0;
  double p50_ns = 0, p99_ns = 0, p999_ns = 0;  ///< from commit to take; 0 without samples
};

struct ConsumerInfo {
  std::uint32_t number = 0;
  ProcessInfo process;
  std::uint32_t leased = 0, started = 0;  ///< messages it has
  std::uint64_t taken = 0, acked = 0;     ///< by all who had this place in the group
};

/// What anybody may know of a group.
struct GroupInfo {
  std::string name;
  GroupOptions options;  ///< without `start` and `create`
  bool paused = false;
  std::uint64_t low = 1;   ///< lowest sequence that may be unsettled
  std::uint64_t last = 0;  ///< last message of the topic
  std::uint64_t lag = 0;   ///< unsettled messages
  std::uint64_t ready = 0, leased = 0, started = 0, delayed = 0, dead = 0, settling = 0;
  /// Age of the oldest unsettled message, as far as it is stamped; 0 when unknown or none.
  std::chrono::nanoseconds oldest_age{0};
  /// Since it was made.
  std::uint64_t retried = 0, returned = 0, expired = 0, dropped = 0, gave_up = 0, lost = 0,
                filtered = 0, seeks = 0;
  /// Which dead message could not be moved to the dead letters when a consumer last tried, why, and
  /// what to do; empty when none waits, or nobody has tried. `dead` counts them.
  std::string left_dead;
  std::vector<ConsumerInfo> consumers;
};

struct TopicInfo {
  std::string name;
  Publishers publishers_kind = Publishers::many;
  std::uint64_t asked_depth = 0, slot_count = 0, lane_slot_count = 0;
  std::uint32_t slot_bytes = 0;
  std::uint64_t max_message_bytes = 0, pool_bytes = 0;
  std::uint32_t max_publishers = 0, max_subscribers = 0;
  Stamps stamps = Stamps::sampled;
  bool huge_pages = false;
  std::string type_name;
  std::uint32_t type_bytes = 0;
  bool removed = false;
  std::uint64_t oldest = 0, last = 0;  ///< sequences that can be read; last 0 = none yet
  std::uint64_t dropped = 0;
  std::uint64_t file_bytes = 0;  ///< all files of the topic
  std::vector<PublisherInfo> publishers;
  std::vector<SubscriberInfo> subscribers;
  std::vector<GroupInfo> groups;
};

/// What a repair found and released.
struct HealReport {
  std::uint32_t participants = 0;  ///< dead processes whose entries were freed
  std::uint32_t lanes = 0;         ///< lanes of dead publishers made adoptable
  std::uint32_t readers = 0;       ///< pages of dead subscribers freed
  std::uint32_t consumers = 0;     ///< dead consumers of groups, whose leases were given back
  std::uint32_t leftovers = 0;     ///< directories of removed topics deleted
};

}  // namespace tow
