// tow sub: prints the messages of a topic.

#include <fmt/core.h>

#include "command.hpp"
#include "message_text.hpp"
#include "output.hpp"
#include "stop.hpp"
#include "values.hpp"

namespace tow::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct SubArguments {
  std::string topic, format = "text", from = "next";
  std::uint64_t count = 0;
  std::uint64_t max_lag = 0;
  bool follow = false;
  bool verbose = false;
  bool required = false;
  std::optional<std::chrono::nanoseconds> timeout;
};

/// What became of a run, for the exit code and the last words.
struct SubTally {
  std::uint64_t printed = 0, missed = 0;
  bool timed_out = false;
  std::optional<Error> error;
};

Subscriber<Bytes> subscribe(const Topic<Bytes>& topic, const SubArguments& options, Start start) {
  if (!options.required) return topic.observer(start);
  // It prints: no wake-up is slower than that, and it may wait for days.
  constexpr std::chrono::nanoseconds kNoSpin{0};
  return topic.subscriber({.start = start, .max_lag = options.max_lag, .spin = kNoSpin}).value();
}

/// The next message; waits until the timeout, or a stop, but hands over first what was printed.
Taken<Bytes> take_next(Subscriber<Bytes>& subscriber, const SubArguments& options) {
  Taken<Bytes> taken = subscriber.try_take();
  if (taken || taken.failed()) return taken;
  flush();
  const auto until =
      options.timeout ? add(Clock::now(), *options.timeout) : Clock::time_point::max();
  const auto fd = subscriber.fd();  // an observer has none, and polls
  while (!stop_requested()) {
    const auto left = until - Clock::now();
    taken = fd ? subscriber.try_take()
               : subscriber.take(std::min<std::chrono::nanoseconds>(kLookForStop, left));
    if (taken || taken.failed() || left.count() <= 0) break;
    if (fd) wait_readable(*fd, until);
  }
  return taken;
}

/// Prints messages up to `last` (0: without end) until the options say that it is enough.
SubTally print_messages(Subscriber<Bytes>& subscriber, const SubArguments& options,
                        std::uint64_t last) {
  SubTally tally;
  const MessageText text(options.format, options.topic, options.verbose);
  while (!stop_requested() && (options.count == 0 || tally.printed < options.count)) {
    if (last != 0 && subscriber.next_sequence() > last) break;
    const std::uint64_t next = subscriber.next_sequence();
    const Taken<Bytes> message = take_next(subscriber, options);
    if (message) {
      write_out(text.of(message));
      tally.missed += message.missed();
      ++tally.printed;
    } else if (message.failed()) {
      tally.error = message.error();
      if (!(message.error() == Code::corrupt)) break;
      complain(message.error().message());
      if (subscriber.next_sequence() == next) break;  // else it was skipped; the others are sound
    } else {
      tally.timed_out = !stop_requested();
      break;
    }
  }
  flush();
  return tally;
}

int conclude(const SubTally& tally, const SubArguments& options) {
  if (tally.missed != 0) {
    complain(fmt::format("{} messages were gone before they were read{}", tally.missed,
                         options.required ? "" : "; with --required publishers wait"));
  }
  if (tally.error) {
    return *tally.error == Code::corrupt ? kFailed : fail(*tally.error);
  }
  if (stop_requested()) return kOk;
  const bool too_few = tally.timed_out && tally.printed < options.count;
  if (tally.printed != 0 && !too_few) return kOk;
  complain(tally.printed == 0
               ? fmt::format("nothing received from {}", printable(options.topic))
               : fmt::format("received {} of {} messages in time", tally.printed, options.count));
  return kTimedOut;
}

int subscribe_and_print(const Context& context, SubArguments options) {
  if (context.json) options.format = "json";
  const Start start = *parse_start(options.from);
  const Bus bus = options.required ? open_to_join(context) : open_to_look(context);
  const auto topic = bus.topic_as_bytes(options.topic).value();
  stop_on_signals();
  Subscriber<Bytes> subscriber = subscribe(topic, options, start);
  const bool endless = options.follow || start.kind == Start::Kind::next;
  const std::uint64_t last = topic.last_sequence();
  if (!endless && last == 0) return conclude({}, options);
  return conclude(print_messages(subscriber, options, endless ? 0 : last), options);
}

}  // namespace

void add_sub(CLI::App& app, Context& context) {
  const auto options = std::make_shared<SubArguments>();
  CLI::App* const command =
      add_command(app, context, "sub", "Print the messages of a topic",
                  [options](const Context& c) { return subscribe_and_print(c, *options); });
  add_topic(command, options->topic);
  add_choice(command, "--format", options->format, "text|hex|raw|json",
             "text: a line each; hex: a dump; raw: bytes, nothing between; json: a line each "
             "[text]");
  command->add_flag("-v,--verbose", options->verbose,
                    "With text: before each message its sequence, size and attributes");
  command
      ->add_option("--from", options->from,
                   "next, oldest, last:N, time:AGO (such as time:10m), or a sequence")
      ->type_name("START")
      ->check(check_start, "")
      ->capture_default_str();
  add_number(command, "-n,--count", options->count, "Stop after N messages", 1);
  command->add_flag("-f,--follow", options->follow, "Go on waiting after what is there was read");
  add_duration(command, "--timeout", options->timeout, "Give up when nothing comes for so long");
  CLI::Option* const required = command->add_flag(
      "--required", options->required, "Join as a required subscriber: publishers wait for it");
  add_number(command, "--max-lag", options->max_lag,
             "With --required: rather be evicted than this many messages behind", 1)
      ->needs(required);
  command->footer(
      "Like tail(1), it ends where the topic ended when it started, unless -f; from `next` it "
      "waits\n"
      "for what comes. It only looks: it joins nothing and no publisher waits for it, so it may "
      "miss\n"
      "messages of a fast topic, which it reports at the end (json: in the key `missed`).\n"
      "The formats hex and json show the attributes that a message has; text does with -v.\n"
      "Exit code 4: nothing was received, or the timeout came before --count messages.\n"
      "Examples:\n"
      "  tow sub quotes                          what comes from now on\n"
      "  tow sub quotes --from last:10 -f        the newest ten, and what follows\n"
      "  tow sub orders -v                       with key, headers and other attributes\n"
      "  tow sub quotes --from 1700 -n 1 --format hex\n"
      "  tow sub quotes --format json | jq .payload\n"
      "  tow sub file --from oldest -n 1 --format raw > copy\n");
}

}  // namespace tow::cli
