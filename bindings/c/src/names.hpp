#pragma once
/// Lists of names for C.

#include <string>
#include <vector>

#include "towpath/towpath.h"

namespace tow::c {

const tow_names* make_names(std::vector<std::string> names);

}  // namespace tow::c
