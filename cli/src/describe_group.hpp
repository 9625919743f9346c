#pragma once
/// Words and JSON for groups, which info, ls, group and dlq show alike.

#include <optional>
#include <string>
#include <towpath/info.hpp>

#include "output.hpp"

namespace tow::cli {

std::string to_word(GroupMode mode);
std::string to_word(Overflow overflow);
std::uint64_t living_consumers(const GroupInfo& info);
/// Of the group that is furthest behind; 0 without one.
std::uint64_t largest_group_lag(const TopicInfo& info);
/// "12.5 s", or "-" when it is not known.
std::string age_text(const GroupInfo& info);
std::string state_word(const GroupInfo& info);
/// Everything that is known of a group.
Json to_json(const GroupInfo& info);

}  // namespace tow::cli
