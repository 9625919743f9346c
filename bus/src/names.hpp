#pragma once
/// Names as files: topic names are free text, file names are not.

#include <string>
#include <string_view>

#include "towpath/shm/result.hpp"

namespace tow {

/// The file name of a topic: letters, digits, '_', '-', '.' (not first) and bytes of 0x80 and more
/// stay, everything else becomes %XX. Errors: invalid_name (empty, or longer than 255 bytes then).
Result<std::string> escape_topic(std::string_view name);
/// The same for the name of an exchange or the like; `kind` is for the error.
Result<std::string> escape_name(std::string_view name, std::string_view kind);
/// The topic of a file name; empty when it is none (a leftover, a foreign file).
std::string unescape_topic(std::string_view file_name);

}  // namespace tow
