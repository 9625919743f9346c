#pragma once
/// From samples to rows: what is kept, how it is labelled, what is reported.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace towbench {

/// Two cores of a virtual machine lie near each other (a shared cache: 40 to 90 ns) or far apart (a
/// mesh or another die: 110 to 300), and that may change at any time.
inline constexpr double kNearBelowNs = 100;
/// A sample whose two floors differ by more than this was disturbed.
inline constexpr double kFloorsMayDiffer = 0.25;

/// A group of measured values, with what a bare cache line took right before and right after.
struct Sample {
  double floor_before_ns, floor_after_ns;
  /// What the ratio refers to: the floor, or another bare mechanism measured with the sample.
  double reference;
  std::vector<double> values;

  double floor_ns() const { return (floor_before_ns + floor_after_ns) / 2; }
  bool disturbed() const;
};

/// A figure to be reached; `placement` empty: everywhere.
struct Target {
  enum class Kind : std::uint8_t { ratio, p50 } kind;
  double at_most;
  std::string placement;
};

/// What a row is about.
struct Subject {
  std::string system;    ///< towpath, or the peer
  std::string topology;  ///< 1to1: publishers to subscribers
  std::size_t payload_bytes = 0;
  std::string mode;    ///< what distinguishes it: one, many, take(), ...
  std::string metric;  ///< latency, stream, ...
  std::string unit;    ///< ns, us, ms, KiB
  std::optional<Target> target{};
  std::string settings{};  ///< how a peer was set up, where that is not the default
};

/// Where a row's distribution is kept, as fractions: for plots. Exact ranks among all values.
inline constexpr std::array kCurve{0.0,  0.05, 0.1,  0.25,  0.5,   0.75,  0.9,
                                   0.95, 0.98, 0.99, 0.995, 0.999, 0.9999};

/// One line of the report: all kept samples of one placement.
struct Row {
  Subject subject;
  std::string placement;  ///< NEAR, FAR, or empty where it has no meaning
  double p50 = 0, p99 = 0, p99_9 = 0, max = 0;
  std::vector<double> curve{};  ///< the values at kCurve
  double floor = 0;             ///< median of the references, in the row's unit; 0 = none
  double ratio = 0;  ///< median over samples of the sample's p50 / its reference; 0 = none
  std::size_t samples = 0, discarded = 0;

  /// Whether the target is reached; nothing when there is none for this placement.
  std::optional<bool> reached() const;
};

/// The value at or below which `fraction` (0..1) of all lie; sorts. 0 when there are none.
double quantile(std::span<double> values, double fraction);
/// The median, interpolated among equal values: the counter of some processors advances in steps of
/// 10 ns, which would make ratios of short times coarse. Sorts. 0 when there are none.
double median(std::span<double> values);

/// Up to two rows, NEAR and FAR. When every sample was disturbed, one row without figures.
std::vector<Row> summarise(const Subject& subject, std::vector<Sample> samples);
/// A row for values that no placement of cores explains.
Row summarise_values(const Subject& subject, std::vector<double> values);

}  // namespace towbench
