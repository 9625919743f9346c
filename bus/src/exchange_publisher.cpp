#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "attributes.hpp"
#include "exchange_state.hpp"
#include "router.hpp"

namespace tow {
namespace {

/// What a topic keeps to itself.
class Peek : public TopicBase {
 public:
  explicit Peek(const TopicBase& topic) : TopicBase(topic) {}
  const shm::OrderLayout& order() const { return ring_->order(); }
  std::uint32_t type_bytes() const { return ring_->geometry().raw().type_bytes; }
};

/// A message whose attributes are encoded, once for all queues.
struct Outgoing {
  std::span<const std::byte> payload;
  shm::FieldsView fields;
};

/// A publisher that is told with each message what to do when its queue is full.
class QueuePublisher : public Publisher<Bytes> {
 public:
  explicit QueuePublisher(Publisher<Bytes>&& publisher) : Publisher<Bytes>(std::move(publisher)) {}
  /// A publisher by itself would notice at its next look for room.
  bool removed() const { return writer_->ring().removed(); }
  Error end_reason() const { return writer_->ring().end_reason(); }
  Result<void> publish(const Outgoing& message, const PublisherOptions& options) {
    options_ = options;
    return publish_bytes(message.payload.data(), message.payload.size(), message.fields);
  }
};

/// One destination; becomes a publisher of the queue with the first message.
struct Outlet {
  explicit Outlet(QueueName queue) : name(std::move(queue)) {}
  QueueName name;
  std::optional<QueuePublisher> publisher{};
  std::uint32_t type_bytes = 0;  ///< of a typed topic; 0 = bytes of any length
  bool gone = false;             ///< this life of the name is over
};

/// An exchange that the router was compiled from.
struct Followed {
  shm::Document document;
  std::uint64_t version;
};

/// What the rest of a message needs, beside its payload.
struct Unsent {
  std::string routing_key;
  shm::EncodedFields fields;
};

}  // namespace

struct ExchangePublisher::State {
  std::shared_ptr<const Exchange::State> exchange;
  ExchangePublisherOptions options;
  std::size_t reached = 0;
  std::uint64_t dropped = 0;
  std::vector<Followed> followed{};
  Router router{};
  std::deque<Outlet> outlets{};                          ///< by the router's numbers
  std::map<std::string, Outlet, std::less<>> by_name{};  ///< of the default exchange
  std::vector<Outlet*> targets{}, full{};                ///< of the present message
  std::optional<Error> failure{};                        ///< of it, but for lack of room
  Unsent unsent{};                                       ///< of it, as long as one is full

