// tow hz: how much a topic carries.

#include <fmt/core.h>

#include "command.hpp"
#include "output.hpp"
#include "stop.hpp"
#include "values.hpp"

namespace tow::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct HzArguments {
  std::string topic;
  std::uint64_t count = 0;
  std::optional<std::chrono::nanoseconds> timeout;
};

/// One second of a topic. `missed` was overwritten before we looked; its size is guessed from the
/// messages that we saw.
struct Second {
  double seconds = 0;
  std::uint64_t seen = 0, bytes = 0, missed = 0, gaps = 0;

  double messages_per_second() const { return static_cast<double>(seen + missed) / seconds; }
  double mean_bytes() const {
    return seen == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(seen);
  }
  double bytes_per_second() const { return messages_per_second() * mean_bytes(); }
};

Second watch(Subscriber<Bytes>& observer, Clock::time_point until) {
  Second second;
  const auto start = Clock::now();
  for (auto now = start; now < until && !stop_requested(); now = Clock::now()) {
    const std::uint64_t next = observer.next_sequence();
    const auto message =
        observer.take(std::min<std::chrono::nanoseconds>(kLookForStop, until - now));
    if (message) {
      ++second.seen;
      second.bytes += message.bytes().size();
      second.missed += message.missed();
      second.gaps += message.missed() != 0 ? 1 : 0;
    } else if (message.failed() &&
               (!(message.error() == Code::corrupt) || observer.next_sequence() == next)) {
      throw BadResult(message.error());
    }
  }
  second.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return second;
}

void print(const Context& context, const HzArguments& options, const Second& second) {
  if (context.json) {
    print_json_line({{"topic", options.topic},
                     {"seconds", second.seconds},
                     {"messages_per_second", second.messages_per_second()},
                     {"bytes_per_second", second.bytes_per_second()},
                     {"mean_bytes", second.mean_bytes()},
                     {"seen", second.seen},
                     {"missed", second.missed},
                     {"gaps", second.gaps}});
  } else {
    write_out(fmt::format("{:>10} msg/s  {:>10}/s  {:>9} each  {} missed in {} gaps\n",
                          human_rate(second.messages_per_second()),
                          human_bytes(second.bytes_per_second()), human_bytes(second.mean_bytes()),
                          second.missed, second.gaps));
  }
  flush();
}

int measure(const Context& context, const HzArguments& options) {
  const Bus bus = open_to_look(context);
  const auto topic = bus.topic_as_bytes(options.topic).value();
  stop_on_signals();
  auto observer = topic.observer();
  const auto start = Clock::now();
  std::uint64_t seen = 0;
  for (std::uint64_t line = 0; options.count == 0 || line < options.count; ++line) {
    auto until = Clock::now() + std::chrono::seconds(1);
    if (options.timeout && seen == 0) until = std::min(until, add(start, *options.timeout));
    const Second second = watch(observer, until);
    if (stop_requested()) return kOk;  // a broken second says nothing
    print(context, options, second);
    seen += second.seen;
    if (options.timeout && seen == 0 && Clock::now() >= add(start, *options.timeout)) break;
  }
  if (seen != 0) return kOk;
  complain(fmt::format("nothing received from {}", printable(options.topic)));
  return kTimedOut;
}

}  // namespace

void add_hz(CLI::App& app, Context& context) {
  const auto options = std::make_shared<HzArguments>();
  CLI::App* const command =
      add_command(app, context, "hz", "Show each second how much a topic carries",
                  [options](const Context& c) { return measure(c, *options); });
  add_topic(command, options->topic);
  add_number(command, "-n,--count", options->count, "Stop after N seconds", 1);
  add_duration(command, "--timeout", options->timeout, "Give up when nothing came for so long");
  command->footer(
      "It only looks, so no publisher waits for it. What a fast topic overwrote before it looked "
      "is\n"
      "counted as missed; the rate includes it, and its bytes are taken as the mean of the "
      "others.\n"
      "Exit code 4: nothing was received.\n"
      "Examples:\n"
      "  tow hz quotes\n"
      "  tow hz quotes -n 1 --json | jq .messages_per_second\n");
}

}  // namespace tow::cli
