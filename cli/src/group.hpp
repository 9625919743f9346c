#pragma once
/// What tow group, tow consume and tow dlq share.

#include <string>
#include <towpath/towpath.hpp>

#include "command.hpp"

namespace tow::cli {

bool has_group(const Topic<Bytes>& topic, const std::string& name);
/// A group that exists: a mistyped name must not become a group for which publishers wait. Throws
/// BadResult.
Group<Bytes> existing_group(const Topic<Bytes>& topic, const std::string& name);
/// Adds the arguments TOPIC and GROUP, required.
void add_topic_and_group(CLI::App* command, std::string& topic, std::string& group);
/// "TOPIC: group GROUP" for people.
std::string group_title(const std::string& topic, const std::string& group);

void add_group_create(CLI::App& parent, Context& context);
void add_group_seek(CLI::App& parent, Context& context);

}  // namespace tow::cli
