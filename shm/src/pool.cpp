#include "towpath/shm/pool.hpp"

#include <algorithm>
#include <iterator>

namespace tow::shm {
namespace {

constexpr std::uint64_t round_up(std::uint64_t bytes) {
  return bytes == 0 ? 64 : (bytes + 63) / 64 * 64;
}

}  // namespace

PoolMap::PoolMap(std::uint64_t pool_bytes) : pool_bytes_(pool_bytes), free_bytes_(pool_bytes) {
  if (pool_bytes != 0) extents_.emplace(0, pool_bytes);
}

std::optional<Block> PoolMap::allocate(std::uint64_t bytes) {
  bytes = round_up(bytes);
  if (bytes > free_bytes_) return std::nullopt;
  std::optional<Block> block;
  if (auto recent = recent_.find(bytes); recent != recent_.end() && !recent->second.empty()) {
    block = Block{recent->second.back(), bytes};
    recent->second.pop_back();
  } else {
    block = cut_extent(bytes);
    if (!block) {
      merge_recent();
      block = cut_extent(bytes);
    }
  }
  if (block) free_bytes_ -= bytes;
  return block;
}

void PoolMap::free(Block block) {
  free_bytes_ += block.bytes;
  recent_[block.bytes].push_back(block.offset);
}

std::optional<std::uint64_t> PoolMap::expected(std::uint64_t bytes) const {
  const auto recent = recent_.find(round_up(bytes));
  if (recent == recent_.end() || recent->second.empty()) return std::nullopt;
  return recent->second.back();
}

bool PoolMap::reserve(Block block) {
  merge_recent();
  const std::uint64_t end = block.offset + block.bytes;
  auto extent = extents_.upper_bound(block.offset);
  if (extent == extents_.begin() || block.bytes == 0) return false;
  --extent;
  const auto [from, length] = *extent;
  const std::uint64_t to = from + length;
  if (end > to || end < block.offset) return false;
  extents_.erase(extent);
  if (from < block.offset) extents_.emplace(from, block.offset - from);
  if (to > end) extents_.emplace(end, to - end);
  free_bytes_ -= block.bytes;
  return true;
}

std::optional<Block> PoolMap::cut_extent(std::uint64_t bytes) {
  const auto fits = std::find_if(extents_.begin(), extents_.end(),
                                 [&](const auto& extent) { return extent.second >= bytes; });
  if (fits == extents_.end()) return std::nullopt;
  const auto [offset, length] = *fits;
  extents_.erase(fits);
  if (length > bytes) extents_.emplace(offset + bytes, length - bytes);
  return Block{offset, bytes};
}

void PoolMap::insert_extent(Block block) {
  auto after = extents_.lower_bound(block.offset);
  if (after != extents_.end() && block.offset + block.bytes == after->first) {
    block.bytes += after->second;
    after = extents_.erase(after);
  }
  if (after != extents_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == block.offset) {
      before->second += block.bytes;
      return;
    }
  }
  extents_.emplace(block.offset, block.bytes);
}

void PoolMap::merge_recent() {
  for (auto& [bytes, offsets] : recent_) {
    for (const std::uint64_t offset : offsets) insert_extent({offset, bytes});
  }
  recent_.clear();
}

}  // namespace tow::shm
