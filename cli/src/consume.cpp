// tow consume: a consumer of a group that prints what it gets.

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "group.hpp"
#include "message_text.hpp"
#include "output.hpp"
#include "stop.hpp"
#include "values.hpp"

namespace tow::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Batch = std::vector<Delivery<Bytes>>;

struct ConsumeArguments {
  std::string topic, group, format = "text";
  std::uint64_t count = 0, prefetch = ConsumerOptions{}.prefetch;
  bool verbose = false, no_ack = false;
  std::optional<std::chrono::nanoseconds> timeout;
};

/// What became of a run, for the exit code and the last words.
struct ConsumeTally {
  std::uint64_t printed = 0, lost = 0;
  bool timed_out = false;
  std::optional<Error> error;
};

/// Printed first, then acked: a death in between prints a message twice, and loses none.
void settle(Batch& batch, ConsumeTally& tally, const ConsumeArguments& options) {
  flush();
  if (options.no_ack) return;
  tally.lost += batch.size() - Consumer<Bytes>::ack_all(batch);
  batch.clear();
}

/// Waits until the timeout, or a stop.
Delivery<Bytes> wait_for_next(Consumer<Bytes>& consumer, const ConsumeArguments& options) {
  const auto until =
      options.timeout ? add(Clock::now(), *options.timeout) : Clock::time_point::max();
  Delivery<Bytes> delivery;
  while (!stop_requested()) {
    const std::chrono::nanoseconds left = until - Clock::now();
    delivery = consumer.take(
        std::clamp<std::chrono::nanoseconds>(left, std::chrono::nanoseconds(0), kLookForStop));
    if (delivery || delivery.failed() || left.count() <= 0) break;
  }
  return delivery;
}

/// Prints until the options say that it is enough. What is in its hands when it is thrown out of
/// here, because nobody reads what it prints, goes back to the group.
ConsumeTally print_deliveries(Consumer<Bytes>& consumer, const ConsumeArguments& options) {
  ConsumeTally tally;
  const MessageText text(options.format, options.topic, options.verbose);
  Batch batch;
  while (!stop_requested() && (options.count == 0 || tally.printed < options.count)) {
    if (batch.size() == options.prefetch) {
      if (options.no_ack) break;
      settle(batch, tally, options);
    }
    Delivery<Bytes> delivery = consumer.try_take();
    if (delivery.timed_out()) {
      settle(batch, tally, options);
      delivery = wait_for_next(consumer, options);
    }
    if (delivery) {
      write_out(text.of(delivery));
      ++tally.printed;
      batch.push_back(std::move(delivery));
    } else {
      if (delivery.failed()) tally.error = delivery.error();
      tally.timed_out = !delivery.failed() && !stop_requested();
      break;
    }
  }
  settle(batch, tally, options);
  return tally;
}

int conclude(const ConsumeTally& tally, const ConsumeArguments& options) {
  if (tally.lost != 0) {
    complain(
        fmt::format("{} of the messages were taken back before they were acked (a lease ran "
                    "out, or somebody sought), and come again",
                    tally.lost));
  }
  if (tally.error) return fail(*tally.error);
  if (stop_requested()) return kOk;
  const bool too_few = tally.timed_out && tally.printed < options.count;
  if (tally.printed != 0 && !too_few) return kOk;
  complain(tally.printed == 0
               ? "nothing received by " + group_title(options.topic, options.group)
               : fmt::format("received {} of {} messages in time", tally.printed, options.count));
  return kTimedOut;
}

int consume(const Context& context, ConsumeArguments options) {
  if (context.json) options.format = "json";
  if (options.no_ack) {
    // It holds all that it prints, so that none comes twice.
    options.prefetch = options.count == 0
                           ? shm::kMaxPrefetch
                           : std::min<std::uint64_t>(options.count, shm::kMaxPrefetch);
  }
  const Bus bus = open_to_join(context);
  const auto topic = bus.topic_as_bytes(options.topic).value();
  const auto group = existing_group(topic, options.group);
  stop_on_signals();
  // It prints: no wake-up is slower than that, and it may wait for days.
  constexpr std::chrono::nanoseconds kNoSpin{0};
  constexpr std::uint64_t kLargest = std::numeric_limits<std::uint32_t>::max();
  // The library names the bound.
  const auto prefetch = static_cast<std::uint32_t>(std::min(options.prefetch, kLargest));
  auto consumer = group.consumer({.prefetch = prefetch, .spin = kNoSpin}).value();
  return conclude(print_deliveries(consumer, options), options);
}

}  // namespace

void add_consume(CLI::App& app, Context& context) {
  const auto options = std::make_shared<ConsumeArguments>();
  CLI::App* const command =
      add_command(app, context, "consume", "Take a group's messages, print and ack them",
                  [options](const Context& c) { return consume(c, *options); });
  add_topic_and_group(command, options->topic, options->group);
  add_choice(command, "--format", options->format, "text|hex|raw|json",
             "text: a line each; hex: a dump; raw: bytes, nothing between; json: a line each "
             "[text]");
  command->add_flag("-v,--verbose", options->verbose,
                    "With text: before each message its sequence, size and attributes");
  add_number(command, "-n,--count", options->count, "Stop after N messages", 1);
  add_duration(command, "--timeout", options->timeout, "Give up when nothing comes for so long");
  add_number(command, "--prefetch", options->prefetch,
             "Messages in its hands at a time, 1 to 256 [8]", 1);
  command->add_flag("--no-ack", options->no_ack,
                    "Give all back at the end: they come again; at most 256");
  command->footer(
      "A message is acked after it was written to stdout. If tow dies in between, or nobody reads\n"
      "stdout any more, it comes again: to this or another consumer. SIGINT ends it in order.\n"
      "Nothing is rejected or retried. Exit code 3: no such topic or group; make one with tow\n"
      "group create. 4: nothing was received, or the timeout came before --count messages.\n"
      "Examples:\n"
      "  tow consume orders workers\n"
      "  tow consume orders workers -n 10 --timeout 1s --format json | jq .payload\n"
      "  tow consume orders workers --no-ack -n 5 -v      what would come next\n"
      "  tow consume orders workers --prefetch 1 | while read -r order; do handle \"$order\"; "
      "done\n");
}

}  // namespace tow::cli
