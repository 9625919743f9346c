#pragma once
/// What is said about a message.

#include "error.hpp"
#include "towpath/attributes.hpp"
#include "towpath/towpath.h"

namespace tow::c {

/// Of `given`, which is not null.
tow_code read(const tow_attributes* given, Attributes& attributes);

}  // namespace tow::c
