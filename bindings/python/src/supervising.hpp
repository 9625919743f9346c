#pragma once
/// Bus.supervise().

#include "bus.hpp"

namespace tow::python {

/// Waits until somebody stops it; false when others supervise. Signals are looked after meanwhile.
bool supervise(const Bus& bus);

}  // namespace tow::python
