// tow dlq redrive: dead letters go back to where they came from.

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "dead_letter_topic.hpp"
#include "output.hpp"
#include "stop.hpp"
#include "values.hpp"

namespace tow::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct RedriveArguments {
  std::string topic, to;
  std::uint64_t count = 0;
  std::optional<std::chrono::nanoseconds> timeout;
};

/// What a dead letter was before it died. Refers to the message.
struct Original {
  Headers headers;
  std::string topic;  ///< empty: it does not say
  Attributes attributes;
};

std::string text_header(const Headers& headers, std::string_view name) {
  const auto* const text = headers.find<std::string>(name);
  return text == nullptr ? "" : *text;
}

/// A time to live that has passed, and a delay, are left out: they would kill it again, or have
/// been served.
void restore(const Message<Bytes>& message, Original& original) {
  const Headers headers = message.headers();
  original.topic = text_header(headers, kDeadTopic);
  for (const Header& header : headers) {
    if (!header.name.starts_with("dead.")) original.headers.add(header.name, header.value);
  }
  original.attributes = {.key = message.key(),
                         .tag_hash = message.tag_hash(),
                         .priority = static_cast<std::uint8_t>(message.priority()),
                         .correlation_id = message.correlation_id(),
                         .reply_topic = message.reply_topic(),
                         .content_type = message.content_type(),
                         .headers = original.headers};
  if (const auto at = message.expires_at(); at && !message.expired()) {
    const std::chrono::nanoseconds left = *at - Clock::now();
    if (left.count() > 0) original.attributes.time_to_live = left;
  }
}

/// A topic that dead letters go back to.
struct Target {
  std::optional<Publisher<Bytes>> publisher;  ///< none: nothing can go there
  bool many = true;                           ///< else it takes no part in settlements
  std::uint32_t type_bytes = 0;
};

struct RedriveTally {
  std::uint64_t redriven = 0, left = 0;
  std::optional<Error> error;
};

class Redrive {
 public:
  Redrive(const Bus& bus, const RedriveArguments& options)
      : bus_(bus),
        options_(options),
        topic_(bus.topic_as_bytes(options.topic).value()),
        last_(topic_.last_sequence()),
        consumer_(redrive_group(topic_).consumer({.prefetch = shm::kMaxPrefetch}).value()) {}

  /// What lies there now: what dies again meanwhile is for the next time.
  RedriveTally run();

 private:
  enum class Outcome : std::uint8_t { redriven, left, stop };
  Outcome redrive(Delivery<Bytes>& delivery);
  Outcome settle(Delivery<Bytes>& delivery, Target& target, const Attributes& attributes);
  template <class Attempt>
  Outcome repeat(std::uint64_t sequence, const Attempt& attempt);
  Target& target(const std::string& name);
  Outcome leave(std::uint64_t sequence, const std::string& why);

  const Bus& bus_;
  const RedriveArguments& options_;
  Topic<Bytes> topic_;
  std::uint64_t last_;
  Consumer<Bytes> consumer_;
  std::map<std::string, Target> targets_;
  RedriveTally tally_;
};

Redrive::Outcome Redrive::leave(std::uint64_t sequence, const std::string& why) {
  complain(fmt::format("message {} of {} stays: {}", sequence, printable(options_.topic), why));
  return Outcome::left;
}

Target& Redrive::target(const std::string& name) {
  const auto [at, fresh] = targets_.try_emplace(name);
  Target& target = at->second;
  if (!fresh) return target;
  const auto topic = bus_.topic_as_bytes(name);
  if (!topic) {
    complain(topic.error().message() + "; or name another topic with --to");
    return target;
  }
  const TopicInfo info = topic->info();
  target.many = info.publishers_kind == Publishers::many;
  target.type_bytes = info.type_bytes;
  // Waiting goes by pieces, so that a signal is noticed.
  auto publisher = topic->publisher({.wait_at_most = kLookForStop});
  if (publisher) {
    target.publisher.emplace(std::move(*publisher));
  } else {
    complain(publisher.error().message());
  }
  return target;
}

/// Until there is room, the timeout has passed or a stop was requested.
template <class Attempt>
Redrive::Outcome Redrive::repeat(std::uint64_t sequence, const Attempt& attempt) {
  const auto until = add(Clock::now(), options_.timeout.value_or(kForever));
  Result<void> done = attempt();
  while (!done && done.error() == Code::timed_out && !stop_requested() && Clock::now() < until) {
    done = attempt();
  }
  if (done) return Outcome::redriven;
  if (done.error() == Code::timed_out) {
    if (!stop_requested()) tally_.error = done.error();
    return Outcome::stop;
  }
  return leave(sequence, done.error().message());
}

