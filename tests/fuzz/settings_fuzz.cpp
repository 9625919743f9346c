// towd's configuration: settings, or an error that names file and line.

#include <chrono>
#include <exception>

#include "daemon/src/settings.hpp"
#include "input.hpp"
#include "tests/support/temp_bus.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tow::fuzz::require;
  static const tow::test::TempDir place;
  static const std::string path = place.path() + "/towd.toml";
  tow::fuzz::write_file(path, tow::fuzz::Input(data, size).rest());
  towd::Settings settings;
  try {
    towd::read_settings(path, settings);
  } catch (const std::exception& refused) {
    require(std::string(refused.what()).starts_with(path + ':'));
    return 0;
  }
  require(settings.look_every >= std::chrono::milliseconds(1));
  require(settings.look_every <= std::chrono::milliseconds(1000));
  for (const std::string& bus : settings.buses) require(!bus.empty());
  towd::add_defaults(settings);
  require(!settings.buses.empty() || !settings.directories.empty());
  return 0;
}
