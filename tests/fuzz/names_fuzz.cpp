// Topic names as files: free text there and back, and no two files for one topic.

#include "bus/src/names.hpp"
#include "input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tow::fuzz::require;
  const std::string_view text = tow::fuzz::Input(data, size).rest();
  if (const auto file = tow::escape_topic(text)) {
    require(!text.empty() && file->size() <= 255);
    require(file->find('/') == std::string::npos && file->front() != '.');
    require(tow::unescape_topic(*file) == text);
  }
  if (const std::string topic = tow::unescape_topic(text); !topic.empty()) {
    require(*tow::escape_topic(topic) == text);
  }
  return 0;
}
