#pragma once
/// Latency buckets: 16 per power of two, the scheme of HdrHistogram (Gil Tene), so that a recorded
/// value is off by at most 6.25 %.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "towpath/shm/layout.hpp"

namespace tow::shm {

/// Index of the bucket for `value`; values of 2^44 and more fall into the last one.
constexpr std::size_t bucket_of(std::uint64_t value) {
  if (value < 16) return value;
  const auto exponent = static_cast<std::size_t>(std::bit_width(value)) - 1;
  if (exponent >= 44) return kHistogramBuckets - 1;
  return (exponent - 3) * 16 + (value >> (exponent - 4) & 15);
}

/// Highest value that falls into bucket `index`.
constexpr std::uint64_t bucket_ceiling(std::size_t index) {
  if (index < 16) return index;
  const std::size_t exponent = index / 16 + 3;
  return ((16 + index % 16 + 1) << (exponent - 4)) - 1;
}

/// Adds one value. Only the page's owner calls it, so a load and a store suffice.
inline void record(std::span<Atomic<std::uint64_t>, kHistogramBuckets> buckets,
                   std::uint64_t value) {
  Atomic<std::uint64_t>& bucket = buckets[bucket_of(value)];
  bucket.store(bucket.load(kRelaxed) + 1, kRelaxed);  // relaxed: one writer, statistics
}

/// The value at or below which `fraction` (0..1) of all recorded ones lie; 0 when there are none.
std::uint64_t quantile(std::span<const Atomic<std::uint64_t>, kHistogramBuckets> buckets,
                       double fraction);
std::uint64_t total(std::span<const Atomic<std::uint64_t>, kHistogramBuckets> buckets);

}  // namespace tow::shm