  Result<void> route(std::string_view routing_key, const Headers& headers);
  Result<void> route_by_name(std::string_view routing_key);
  Result<void> refresh();
  Result<void> compile();
  Result<void> attach(Outlet& outlet);
  Result<void> send(Outlet& outlet, const Outgoing& message, const PublisherOptions& how);
  void send_at_once(const Outgoing& message);
  std::optional<Error> send_to_full(const Outgoing& message, std::chrono::nanoseconds timeout);
  Result<void> send_rest(const Outgoing& message, std::chrono::nanoseconds timeout);
  Result<void> send_to_all(std::string_view routing_key, std::span<const std::byte> payload,
                           const Attributes& attributes);
  Result<std::size_t> answer(std::string_view routing_key) const;
};

/// One load for each exchange that takes part, as long as nobody changed one of them.
Result<void> ExchangePublisher::State::refresh() {
  for (const Followed& one : followed) {
    if (one.document.current() != one.version) [[unlikely]]
      return compile();
  }
  return followed.empty() ? compile() : Result<void>{};
}

Result<void> ExchangePublisher::State::compile() {
  std::vector<Followed> now;
  const auto load = [&](const std::string& name) -> Result<std::optional<Router::Loaded>> {
    auto opened = exchange->files.open(name);
    if (!opened && opened.error() == Code::not_found) return std::optional<Router::Loaded>();
    if (!opened) return opened.error();
    const std::uint64_t identity = opened->document.identity();
    now.push_back({std::move(opened->document), opened->version.number});
    return std::optional(Router::Loaded{std::move(opened->table), identity});
  };
  followed.clear();  // whatever goes wrong here is tried again with the next message
  auto compiled = Router::compile(exchange->name, load);
  if (!compiled) return compiled.error();
  if (now.empty()) {
    return make_error(Code::removed, "exchange " + exchange->name +
                                         " was removed; create it anew, and then its publishers");
  }
  std::map<QueueName, Outlet> before;
  for (Outlet& outlet : outlets) before.emplace(outlet.name, std::move(outlet));
  outlets.clear();
  for (std::uint32_t number = 0; number < compiled->queue_count(); ++number) {
    const auto known = before.find(compiled->queue(number));
    known != before.end() ? outlets.push_back(std::move(known->second))
                          : (void)outlets.emplace_back(compiled->queue(number));
  }
  router = std::move(*compiled);
  followed = std::move(now);
  return {};
}

Result<void> ExchangePublisher::State::route_by_name(std::string_view routing_key) {
  constexpr std::size_t kMaxOutlets = 1024;  // each is a publisher of its queue
  auto known = by_name.find(routing_key);
  // One that was removed may have been made anew meanwhile.
  if (known != by_name.end() && known->second.publisher->removed()) {
    by_name.erase(known);
    known = by_name.end();
  }
  if (known == by_name.end()) {
    if (routing_key.empty()) return {};
    Outlet outlet(QueueName{std::string(routing_key), 0});
    const auto attached = attach(outlet);
    if (!attached && attached.error() == Code::not_found) return {};
    if (!attached) return attached;
    if (by_name.size() == kMaxOutlets) by_name.clear();
    known = by_name.emplace(routing_key, std::move(outlet)).first;
  }
  targets.push_back(&known->second);
  return {};
}

/// Finds the targets of a message.
Result<void> ExchangePublisher::State::route(std::string_view routing_key, const Headers& headers) {
  targets.clear();
  if (exchange->name.empty()) return route_by_name(routing_key);
  if (auto fresh = refresh(); !fresh) return fresh;
  auto routes = router.route(routing_key, headers);
  const std::string* const missing = router.missing_alternate();
  if (missing != nullptr && exchange->files.identity_of(Binding::To::exchange, *missing)) {
    if (auto compiled = compile(); !compiled) return compiled;
    routes = router.route(routing_key, headers);
  }
  for (const std::uint32_t number : routes) targets.push_back(&outlets[number]);
  return {};
}

Result<void> ExchangePublisher::State::attach(Outlet& outlet) {
  const auto topic = exchange->bus.topic_as_bytes(outlet.name.name);
  if (!topic) return topic.error();
  const Peek peek(*topic);
  const std::uint64_t identity = identity_of(peek.order());
  if (outlet.name.identity != 0 && outlet.name.identity != identity) {
    return make_error(Code::removed, "queue " + outlet.name.name + " was removed");
  }
  auto publisher = topic->publisher();
  if (!publisher) return publisher.error();
  outlet.type_bytes = peek.type_bytes();
  outlet.publisher.emplace(std::move(*publisher));
  return {};
}

Result<void> ExchangePublisher::State::send(Outlet& outlet, const Outgoing& message,
                                            const PublisherOptions& how) {
  if (!outlet.publisher) {
    if (auto attached = attach(outlet); !attached) return attached;
  }
  if (outlet.publisher->removed()) [[unlikely]]
    return outlet.publisher->end_reason();
  if (outlet.type_bytes != 0 && outlet.type_bytes != message.payload.size()) {
    return make_error(Code::type_mismatch, "queue " + outlet.name.name + " carries messages of " +
                                               std::to_string(outlet.type_bytes) +
                                               " bytes, this one has " +
                                               std::to_string(message.payload.size()) +
                                               "; publish its type, or unbind it");
  }
  const std::uint64_t dropped_before = outlet.publisher->dropped();
  auto sent = outlet.publisher->publish(message, how);
  if (!sent) return sent;
  const std::uint64_t lost = outlet.publisher->dropped() - dropped_before;
  dropped += lost;
  reached += lost == 0 ? 1 : 0;
  return {};
}

/// Notes those that are full, if there is time to wait for them, and the first other failure.
void ExchangePublisher::State::send_at_once(const Outgoing& message) {
  const bool drop = options.when_full == WhenFull::drop;
  const PublisherOptions at_once{.when_full = drop ? WhenFull::drop : WhenFull::fail};
  for (Outlet* const outlet : targets) {
    if (outlet->gone) continue;
    const auto sent = send(*outlet, message, at_once);
    if (sent) [[likely]]
      continue;
    outlet->gone = sent.error() == Code::removed || sent.error() == Code::not_found;
    if (outlet->gone) continue;
    if (sent.error() == Code::full && options.when_full == WhenFull::wait) {
      full.push_back(outlet);
    } else if (!failure) {
      failure = sent.error();
    }
  }
}

/// All of them together have that time. Keeps those that are full still; the first one's error.
std::optional<Error> ExchangePublisher::State::send_to_full(const Outgoing& message,
                                                            std::chrono::nanoseconds timeout) {
  std::optional<Error> timed_out;
  const auto deadline = shm::Deadline::after(timeout);
  std::size_t still_full = 0;
  for (Outlet* const outlet : full) {
    PublisherOptions how{.when_full = WhenFull::wait};
    if (timeout != kForever) {
      const std::uint64_t now = shm::monotonic_ns(), at = deadline.at_ns();
      how.wait_at_most = std::chrono::nanoseconds(at > now ? at - now : 0);
    }
    const auto sent = send(*outlet, message, how);
    if (sent) continue;
    outlet->gone = sent.error() == Code::removed;
    if (sent.error() == Code::timed_out) {
      full[still_full++] = outlet;
      if (!timed_out) timed_out = sent.error();
    } else if (!outlet->gone && !failure) {
      failure = sent.error();
    }
  }
  full.resize(still_full);
  return timed_out;
}

/// What was in the way of other queues is told last: as long as some are full, this goes on.
Result<void> ExchangePublisher::State::send_rest(const Outgoing& message,
                                                 std::chrono::nanoseconds timeout) {
  if (!full.empty()) {
    if (const auto timed_out = send_to_full(message, timeout)) return *timed_out;
  }
  return failure ? Result<void>(*failure) : Result<void>();
}

Result<void> ExchangePublisher::State::send_to_all(std::string_view routing_key,
                                                   std::span<const std::byte> payload,
                                                   const Attributes& attributes) {
  if (auto fault = fault_in(attributes, targets.front()->name.name)) return *fault;
  const bool carry = options.carry_routing_key && attributes.key.empty();
  shm::EncodedFields fields = encode(attributes, carry ? routing_key : attributes.key);
  const Outgoing message{payload, fields.view()};
  send_at_once(message);
  const auto sent = send_rest(message, options.wait_at_most);
  if (!full.empty()) unsent = {std::string(routing_key), std::move(fields)};
  return sent;
}

/// When all is sent that can be.
Result<std::size_t> ExchangePublisher::State::answer(std::string_view routing_key) const {
  if (reached != 0 || !options.mandatory) return reached;
  const std::string name = exchange->name.empty() ? "(default)" : exchange->name;
  return make_error(Code::unroutable, "exchange " + name + ": no queue for the routing key " +
                                          std::string(routing_key) +
                                          "; bind one, or publish without `mandatory`");
}

ExchangePublisher::ExchangePublisher(std::unique_ptr<State> state) : state_(std::move(state)) {}
ExchangePublisher::ExchangePublisher(ExchangePublisher&&) noexcept = default;
ExchangePublisher& ExchangePublisher::operator=(ExchangePublisher&&) noexcept = default;
ExchangePublisher::~ExchangePublisher() = default;

std::size_t ExchangePublisher::reached() const { return state_->reached; }
std::uint64_t ExchangePublisher::dropped() const { return state_->dropped; }

Result<std::size_t> ExchangePublisher::publish(std::string_view routing_key,
                                               std::span<const std::byte> payload,
                                               const Attributes& attributes) {
  State& state = *state_;
  state.reached = 0;
  state.full.clear();
  state.failure.reset();
  if (routing_key.size() > kMaxRoutingKeyBytes) {
    return make_error(Code::invalid_argument, "a routing key of " +
                                                  std::to_string(routing_key.size()) +
                                                  " bytes; routing keys have at most 255");
  }
  if (auto routed = state.route(routing_key, attributes.headers); !routed) return routed.error();
  if (!state.targets.empty()) {
    if (auto sent = state.send_to_all(routing_key, payload, attributes); !sent) return sent.error();
  }
  return state.answer(routing_key);
}

Result<std::size_t> ExchangePublisher::publish_rest(std::span<const std::byte> payload,
                                                    std::chrono::nanoseconds timeout) {
  State& state = *state_;
  const Outgoing message{payload, state.unsent.fields.view()};
  if (auto sent = state.send_rest(message, timeout); !sent) return sent.error();
  return state.answer(state.unsent.routing_key);
}

Result<ExchangePublisher> Exchange::publisher(const ExchangePublisherOptions& options) const {
  auto state = std::make_unique<ExchangePublisher::State>(
      ExchangePublisher::State{.exchange = state_, .options = options});
  if (!state_->name.empty()) {
    if (auto compiled = state->refresh(); !compiled) return compiled.error();
  }
  return ExchangePublisher(std::move(state));
}

}  // namespace tow
