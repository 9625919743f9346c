#include "pair.hpp"

namespace towbench {

void record_sample(Stage& stage, double floor_before, double floor_after,
                   std::span<const double> values, double reference) {
  stage.record(floor_before);
  stage.record(floor_after);
  stage.record(reference != 0 ? reference : (floor_before + floor_after) / 2);
  stage.record(static_cast<double>(values.size()));
  for (const double value : values) stage.record(value);
}

std::vector<Sample> recorded_samples(const Stage& stage) {
  std::vector<Sample> samples;
  const auto tape = stage.recorded();
  for (std::size_t at = 0; at + 4 <= tape.size();) {
    const auto count = static_cast<std::size_t>(tape[at + 3]);
    const auto values = tape.subspan(at + 4, count);
    samples.push_back({tape[at], tape[at + 1], tape[at + 2], {values.begin(), values.end()}});
    at += 4 + count;
  }
  return samples;
}

}  // namespace towbench
