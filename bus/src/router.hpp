#pragma once
/// Where a message goes: the tables of an exchange, and of all that are bound to it, compiled.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "binding_table.hpp"
#include "matcher.hpp"

namespace tow {

/// A queue that bindings name.
struct QueueName {
  std::string name;
  std::uint64_t identity;
  friend auto operator<=>(const QueueName&, const QueueName&) = default;
};

/// Compiled once for each version of the tables. One thread at a time; private to a process.
class Router {
 public:
  struct Loaded {
    BindingTable table;
    std::uint64_t identity;  ///< of this life of the exchange's name
  };
  /// Hands out the table of an exchange, nothing when there is none of that name. Errors end the
  /// compilation.
  using Load = std::function<Result<std::optional<Loaded>>(const std::string& name)>;
  /// Errors: those of `load`; too_many exchanges hang together.
  static Result<Router> compile(const std::string& exchange, const Load& load);

  /// Queues that a message goes to, each once, as numbers of queue(); valid until the next call.
  /// An exchange gets a message once, however many ways lead there, so circles are no harm.
  std::span<const std::uint32_t> route(std::string_view routing_key, const Headers& headers);

  /// Name of an exchange that does not exist and was the alternate for the last message.
  const std::string* missing_alternate() const { return missing_; }

  const QueueName& queue(std::uint32_t number) const { return queues_[number]; }
  std::size_t queue_count() const { return queues_.size(); }

 private:
  static constexpr Target kExchange = 1U << 31;
  static constexpr Target kNone = ~Target{0};
  struct Node {
    std::unique_ptr<Matcher> matcher;
    Target alternate = kNone;
    std::string missing_alternate;
  };
  /// The answer for a routing key that was asked for before.
  struct Answer {
    std::string key;
    std::vector<std::uint32_t> queues;
    bool known = false;
  };
  static constexpr std::size_t kAnswers = 1024;
  /// Longer answers are not kept: looking them up anew costs little beside the appends.
  static constexpr std::size_t kLongestAnswer = 256;

  class Compiler;
  void evaluate(std::string_view routing_key, const Headers& headers);
  void visit(Target target);

  std::vector<Node> nodes_;
  std::vector<QueueName> queues_;
  bool cacheable_ = true;  ///< the routing key alone decides
  std::vector<Answer> answers_;
  const std::string* missing_ = nullptr;
  std::uint64_t turn_ = 0;
  std::vector<std::uint64_t> node_turns_, queue_turns_;  ///< in which each was found last
  std::vector<Target> found_;
  std::vector<std::uint32_t> pending_, routes_;
};

}  // namespace tow
