#include "result.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace towbench {
namespace {

Row row_of(const Subject& subject, std::string placement, std::vector<double> values) {
  Row row{.subject = subject, .placement = std::move(placement)};
  row.p50 = quantile(values, 0.5);
  row.p99 = quantile(values, 0.99);
  row.p99_9 = quantile(values, 0.999);
  row.max = quantile(values, 1.0);
  for (const double fraction : kCurve) row.curve.push_back(quantile(values, fraction));
  return row;
}

Row row_of(const Subject& subject, const char* placement, const std::vector<Sample*>& kept) {
  std::vector<double> all, ratios, references;
  for (Sample* const sample : kept) {
    all.insert(all.end(), sample->values.begin(), sample->values.end());
    ratios.push_back(median(sample->values) / sample->reference);
    references.push_back(sample->reference);
  }
  Row row = row_of(subject, placement, std::move(all));
  row.floor = median(references);
  row.ratio = median(ratios);
  row.samples = kept.size();
  return row;
}

}  // namespace

bool Sample::disturbed() const {
  const double smaller = std::min(floor_before_ns, floor_after_ns);
  return std::abs(floor_before_ns - floor_after_ns) > kFloorsMayDiffer * smaller;
}

std::optional<bool> Row::reached() const {
  const auto& target = subject.target;
  if (!target || (!target->placement.empty() && target->placement != placement)) return {};
  const double value = target->kind == Target::Kind::ratio ? ratio : p50;
  return value != 0 && value <= target->at_most;
}

double quantile(std::span<double> values, double fraction) {
  if (values.empty()) return 0;
  const auto rank = std::ceil(fraction * static_cast<double>(values.size()));
  const auto at = static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

double median(std::span<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double middle = values[(values.size() - 1) / 2];
  const auto equal = std::equal_range(values.begin(), values.end(), middle);
  if (equal.first == values.begin() || equal.second == values.end()) return middle;
  // As for grouped data: the equal ones are thought to be spread evenly over their step.
  const double from = (*(equal.first - 1) + middle) / 2, to = (middle + *equal.second) / 2;
  const auto below = static_cast<double>(equal.first - values.begin());
  const auto among = static_cast<double>(equal.second - equal.first);
  return from + (to - from) * (static_cast<double>(values.size()) / 2 - below) / among;
}

std::vector<Row> summarise(const Subject& subject, std::vector<Sample> samples) {
  std::vector<Sample*> near, far;
  for (Sample& sample : samples) {
    if (sample.disturbed() || sample.values.empty()) continue;
    (sample.floor_ns() < kNearBelowNs ? near : far).push_back(&sample);
  }
  const std::size_t discarded = samples.size() - near.size() - far.size();
  std::vector<Row> rows;
  if (!near.empty()) rows.push_back(row_of(subject, "NEAR", near));
  if (!far.empty()) rows.push_back(row_of(subject, "FAR", far));
  if (rows.empty()) rows.push_back({.subject = subject, .placement = "none kept"});
  for (Row& row : rows) row.discarded = discarded;
  return rows;
}

Row summarise_values(const Subject& subject, std::vector<double> values) {
  const std::size_t count = values.size();
  Row row = row_of(subject, "", std::move(values));
  row.samples = count;
  return row;
}

}  // namespace towbench
