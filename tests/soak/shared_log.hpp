#pragma once
/// Memory that outlives every child: what publishers know to be out, what the observer saw, who is
/// stuck. Anonymous and shared, made by the test process before it forks.

#include <array>
#include <atomic>
#include <cstdint>
#include <random>
#include <string>

namespace tow::soak {

enum class Role : std::uint32_t { observer, publisher, subscriber, joiner, repairer, checker };
const char* to_text(Role role);

/// What one run does. Everything a child needs to know.
struct Plan {
  std::string name{};
  std::string bus{};         ///< path of the bus directory
  bool one = false;          ///< publishers = one
  int publishers = 1;        ///< with `one`, all but the first stand by
  int subscribers = 1;       ///< killed ones; the observer comes on top
  std::uint64_t depth = 16;  ///< asked for
  std::uint64_t lane_depth = 0;
  int kills = 250;
  std::uint64_t seed = 1;
  std::uint64_t watchdog_ns = 20'000'000'000;
};

/// One life of a publisher. Writers: that publisher (attempted, published), the observer (seen).
struct Incarnation {
  std::atomic<std::uint64_t> attempted;  ///< highest counter given to publish
  std::atomic<std::uint64_t> published;  ///< highest counter for which publish returned
  std::atomic<std::uint64_t> seen;       ///< highest counter that the observer took
};

/// One place for a child. Writer: the child in it; `stops` the test process.
struct Place {
  std::atomic<std::uint64_t> progress_ns;  ///< when it last got on; 0 = it waits for its turn
  std::atomic<std::uint32_t> stops;        ///< raised before each SIGSTOP
  std::atomic<std::uint32_t> step;         ///< what it does, for the text about a stuck one
};

struct Leaks {
  std::uint32_t done, participants, locks, lanes, readers, holds, files;
  std::uint32_t lane_count, pools;  ///< lanes, and those whose pool cannot be lent whole again
  std::uint64_t last_sequence;
};

inline constexpr std::size_t kMaxIncarnations = 1 << 15;
inline constexpr std::size_t kMaxPlaces = 64;
inline constexpr std::size_t kMaxFaults = 8;

struct SharedLog {
  std::atomic<std::uint32_t> next_incarnation, stop_publishing, publishers_gone, observer_done;
  std::atomic<std::uint32_t> observer_ready;
  std::atomic<std::uint64_t> observed, gaps, duplicates, damaged, taken, held, evictions, joins;
  std::atomic<std::uint64_t> longest_pause_ns;
  std::atomic<std::uint32_t> longest_pause_role;
  std::atomic<std::uint32_t> faults;
  std::array<std::array<char, 300>, kMaxFaults> fault_texts;
  Leaks leaks;
  std::array<Place, kMaxPlaces> places;
  std::array<Incarnation, kMaxIncarnations> incarnations;

  /// Zeroed, shared with children forked later.
  static SharedLog* map();
  void fault(const std::string& text);
  std::string fault_list() const;
};

/// What a child knows of itself.
class Self {
 public:
  Self(const Plan& plan_, SharedLog& log_, Role role, std::size_t place, std::uint64_t seed)
      : plan(plan_), log(log_), random(seed), role_(role), place_(log_.places[place]) {}

  const Plan& plan;
  SharedLog& log;
  std::mt19937_64 random;

  /// A number of [low, high].
  std::uint64_t draw(std::uint64_t low, std::uint64_t high) {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(random);
  }
  bool chance(int percent) { return draw(1, 100) <= static_cast<std::uint64_t>(percent); }
  /// It got on: notes how long that took, unless it was stopped meanwhile.
  void progress(std::uint32_t step);
  /// It waits for its turn, which may take as long as it likes.
  void idle();

 private:
  Role role_;
  Place& place_;
  std::uint64_t last_ns_ = 0;
  std::uint32_t stops_ = 0;
};

}  // namespace tow::soak
