#include "settings.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <filesystem>
#include <stdexcept>

#include "towpath/towpath.hpp"

namespace towd {
namespace {

[[noreturn]] void refuse(const std::string& path, const toml::node& node, const std::string& why) {
  throw std::runtime_error(fmt::format("{}:{}: {}", path, node.source().begin.line, why));
}

std::vector<std::string> texts(const std::string& path, const toml::node& node,
                               std::string_view key) {
  const toml::array* const array = node.as_array();
  std::vector<std::string> values;
  for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
    const auto text = (*array)[i].value<std::string>();
    if (!text || text->empty()) break;
    values.push_back(*text);
  }
  if (array == nullptr || values.size() != array->size()) {
    refuse(path, node, fmt::format("{} must be a list of names, such as [\"market\"]", key));
  }
  return values;
}

void read_key(const std::string& path, std::string_view key, const toml::node& node,
              Settings& settings) {
  constexpr std::int64_t kMaxLookMs = 1000;
  if (key == "buses") {
    settings.buses = texts(path, node, key);
  } else if (key == "directories") {
    settings.directories = texts(path, node, key);
  } else if (key == "look_every_ms") {
    const auto ms = node.value<std::int64_t>();
    if (!ms || *ms < 1 || *ms > kMaxLookMs) {
      refuse(path, node, fmt::format("look_every_ms must be a number from 1 to {}", kMaxLookMs));
    }
    settings.look_every = std::chrono::milliseconds(*ms);
  } else if (key == "log_level") {
    const auto level = node.value<std::string>();
    if (!level) refuse(path, node, "log_level must be debug, info, warning or error, in quotes");
    settings.log_level = *level;
  } else {
    refuse(
        path, node,
        fmt::format("there is no setting {}; buses, directories, look_every_ms, log_level", key));
  }
}

}  // namespace

void read_settings(const std::string& path, Settings& settings) {
  toml::table table;
  try {
    table = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    throw std::runtime_error(fmt::format("{}:{}: {}", path, error.source().begin.line,
                                         std::string(error.description())));
  }
  for (const auto& [key, node] : table) read_key(path, key.str(), node, settings);
}

void add_defaults(Settings& settings) {
  if (!settings.buses.empty() || !settings.directories.empty()) return;
  const std::string some_bus = tow::Bus::path_of("any").value();
  settings.directories.push_back(std::filesystem::path(some_bus).parent_path());
}

}  // namespace towd
