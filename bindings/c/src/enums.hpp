#pragma once
/// Enumerators of C, which may hold any number, and those of C++.

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "towpath/options.hpp"
#include "towpath/towpath.h"

namespace tow::c {

/// The number that an enumerator of C holds, which may be none of its type's.
template <class Enum>
std::uint32_t number_of(const Enum& value) {
  static_assert(sizeof value == sizeof(std::uint32_t));
  std::uint32_t number = 0;
  std::memcpy(&number, &value, sizeof number);
  return number;
}

/// Makes it one of C++ that has the same numbers from 0 to `last`; false for others.
template <class To, class Enum>
bool convert(const Enum& value, Enum last, To& to) {
  const std::uint32_t number = number_of(value);
  to = static_cast<To>(number);
  return number <= static_cast<std::uint32_t>(last);
}

// Those with the same numbers on both sides.
static_assert(static_cast<int>(Publishers::many) == TOW_PUBLISHERS_MANY);
static_assert(static_cast<int>(Publishers::one) == TOW_PUBLISHERS_ONE);
static_assert(static_cast<int>(Stamps::sampled) == TOW_STAMPS_SAMPLED);
static_assert(static_cast<int>(Stamps::all) == TOW_STAMPS_ALL);
static_assert(static_cast<int>(Stamps::none) == TOW_STAMPS_NONE);
static_assert(static_cast<int>(WhenFull::fail) == TOW_WHEN_FULL_FAIL);
static_assert(static_cast<int>(WhenFull::drop) == TOW_WHEN_FULL_DROP);
static_assert(static_cast<int>(Start::Kind::oldest) == TOW_START_OLDEST);
static_assert(static_cast<int>(Start::Kind::last) == TOW_START_LAST);
static_assert(static_cast<int>(Start::Kind::sequence) == TOW_START_SEQUENCE);
static_assert(static_cast<int>(Start::Kind::time) == TOW_START_TIME);

}  // namespace tow::c
