#pragma once
/// The free map of a lane's payload pool: private memory of its publisher, nothing of it is shared.
/// After a crash the successor builds a new one from the slots that are still readable.

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace tow::shm {

/// A piece of the pool: `offset` and `bytes` are multiples of 64.
struct Block {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// Hands out blocks of a range [0, pool_bytes). One thread at a time. Recently freed blocks of the
/// same size come back first (they are warm); otherwise the lowest extent that fits is cut, and
/// when none does, everything free is merged and tried once more.
class PoolMap {
 public:
  explicit PoolMap(std::uint64_t pool_bytes);
  /// A block of at least `bytes`, aligned to 64; nothing when no extent is long enough.
  std::optional<Block> allocate(std::uint64_t bytes);
  void free(Block block);
  /// Where the next block of `bytes` will lie, if one of that size was freed lately.
  std::optional<std::uint64_t> expected(std::uint64_t bytes) const;
  /// Takes exactly this range out of the free map (rebuilding after adoption). False, and nothing
  /// is taken, when part of it is not free.
  bool reserve(Block block);
  std::uint64_t free_bytes() const { return free_bytes_; }
  std::uint64_t pool_bytes() const { return pool_bytes_; }

 private:
  std::optional<Block> cut_extent(std::uint64_t bytes);
  void insert_extent(Block block);
  void merge_recent();

  std::uint64_t pool_bytes_;
  std::uint64_t free_bytes_;
  std::map<std::uint64_t, std::uint64_t> extents_;  // offset -> bytes, disjoint, not adjacent
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> recent_;  // bytes -> offsets
};

}  // namespace tow::shm
