#include "towpath/shm/histogram.hpp"

namespace tow::shm {

std::uint64_t total(std::span<const Atomic<std::uint64_t>, kHistogramBuckets> buckets) {
  std::uint64_t sum = 0;
  for (const auto& bucket : buckets) sum += bucket.load(kRelaxed);  // relaxed: statistics
  return sum;
}

std::uint64_t quantile(std::span<const Atomic<std::uint64_t>, kHistogramBuckets> buckets,
                       double fraction) {
  const std::uint64_t count = total(buckets);
  if (count == 0) return 0;
  const double wanted = fraction * static_cast<double>(count);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    seen += buckets[i].load(kRelaxed);  // relaxed: statistics
    if (seen != 0 && static_cast<double>(seen) >= wanted) return bucket_ceiling(i);
  }
  return bucket_ceiling(kHistogramBuckets - 1);
}

}  // namespace tow::shm
