#pragma once
/// From options to the geometry of a topic, and back for comparison.

#include <optional>
#include <string>
#include <string_view>

#include "towpath/options.hpp"
#include "towpath/shm/ring.hpp"
#include "towpath/type.hpp"

namespace tow {

/// Why no topic can carry a type that is known only when the program runs, if so.
std::optional<Error> fault_in(const TypeInfo& type, std::string_view topic);
/// The geometry that a topic created with these options has. Errors: invalid_argument.
Result<shm::Geometry> make_geometry(const std::string& topic, const TopicOptions& options,
                                    const TypeInfo& type);
/// Success when an existing topic is what a program asks for. Errors: type_mismatch and
/// options_mismatch, each naming both sides.
Result<void> check_same(const std::string& topic, const shm::GeometryLayout& is,
                        const TopicOptions& asked, const TypeInfo& type);

std::string stored_type_name(const shm::GeometryLayout& geometry);

}  // namespace tow
