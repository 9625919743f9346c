#pragma once
/// Memory that outlives every child: what publishers know to be out, what the observer saw, who is
/// stuck. Anonymous and shared, made by the test process before it forks.

#include <array>
#include <atomic>
#include <cstdint>
#include <random>
#include <string>

#include "footprint.hpp"
#include "payload.hpp"
#include "plans.hpp"
#include "towpath/shm/layout.hpp"

namespace tow::soak {

enum class Role : std::uint32_t {
  observer,
  steady_publisher,
  publisher,
  subscriber,
  joiner,
  repairer,
  supervisor,
  consumer,
  auditor,
  checker
};
inline constexpr std::size_t kRoles = 10;
const char* to_text(Role role);

/// What a child does, for the text about a stuck one and for the count of who was killed where.
enum class Step : std::uint32_t { starting, waiting, working, ending };
const char* to_text(Step step);

/// One life of a publisher. Writers: that publisher (attempted, published), the observer (seen).
struct Incarnation {
  std::atomic<std::uint64_t> attempted;  ///< highest counter given to publish
  std::atomic<std::uint64_t> published;  ///< highest counter for which publish returned
  std::atomic<std::uint64_t> seen;       ///< highest counter that the observer took
};

/// One place for a child. Writer: the child in it.
struct Place {
  std::atomic<std::uint64_t> progress_ns;  ///< when it last got on; 0 = it waits for its turn
  std::atomic<Step> step;
};

/// What became of one message in the group. Writers: its consumers, and of results the auditor.
struct Job {
  std::atomic<std::uint8_t> begun;    ///< somebody was given it
  std::atomic<std::uint8_t> acking;   ///< who died then may have settled it
  std::atomic<std::uint8_t> acked;    ///< how often that succeeded
  std::atomic<std::uint8_t> results;  ///< how often a result of it came
};

/// How long those of one role did not get on, into which somebody's death fell and nobody's stop.
/// Of readers only where some publisher always lives.
struct Pauses {
  std::array<shm::Atomic<std::uint64_t>, shm::kHistogramBuckets> buckets;
  std::atomic<std::uint64_t> longest_ns;
};

struct Leaks {
  std::uint32_t done, participants, locks, lanes, readers, holds, files;
  std::uint32_t lane_count;
  std::uint32_t pools;      ///< lanes whose pool cannot be lent whole again
  std::uint32_t slots;      ///< messages that did not fit into rings that nobody holds up
  std::uint32_t consumers;  ///< entries of the group that somebody still has
  std::uint64_t jobs;       ///< messages that nobody settled
  std::uint64_t results;    ///< messages of which there is no result, or a second
  std::uint64_t last_sequence;
};

inline constexpr std::size_t kMaxIncarnations = 1 << 16;
inline constexpr std::size_t kMaxPlaces = 64;
inline constexpr std::size_t kMaxFaults = 8;
inline constexpr std::size_t kOrderWindow = 1 << 16;
inline constexpr std::size_t kMaxJobs = 1 << 22;  ///< later ones are not in the books

struct SharedLog {
  std::atomic<std::uint32_t> next_incarnation, stop_publishing, publishers_gone, observer_done;
  std::atomic<std::uint32_t> observer_ready;
  std::atomic<std::uint64_t> observed, taken, held, evictions, joins, towd_repairs, weighings;
  std::atomic<std::uint64_t> gaps, reordered, damaged, stuck;  ///< faults of each kind
  std::atomic<std::uint64_t> deliveries, redeliveries;
  std::atomic<std::uint64_t> unflagged, settled_twice;  ///< faults of a group
  std::atomic<std::uint64_t> audited;                   ///< results that the auditor has read
  /// The last result there will be; 0 = not known yet.
  std::atomic<std::uint64_t> last_result;
  std::atomic<std::uint32_t> audit_ready, audit_done;
  std::atomic<std::uint64_t> grown_fds, grown_mappings;
  std::atomic<std::uint64_t> deaths;       ///< raised before each kill
  std::atomic<std::uint64_t> stops;        ///< raised before each SIGSTOP and SIGCONT
  std::atomic<std::uint64_t> stopped_now;  ///< processes
  std::atomic<std::uint32_t> faults;
  std::array<std::array<char, 300>, kMaxFaults> fault_texts;
  Leaks leaks;
  std::array<Pauses, kRoles> pauses;
  std::array<Place, kMaxPlaces> places;
  std::array<Incarnation, kMaxIncarnations> incarnations;
  /// What each of the latest sequences was to the first who read it.
  std::array<std::atomic<std::uint64_t>, kOrderWindow> order;
  /// By sequence.
  std::array<Job, kMaxJobs> jobs;

  /// Zeroed, shared with children forked later.
  static SharedLog* map();
  void fault(const std::string& text);
  std::string fault_list() const;
  /// False when somebody else read another message with this sequence.
  bool agrees(std::uint64_t sequence, const Stamp& stamp);
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
  /// It got on: notes how long that took, if somebody died meanwhile and nobody was stopped.
  void progress(Step step);
  /// It waits for its turn, which may take as long as it likes.
  void idle();
  /// At a place in a loop where it has the same things open each time: now and then notes what it
  /// has open, and that this is no more than the first time.
  void weigh();

 private:
  Role role_;
  Place& place_;
  std::uint64_t last_ns_ = 0, stops_ = 0, deaths_ = 0;
  std::uint64_t weighed_ns_ = 0;
  Footprint first_{};
};

}  // namespace tow::soak
