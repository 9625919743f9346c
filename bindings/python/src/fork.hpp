#pragma once
/// Forks: a child inherits Python objects whose shared memory and threads it does not have.

#include <cstdint>

namespace tow::python {

/// How many forks lie between this process and the one that imported the module.
extern std::uint32_t forks;

/// Begins to count; once, when the module is imported.
void count_forks();

}  // namespace tow::python
