#pragma once
/// Where records lie. Private to shm/.

#include <array>
#include <optional>
#include <string>

#include "towpath/shm/record_layout.hpp"
#include "towpath/shm/segment.hpp"

namespace tow::shm {

/// "topics", topic, "groups", group, "records", number: nothing else is a path of a record, so that
/// a path in shared memory leads nowhere else.
using RecordPath = std::array<std::string, 6>;
std::optional<RecordPath> parts_of_record_path(const std::string& path);

/// The bus of a topic. Errors: not_found where that is none.
Result<Directory> bus_of(const Directory& topic);
/// Opens a record for writing. Errors: as Segment::open; corrupt when the path is none.
Result<Segment> open_record(const Directory& bus, const std::string& path);
/// Opens the directory of the group whose record it is.
Result<Directory> open_group_of(const Directory& bus, const RecordPath& path);

}  // namespace tow::shm
