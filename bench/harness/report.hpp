#pragma once
/// What people see, and what programs read.

#include <cstdio>
#include <span>
#include <string>

#include "machine.hpp"
#include "result.hpp"

namespace towbench {

void print_heading(const Machine& machine);
void print_column_names();
void print_row(const Row& row);
/// Throws std::runtime_error when the file cannot be written.
void write_json(const std::string& path, const Machine& machine, std::span<const Row> rows);

}  // namespace towbench
