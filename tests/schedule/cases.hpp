#pragma once
/// Scenarios with names: those that must hold are run by their tests in every mode, and once more
/// for each order of the product that they pass, weakened (weakening_test.cpp).

#include <functional>
#include <string>
#include <vector>

#include "explorer.hpp"

namespace tow::schedule {

struct Case {
  std::string name;
  Bounds bounds;
  std::function<Scenario()> make;
};

/// Every case that was added, by all test files.
const std::vector<Case>& all_cases();
/// For the start of the program; returns the case's place in all_cases().
std::size_t add_case(Case added);

/// Explores the case in all modes, each for the seconds of its bounds.
void expect_to_hold(std::size_t place);
/// Explores what is wrong on purpose until it fails in some mode, 20,000 schedules of each at most.
void expect_to_fail(const std::string& name, const std::function<Scenario()>& make, Bounds bounds);

const char* name_of(Mode mode);

}  // namespace tow::schedule