Redrive::Outcome Redrive::settle(Delivery<Bytes>& delivery, Target& target,
                                 const Attributes& attributes) {
  const std::uint64_t sequence = delivery.sequence();
  Publisher<Bytes>& publisher = *target.publisher;
  if (target.many) {
    Settlement settlement = consumer_.settle(delivery);
    if (const auto staged = settlement.publish(publisher, delivery.text(), attributes); !staged) {
      return leave(sequence, staged.error().message());
    }
    return repeat(sequence, [&] { return settlement.commit(kLookForStop); });
  }
  // Published first: a death in between publishes it twice, and loses it never.
  const Outcome outcome =
      repeat(sequence, [&] { return publisher.publish(delivery.text(), attributes); });
  if (outcome == Outcome::redriven) {
    if (const auto acked = delivery.ack(); !acked) complain(acked.error().message());
  }
  return outcome;
}

Redrive::Outcome Redrive::redrive(Delivery<Bytes>& delivery) {
  Original original;
  restore(delivery, original);
  const std::string& name = options_.to.empty() ? original.topic : options_.to;
  if (name.empty()) {
    return leave(delivery.sequence(),
                 "it does not say where it came from (no header dead.topic); name a topic with "
                 "--to");
  }
  Target& to = target(name);
  if (!to.publisher) return leave(delivery.sequence(), "it cannot go to " + printable(name));
  if (to.type_bytes != 0 && to.type_bytes != delivery.bytes().size()) {
    return leave(delivery.sequence(),
                 fmt::format("it has {} bytes, and {} carries messages of {}; name another topic "
                             "with --to",
                             delivery.bytes().size(), printable(name), to.type_bytes));
  }
  return settle(delivery, to, original.attributes);
}

RedriveTally Redrive::run() {
  constexpr std::size_t kMostLeft = shm::kMaxPrefetch / 2;
  std::vector<Delivery<Bytes>> left;  // held to the end, or they would come again and again
  while (!stop_requested() && (options_.count == 0 || tally_.redriven < options_.count)) {
    Delivery<Bytes> delivery = consumer_.try_take();
    if (delivery.failed()) tally_.error = delivery.error();
    if (!delivery || delivery.sequence() > last_) break;
    const Outcome outcome = redrive(delivery);
    if (outcome == Outcome::stop) break;
    if (outcome == Outcome::redriven) {
      ++tally_.redriven;
      continue;
    }
    ++tally_.left;
    left.push_back(std::move(delivery));
    if (left.size() < kMostLeft) continue;
    tally_.error = make_error(Code::too_many, fmt::format("gave up after {} messages of {} that "
                                                          "cannot be redriven",
                                                          left.size(), options_.topic));
    break;
  }
  return tally_;
}

int redrive(const Context& context, const RedriveArguments& options) {
  if (options.to == options.topic) {
    complain("--to: dead letters cannot be redriven to the topic where they lie");
    return kUsage;
  }
  const Bus bus = open_to_join(context);
  stop_on_signals();
  const RedriveTally tally = Redrive(bus, options).run();
  if (context.json) {
    print_json({{"topic", options.topic}, {"redriven", tally.redriven}, {"left", tally.left}});
  } else {
    write_out(
        fmt::format("redrove {} dead letters of {}", tally.redriven, printable(options.topic)));
    write_out(tally.left == 0 ? "\n" : fmt::format("; {} stay\n", tally.left));
  }
  if (tally.error) return fail(*tally.error);
  return tally.left == 0 ? kOk : kFailed;
}

}  // namespace

void add_dlq_redrive(CLI::App& parent, Context& context) {
  const auto options = std::make_shared<RedriveArguments>();
  CLI::App* const command = add_command(
      parent, context, "redrive", "Publish dead letters again where they came from, and ack them",
      [options](const Context& c) { return redrive(c, *options); });
  add_topic(command, options->topic);
  command->add_option("--to", options->to, "Topic that gets them [that of the header dead.topic]")
      ->type_name("TOPIC");
  add_number(command, "-n,--count", options->count, "Stop after N messages", 1);
  add_duration(command, "--timeout", options->timeout,
               "How long a message may wait for room [for ever]");
  command->footer(
      "Each keeps its payload and attributes, without the headers dead.*, a delay, and a time to\n"
      "live that has passed. It is published and acked at once, all or none: whatever dies, it is\n"
      "redriven exactly once. Only topics of one publisher can have it twice if tow dies between.\n"
      "All groups of the topic get it, as any message. What cannot go back stays, with the reason\n"
      "on stderr and exit code 1.\n"
      "Examples:\n"
      "  tow dlq redrive orders.dead\n"
      "  tow dlq redrive orders.dead --count 1 --to orders.retry\n");
}

}  // namespace tow::cli
