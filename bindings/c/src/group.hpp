#pragma once
/// Options of groups, on their way in and out.

#include "options.hpp"
#include "towpath/options.hpp"

namespace tow::c {

/// Of `given`, which may be null.
tow_code read(const tow_group_options* given, GroupOptions& options);
/// Texts are those of `options`, and stay as long.
tow_group_options for_c(const GroupOptions& options);

}  // namespace tow::c
