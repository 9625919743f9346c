#pragma once
/// What is said about a message.

#include "error.hpp"
#include "towpath/attributes.hpp"
#include "towpath/towpath.h"

namespace tow::c {

/// What the program gave, null for nothing.
tow_code read(const tow_attributes* given, Attributes& attributes);

}  // namespace tow::c
