#include "towpath/shm/pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <random>
#include <vector>

namespace tow::shm {
namespace {

constexpr std::uint64_t kUnit = 64;

/// What a pool must be: a row of units, each free or not.
class Model {
 public:
  explicit Model(std::uint64_t bytes) : taken_(bytes / kUnit) {}
  bool all(Block block, bool taken) const {
    for (std::uint64_t unit = 0; unit < block.bytes / kUnit; ++unit) {
      if (taken_[block.offset / kUnit + unit] != taken) return false;
    }
    return true;
  }
  void set(Block block, bool taken) {
    for (std::uint64_t unit = 0; unit < block.bytes / kUnit; ++unit) {
      taken_[block.offset / kUnit + unit] = taken;
    }
  }
  std::uint64_t free_bytes() const {
    return kUnit * static_cast<std::uint64_t>(std::count(taken_.begin(), taken_.end(), false));
  }
  std::uint64_t longest_free_run() const {
    std::uint64_t longest = 0, run = 0;
    for (const bool taken : taken_) longest = std::max(longest, run = taken ? 0 : run + kUnit);
    return longest;
  }

 private:
  std::vector<bool> taken_;
};

class PoolProperty : public testing::TestWithParam<unsigned> {
 protected:
  static constexpr std::uint64_t kBytes = 256 * kUnit;

  std::uint64_t random(std::uint64_t below) { return random_() % below; }

  void allocate() {
    const std::uint64_t bytes = random(8) == 0 ? random(kBytes) : random(600);
    const std::uint64_t needed = std::max<std::uint64_t>((bytes + 63) / 64 * 64, 64);
    const auto block = pool_.allocate(bytes);
    ASSERT_EQ(block.has_value(), model_.longest_free_run() >= needed) << bytes << " bytes";
    if (!block) return;
    ASSERT_EQ(block->bytes, needed);
    ASSERT_EQ(block->offset % kUnit, 0U);
    ASSERT_LE(block->offset + block->bytes, kBytes);
    ASSERT_TRUE(model_.all(*block, false)) << "a block was handed out twice";
    take(*block);
  }
  void reserve() {
    const std::uint64_t offset = random(256) * kUnit;
    const Block block{offset, std::min((1 + random(8)) * kUnit, kBytes - offset)};
    const bool free = model_.all(block, false);
    ASSERT_EQ(pool_.reserve(block), free);
    if (free) take(block);
  }
  void give_back() {
    if (live_.empty()) return;
    std::swap(live_[random(live_.size())], live_.back());
    pool_.free(live_.back());
    model_.set(live_.back(), false);
    live_.pop_back();
  }
  void take(Block block) {
    model_.set(block, true);
    live_.push_back(block);
  }

  std::mt19937 random_{GetParam()};
  PoolMap pool_{kBytes};
  Model model_{kBytes};
  std::vector<Block> live_;
};

TEST_P(PoolProperty, RandomUseNeverOverlapsAndLosesNothing) {
  std::cout << "seed " << GetParam() << '\n';
  for (int step = 0; step < 5'000; ++step) {
    const std::uint64_t what = random(100);
    if (what < 45) {
      allocate();
    } else if (what < 55) {
      reserve();
    } else {
      give_back();
    }
    if (HasFatalFailure()) return;
    ASSERT_EQ(pool_.free_bytes(), model_.free_bytes());
  }
  while (!live_.empty()) give_back();
  const auto whole = pool_.allocate(kBytes);
  ASSERT_TRUE(whole) << "what was given back did not grow together again";
  EXPECT_EQ(whole->offset, 0U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PoolProperty, testing::Range(1U, 11U));

TEST(Pool, RecentlyFreedBlockOfTheSameSizeComesBackFirst) {
  PoolMap pool(1 << 20);
  const auto first = pool.allocate(1000).value();
  const auto second = pool.allocate(1000).value();
  pool.free(first);
  pool.free(second);
  EXPECT_EQ(pool.expected(1000), second.offset);
  EXPECT_FALSE(pool.expected(2000));
  EXPECT_EQ(pool.allocate(1000)->offset, second.offset);
  EXPECT_EQ(pool.allocate(1000)->offset, first.offset);
}

TEST(Pool, EmptyOneGivesNothing) {
  PoolMap pool(0);
  EXPECT_FALSE(pool.allocate(1));
  EXPECT_FALSE(pool.reserve({0, 64}));
  EXPECT_EQ(pool.free_bytes(), 0U);
}

TEST(Pool, AbsurdRangesAreNotReserved) {
  PoolMap pool(4096);
  EXPECT_FALSE(pool.reserve({4096, 64}));
  EXPECT_FALSE(pool.reserve({0, 8192}));
  EXPECT_FALSE(pool.reserve({64, 0}));
  EXPECT_FALSE(pool.reserve({64, UINT64_MAX - 63}));
  EXPECT_FALSE(pool.allocate(UINT64_MAX - 64));
  EXPECT_EQ(pool.free_bytes(), 4096U);
}

}  // namespace
}  // namespace tow::shm
