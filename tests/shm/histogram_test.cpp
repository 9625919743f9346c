#include "towpath/shm/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <random>
#include <vector>

namespace tow::shm {
namespace {

using Buckets = std::array<Atomic<std::uint64_t>, kHistogramBuckets>;
using Span = std::span<Atomic<std::uint64_t>, kHistogramBuckets>;

TEST(Histogram, EveryValueFallsBetweenTheCeilingsOfItsNeighbours) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) {
    const std::uint64_t value = random() >> (20 + random() % 44);
    const std::size_t bucket = bucket_of(value);
    ASSERT_LT(bucket, kHistogramBuckets);
    ASSERT_LE(value, bucket_ceiling(bucket)) << value;
    if (bucket != 0) {
      ASSERT_GT(value, bucket_ceiling(bucket - 1)) << value;
    }
  }
}

TEST(Histogram, CeilingsRiseAndAreTheHighestValueOfTheirBucket) {
  for (std::size_t i = 0; i < kHistogramBuckets; ++i) {
    EXPECT_EQ(bucket_of(bucket_ceiling(i)), i);
    if (i + 1 < kHistogramBuckets) {
      EXPECT_EQ(bucket_of(bucket_ceiling(i) + 1), i + 1);
    }
  }
}

TEST(Histogram, BucketIsAtMostOneSixteenthWide) {
  for (std::size_t i = 17; i < kHistogramBuckets; ++i) {
    const std::uint64_t floor = bucket_ceiling(i - 1) + 1;
    EXPECT_LE(static_cast<double>(bucket_ceiling(i) - floor), 0.0625 * static_cast<double>(floor));
  }
}

TEST(Histogram, HugeValuesFallIntoTheLastBucket) {
  EXPECT_EQ(bucket_of(1ULL << 44), kHistogramBuckets - 1);
  EXPECT_EQ(bucket_of(UINT64_MAX), kHistogramBuckets - 1);
}

TEST(Histogram, EmptyOneHasNoQuantiles) {
  const Buckets buckets{};
  EXPECT_EQ(total(buckets), 0U);
  EXPECT_EQ(quantile(buckets, 0.5), 0U);
}

TEST(Histogram, QuantilesAgreeWithSortedValues) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::cout << "seed " << seed << '\n';
    std::mt19937_64 random(seed);
    Buckets buckets{};
    std::vector<std::uint64_t> values(1 + random() % 3000);
    for (auto& value : values) {
      value = random() >> (24 + random() % 40);
      record(Span(buckets), value);
    }
    std::sort(values.begin(), values.end());
    EXPECT_EQ(total(buckets), values.size());
    for (const double fraction : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      std::size_t rank = 1;
      while (static_cast<double>(rank) < fraction * static_cast<double>(values.size())) ++rank;
      EXPECT_EQ(quantile(buckets, fraction), bucket_ceiling(bucket_of(values[rank - 1])))
          << "quantile " << fraction << " of " << values.size();
    }
  }
}

}  // namespace
}  // namespace tow::shm
