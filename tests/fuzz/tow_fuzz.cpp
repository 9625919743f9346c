// What people type, and what tow prints of what others published. The first byte says which: a
// command line (words end with NUL), a value, lines of a file, or a message in every format.

#include <algorithm>

#include "cli/src/attributes.hpp"
#include "cli/src/command.hpp"
#include "cli/src/message_text.hpp"
#include "cli/src/output.hpp"
#include "cli/src/source.hpp"
#include "cli/src/values.hpp"
#include "input.hpp"
#include "tests/support/temp_bus.hpp"

namespace {

using tow::fuzz::require;

/// Parsed, not run.
void command_line(std::string_view text) {
  if (text.find('@') != std::string_view::npos) return;  // --header name@FILE reads it
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  CLI::App app("fuzzed", "tow");
  tow::cli::Context context;
  app.add_option("--bus", context.bus);
  app.add_flag("--json", context.json);
  app.require_subcommand(0, 1);
  tow::cli::add_pub(app, context);
  tow::cli::add_send(app, context);
  tow::cli::add_sub(app, context);
  tow::cli::add_create(app, context);
  try {
    app.parse(words);
  } catch (const CLI::Error&) {
  }
}

void value(std::string_view text) {
  const std::string word(text);
  if (const auto duration = tow::cli::parse_duration(word)) require(duration->count() >= 0);
  if (const auto start = tow::cli::parse_start(word)) {
    require(start->kind == tow::Start::Kind::next || start->kind == tow::Start::Kind::oldest ||
            start->value != 0);
  }
  if (word.find('@') == std::string::npos) {
    try {
      const tow::Header header = tow::cli::parse_header(word);
      require(!header.name.empty() && word.starts_with(header.name));
    } catch (const CLI::ValidationError&) {
    }
  }
  const std::string shown = tow::cli::printable(word);
  require(std::none_of(shown.begin(), shown.end(),
                       [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; }));
  require(shown.size() <= 4 * word.size());
}

void lines(std::string_view text, std::uint64_t most) {
  static const tow::test::TempDir place;
  const std::string path = place.path() + "/lines";
  tow::fuzz::write_file(path, text);
  std::size_t seen = 0;
  const auto source = tow::cli::lines_of(path, most);
  while (const auto line = source->next()) {
    require(line->size() <= most + 1);
    seen += line->size();
  }
  require(seen <= text.size());
  const auto whole = tow::cli::whole_file(path, most);
  require(whole->next().has_value() && !whole->next());
}

void message(std::string_view key, std::string_view payload) {
  static const tow::test::TempBus bus;
  static const tow::Bus mine = bus.open();
  static const auto topic = mine.topic("fuzzed").value();
  static auto subscriber = topic.subscriber().value();
  static auto publisher = topic.publisher().value();
  tow::Headers headers;
  if (!key.empty()) headers.add(std::string(key), std::string(payload.substr(0, 1000)));
  publisher.publish(payload, {.key = key, .content_type = key, .headers = headers}).value();
  const auto taken = subscriber.try_take();
  require(taken && taken.text() == payload && taken.key() == key);
  require(taken.content_type() == key && taken.headers() == headers);
  for (const char* const format : {"text", "hex", "raw", "json"}) {
    const std::string text = tow::cli::MessageText(format, "fuzzed", true).of(taken);
    if (std::string_view(format) == "json") require(text.find('\n') == text.size() - 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tow::fuzz::Input input(data, size);
  const auto what = input.number<std::uint8_t>() % 4;
  if (what == 0) command_line(input.rest());
  if (what == 1) value(input.rest());
  if (what == 2) {
    const auto most = input.number<std::uint8_t>();
    lines(input.rest(), most);
  }
  if (what == 3) {
    const auto key = input.text(input.number<std::uint8_t>());
    message(key, input.rest());
  }
  return 0;
}
