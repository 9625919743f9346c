#pragma once
/// What the children do. Each opens its own bus, and runs until it is killed or told to stop.

#include "shared_log.hpp"

namespace tow::soak {

/// Runs the child's whole life; returns its exit code.
int run_child(Self& self, Role role);
/// Opens the bus after everybody has gone and fills in `log.leaks`.
void check_leaks(Self& self);

}  // namespace tow::soak
