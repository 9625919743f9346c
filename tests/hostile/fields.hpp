#pragma once
/// What lies where in the files of a topic, and the values that hurt most.

#include <cstdint>
#include <vector>

#include "stage.hpp"
#include "towpath/shm/ring.hpp"

namespace tow::hostile {

struct Field {
  std::uint64_t offset;
  std::uint32_t bytes;  ///< 4 or 8
  bool fixed = false;   ///< written once, at creation: spoilt rarely, and put back
};

/// Every field of the layout that belongs to a file of `kind`, and what follows it.
std::vector<Field> fields_of(shm::SegmentKind kind, const shm::Geometry& geometry);

/// A value that hurts: a bound, a neighbour of what is there, a token, an index word that lies.
/// `now` is what is there; `stolen` are words seen elsewhere, such as others' tokens.
std::uint64_t hurtful_value(Random& random, const shm::Geometry& geometry, std::uint64_t now,
                            const std::vector<std::uint64_t>& stolen);

}  // namespace tow::hostile
