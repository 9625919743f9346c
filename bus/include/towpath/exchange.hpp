#pragma once
/// Exchanges: names to which messages are published that shall reach several queues, or the right
/// one. A queue is a topic whose messages are worked off.

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "towpath/attributes.hpp"
#include "towpath/options.hpp"
#include "towpath/shm/result.hpp"

namespace tow {

class Bus;
class ExchangePublisher;

/// Which bindings of an exchange match a message.
enum class ExchangeKind : std::uint8_t {
  any,      ///< as the exchange is; `direct` when this call creates it
  direct,   ///< those whose key is the message's routing key
  fanout,   ///< all
  topic,    ///< those whose pattern matches the routing key: words separated by '.', `*` stands for
            ///< one word, `#` for any number of them, also none
  headers,  ///< those whose arguments the message's headers have; see Exchange::bind
};

/// What an exchange is. A value other than the default that differs from an existing exchange's is
/// an error (options_mismatch) that names both.
struct ExchangeOptions {
  ExchangeKind kind = ExchangeKind::any;
  /// Name of an exchange that gets the messages for which no binding matches; empty: none.
  std::string alternate{};
  /// Memory for the bindings, in bytes: 4 KiB to 64 MiB, default 64 KiB. A binding takes 14 bytes
  /// and its names; twice as much is reserved, for the next version beside the present one.
  std::uint64_t table_bytes = 0;
  /// Make the exchange when it does not exist.
  bool create = true;
};

/// One way out of an exchange.
struct Binding {
  enum class To : std::uint8_t { queue, exchange };
  To to = To::queue;
  std::string destination;  ///< name of that queue or exchange
  std::string key{};        ///< routing key or pattern
  Headers arguments{};
  friend bool operator==(const Binding&, const Binding&) = default;
};

struct ExchangePublisherOptions {
  /// What to do about queues that are full. Those with room get the message first, in any case.
  WhenFull when_full = WhenFull::wait;
  /// For how long, for all queues of a message together.
  std::chrono::nanoseconds wait_at_most = kForever;
  /// A message that reaches no queue is an error (unroutable) instead of the answer 0.
  bool mandatory = false;
  /// Messages carry the routing key as their key, as far as they are given none of their own. It
  /// takes a byte and its length behind the payload.
  bool carry_routing_key = true;
};

/// A table of bindings, kept in the bus, that publishers evaluate. Thread-safe; cheap to copy;
/// keeps its bus joined. Waits only for others who change an exchange of this bus at this moment,
/// until one of them has taken a second for it. A change is in place as a whole or not at all,
/// wherever its process dies; every publish that begins after it obeys it.
class Exchange {
 public:
  /// Empty for the default exchange.
  const std::string& name() const;
  ExchangeKind kind() const;
  const std::string& alternate() const;

  /// Lets messages that match go to a queue, which must exist. The same binding twice is one; false
  /// when it was there. With kind `headers`, `arguments` are what a message must have: all of them,
  /// or any with the argument x-match = "any"; one that is null asks for the header, whatever its
  /// value; those whose names start with "x-" count only with x-match = "all-with-x" or
  /// "any-with-x". Errors: not_found, invalid_name, invalid_argument, too_many (the table is full),
  /// no_permission, timed_out, removed, corrupt.
  Result<bool> bind(std::string_view queue, std::string_view key = {},
                    const Headers& arguments = {}) const;
  /// The same to another exchange, which then evaluates its own bindings.
  Result<bool> bind_exchange(std::string_view exchange, std::string_view key = {},
                             const Headers& arguments = {}) const;
  /// Undoes it; false when there was no such binding.
  Result<bool> unbind(std::string_view queue, std::string_view key = {},
                      const Headers& arguments = {}) const;
  Result<bool> unbind_exchange(std::string_view exchange, std::string_view key = {},
                               const Headers& arguments = {}) const;
  /// All of them that lead somewhere, in the order in which they were made.
  Result<std::vector<Binding>> bindings() const;

  /// Errors: removed, corrupt, no_permission.
  Result<ExchangePublisher> publisher(const ExchangePublisherOptions& options = {}) const;

 private:
  friend class Bus;
  friend class ExchangePublisher;
  struct State;
  explicit Exchange(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  Result<bool> add(Binding binding) const;
  Result<bool> drop(const Binding& binding) const;
  std::shared_ptr<const State> state_;
};

/// Appends each message to every queue that its exchange's bindings name, to each once. One thread
/// at a time. Becomes a publisher of a queue when the first message goes there, and stays one.
/// Waits only where its options say so. When its process dies within a publish, some queues have
/// the message and some have not; nothing is left to repair but what dead publishers leave.
class ExchangePublisher {
 public:
  ExchangePublisher(ExchangePublisher&&) noexcept;
  ExchangePublisher& operator=(ExchangePublisher&&) noexcept;
  ~ExchangePublisher();

  /// Returns how many queues got the message; 0 is no error unless asked for (`mandatory`). Queues
  /// that were removed are none. A routing key has at most 255 bytes. With an error the message may
  /// have reached some queues all the same: reached() tells, and after timed_out publish_rest() can
  /// go on. Errors: unroutable, full, timed_out
  /// (`when_full`), too_large, type_mismatch, too_many, publisher_exists, no_permission (of a
  /// queue), removed, corrupt (of the exchange), invalid_argument, stale.
  Result<std::size_t> publish(std::string_view routing_key, std::span<const std::byte> payload,
                              const Attributes& attributes = {});
  Result<std::size_t> publish(std::string_view routing_key, std::string_view payload,
                              const Attributes& attributes = {}) {
    return publish(routing_key, std::as_bytes(std::span(payload)), attributes);
  }
  /// After timed_out: goes on with the same message, for those queues alone that were full, and
  /// waits up to `timeout` for them. For who waits in pieces, to look after something else between
  /// them. Returns, and errors, as publish(), for the message as a whole.
  Result<std::size_t> publish_rest(std::span<const std::byte> payload,
                                   std::chrono::nanoseconds timeout);
  /// Queues that the last message reached.
  std::size_t reached() const;
  /// Messages given up for a full queue (WhenFull::drop), each queue counted.
  std::uint64_t dropped() const;

 private:
  friend class Exchange;
  struct State;
  explicit ExchangePublisher(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tow
