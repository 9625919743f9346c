// tow pub: publishes lines, files, or made-up messages.

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "command.hpp"
#include "output.hpp"
#include "publishing.hpp"
#include "source.hpp"
#include "stop.hpp"
#include "values.hpp"

namespace tow::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct PubArguments {
  PublishingOptions publishing;
  std::string file;
  std::uint64_t count = 0, bytes = 0;
  double rate = 0;
  bool lines = false, has_count = false, has_size = false;

  bool generates() const { return has_count || has_size; }
  bool whole_file() const { return !file.empty() && !lines; }
};

struct PubTally {
  std::uint64_t tried = 0, bytes = 0;  ///< dropped messages were tried; their bytes do not count
  std::optional<Error> error;
};

/// The largest message that is known beforehand.
std::uint64_t largest_of(const PubArguments& options) {
  std::error_code none;  // a pipe has no size
  const auto bytes =
      options.whole_file() ? std::filesystem::file_size(options.file, none) : std::uintmax_t{0};
  return std::max<std::uint64_t>(options.bytes, none ? 0 : bytes);
}

std::unique_ptr<Source> open_source(const PubArguments& options, std::uint64_t max_bytes) {
  if (options.generates()) return generated(options.count, options.bytes);
  if (options.whole_file()) return whole_file(options.file, max_bytes);
  return lines_of(options.file.empty() ? "-" : options.file, max_bytes);
}

/// Spaces messages evenly; after a pause it catches up.
class Pace {
 public:
  explicit Pace(double rate) : rate_(rate), start_(Clock::now()) {}
  void wait_for(std::uint64_t message) const {
    if (rate_ <= 0) return;
    constexpr double kMaxSeconds = 1e9;  // what a clock can add
    const std::chrono::duration<double> since(
        std::min(static_cast<double>(message) / rate_, kMaxSeconds));
    const auto at = start_ + std::chrono::duration_cast<Clock::duration>(since);
    while (Clock::now() < at && !stop_requested()) wait_readable(-1, at);
  }

 private:
  double rate_;
  Clock::time_point start_;
};

PubTally publish_all(Publisher<Bytes>& publisher, Source& source, const TopicInfo& info,
                     const PubArguments& options) {
  PubTally tally;
  const Attributes attributes = options.publishing.attributes.attributes();
  const Pace pace(options.rate);
  while (const auto payload = source.next()) {
    check_size(info, payload->size());
    pace.wait_for(tally.tried);
    if (stop_requested()) break;
    const std::uint64_t dropped = publisher.dropped();
    if (auto done = publish(publisher, *payload, attributes, options.publishing); !done) {
      if (!stop_requested()) tally.error = done.error();
      break;
    }
    ++tally.tried;
    if (publisher.dropped() == dropped) tally.bytes += payload->size();
  }
  return tally;
}

void report(const Context& context, const PubArguments& options, const PubTally& tally,
            const Publisher<Bytes>& publisher, double seconds) {
  const std::uint64_t sent = tally.tried - publisher.dropped();
  if (context.json) {
    print_json({{"topic", options.publishing.topic},
                {"published", sent},
                {"dropped", publisher.dropped()},
                {"bytes", tally.bytes},
                {"last_sequence", publisher.last_sequence()},
                {"seconds", seconds}});
    return;
  }
  if (options.publishing.quiet) return;
  write_out(fmt::format("published {} messages, {} bytes, up to sequence {}", sent, tally.bytes,
                        publisher.last_sequence()));
  if (publisher.dropped() != 0) write_out(fmt::format("; dropped {}", publisher.dropped()));
  if (options.generates()) {
    write_out(fmt::format("; {} msg/s", human_rate(static_cast<double>(sent) / seconds)));
  }
  write_out("\n");
}

int publish_from_source(const Context& context, PubArguments options) {
  constexpr std::uint64_t kUsualBytes = 64;
  if (options.generates() && !options.has_size) options.bytes = kUsualBytes;
  const Bus bus = Bus::open(context.bus).value();
  const auto topic = open_topic(bus, options.publishing.topic, largest_of(options));
  const TopicInfo info = topic.info();
  if (options.generates() && !options.has_size && info.type_bytes != 0) {
    options.bytes = info.type_bytes;
  }
  stop_on_signals();
  const auto source = open_source(options, info.max_message_bytes);
  auto publisher = open_publisher(topic, options.publishing);
  const auto start = Clock::now();
  const PubTally tally = publish_all(publisher, *source, info, options);
  report(context, options, tally, publisher,
         std::chrono::duration<double>(Clock::now() - start).count());
  return tally.error ? fail(*tally.error) : kOk;
}

}  // namespace

void add_pub(CLI::App& app, Context& context) {
  const auto options = std::make_shared<PubArguments>();
  CLI::App* const command =
      add_command(app, context, "pub", "Publish lines, files, or made-up messages",
                  [options](const Context& c) { return publish_from_source(c, *options); });
  add_topic(command, options->publishing.topic);
  CLI::Option* const file =
      command->add_option("--file", options->file, "This file as one message; - is stdin")
          ->type_name("FILE");
  command->add_flag("--lines", options->lines, "With --file: each line is a message")->needs(file);
  CLI::Option* const count =
      add_number(command, "-n,--count", options->count, "Make up N messages; 0: without end");
  CLI::Option* const size =
      add_size(command, "--size", options->bytes, "Make up messages of so many bytes [64]");
  command->add_option("--rate", options->rate, "Messages a second, of any source [no limit]")
      ->type_name("HZ")
      ->check(CLI::Validator(CLI::PositiveNumber).description(""));
  add_publishing(command, options->publishing);
  for (CLI::Option* const made_up : {count, size}) made_up->excludes(file);
  command->parse_complete_callback([options, count, size] {
    options->has_count = count->count() != 0;
    options->has_size = size->count() != 0;
  });
  command->footer(
      "Without --file, --count or --size each line of stdin is a message, published as soon as it\n"
      "is there. A missing bus or topic is made, with default options (see tow create).\n"
      "Subscribers see each message at once, whatever its --delay or --ttl: these concern groups.\n"
      "Exit code 4: a message found no room in time.\n"
      "Examples:\n"
      "  dmesg -w | tow pub kernel\n"
      "  tow pub picture --file photo.jpg\n"
      "  tow pub words --file /usr/share/dict/words --lines --rate 1000\n"
      "  tow pub load --count 1000000 --size 48\n"
      "  tow pub logs --file app.log --lines --tag audit -H host=db1 -H shard:=3\n"
      "  tow pub ticks --count 0 --rate 10 --when-full drop\n");
}

}  // namespace tow::cli
