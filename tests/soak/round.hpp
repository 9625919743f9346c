#pragma once
/// One round of the soak, and many of them added up.

#include <array>
#include <cstdint>
#include <string>

#include "chaos.hpp"
#include "shared_log.hpp"

namespace tow::soak {

/// What must be nought.
inline constexpr std::array kFaultNames{
    "lost",          "phantom",       "reordered",    "gaps",
    "damaged",       "stuck",         "leaked slots", "leaked payload",
    "leaked holds",  "leaked lanes",  "leaked pages", "leaked entries",
    "locked bytes",  "strange files", "leaked fds",   "leaked mappings",
    "unsettled",     "settled twice", "unflagged",    "leaked consumers",
    "not one result"};

/// As Pauses, out of shared memory.
struct PauseTally {
  std::array<std::uint64_t, shm::kHistogramBuckets> buckets{};
  std::uint64_t longest_ns = 0;

  void add(const PauseTally& other);
  /// The pause at or below which `fraction` of all lie.
  std::uint64_t quantile_ns(double fraction) const;
};

struct Tally {
  Outcome outcome;
  std::uint64_t rounds = 0, messages = 0, taken = 0, held = 0, joins = 0, evictions = 0;
  std::uint64_t unrecorded = 0;  ///< out, though their publisher died before it knew
  std::uint64_t towd_repairs = 0, weighings = 0;
  std::uint64_t deliveries = 0, redeliveries = 0, results = 0;
  std::array<std::uint64_t, kFaultNames.size()> faults{};
  std::array<PauseTally, kRoles> pauses{};
  bool checked = true;       ///< each round came to its end and leaks were counted
  std::string fault_list{};  ///< in words
  std::uint64_t seed = 0;    ///< of the last round

  bool fine() const;
  void add(const Tally& other);
  /// Several lines, for people.
  std::string text() const;
};

/// Runs a plan on a bus of its own, with `seed` for its choices.
Tally run_round(Plan plan, std::uint64_t seed);
/// TOWPATH_SOAK_SCALE multiplies the kills of a test, and what else makes it long.
double scale();
/// TOWPATH_SOAK_SEED repeats a round's choices (not its timing).
std::uint64_t fresh_seed();

}  // namespace tow::soak
