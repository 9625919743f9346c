#include "publishing.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "stop.hpp"
#include "values.hpp"

namespace tow::cli {

void add_publishing(CLI::App* command, PublishingOptions& options) {
  add_choice(command, "--when-full", options.when_full, "wait|fail|drop",
             "What to do while a required subscriber has not made room [wait]");
  add_duration(command, "--timeout", options.timeout,
               "How long a message may wait for room [for ever]");
  add_duration(command, "--take-over", options.take_over,
               "Where there may be no more publishers: wait so long for one to end");
  command->add_flag("-q,--quiet", options.quiet, "Do not say what was published");
  add_attributes(command, options.attributes);
}

Topic<Bytes> open_topic(const Bus& bus, const std::string& name, std::uint64_t largest) {
  auto topic = bus.topic_as_bytes(name);
  if (topic || !(topic.error() == Code::not_found)) return topic.value();
  constexpr std::uint64_t kUsual = 64 << 10;
  TopicOptions wanted;
  if (largest > kUsual) wanted.max_message_bytes = largest;
  return bus.topic<Bytes>(name, wanted).value();
}

Publisher<Bytes> open_publisher(const Topic<Bytes>& topic, const PublishingOptions& options) {
  PublisherOptions result;
  result.when_full = options.when_full == "fail"   ? WhenFull::fail
                     : options.when_full == "drop" ? WhenFull::drop
                                                   : WhenFull::wait;
  // Waiting goes by pieces, so that a signal is noticed.
  result.wait_at_most =
      std::min<std::chrono::nanoseconds>(options.timeout.value_or(kForever), kLookForStop);
  result.take_over_within = options.take_over.value_or(std::chrono::nanoseconds(0));
  return topic.publisher(result).value();
}

Result<void> publish(Publisher<Bytes>& publisher, std::string_view payload,
                     const Attributes& attributes, const PublishingOptions& options) {
  using Clock = std::chrono::steady_clock;
  auto result = publisher.publish(payload, attributes);
  if (result || !(result.error() == Code::timed_out)) return result;
  const auto deadline = add(Clock::now(), options.timeout.value_or(kForever) - kLookForStop);
  while (!result && result.error() == Code::timed_out && !stop_requested()) {
    if (Clock::now() >= deadline) break;
    result = publisher.publish(payload, attributes);
  }
  return result;
}

void check_size(const TopicInfo& info, std::size_t bytes) {
  if (info.type_bytes == 0 || info.type_bytes == bytes) return;
  throw BadResult(make_error(
      Code::type_mismatch,
      fmt::format("topic {} carries {} of {} bytes, not messages of {} bytes; publish exactly that "
                  "many bytes, for example with --file",
                  info.name, info.type_name, info.type_bytes, bytes)));
}

}  // namespace tow::cli
