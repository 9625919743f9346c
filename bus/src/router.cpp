#include "router.hpp"

#include <algorithm>
#include <utility>

namespace tow {

/// From names to numbers, along all bindings between exchanges.
class Router::Compiler {
 public:
  Compiler(Router& router, const Load& load) : router_(router), load_(load) {}

  Result<void> run(const std::string& exchange) {
    if (auto root = number_of(exchange, 0); !root) return root.error();
    for (std::size_t at = 0; at < tables_.size(); ++at) {  // grows; bounded by kMaxExchanges
      if (auto compiled = compile(at); !compiled) return compiled;
    }
    return {};
  }

 private:
  static constexpr std::size_t kMaxExchanges = 1024;

  /// Its node; kNone when there is no such exchange, or (`identity` other than 0) when the one of
  /// that name is another.
  Result<Target> number_of(const std::string& exchange, std::uint64_t identity) {
    auto known = exchanges_.find(exchange);
    if (known == exchanges_.end()) {
      auto loaded = load_(exchange);
      if (!loaded) return loaded.error();
      if (!*loaded) return kNone;
      if (tables_.size() == kMaxExchanges) {
        return make_error(Code::too_many, "exchange " + exchange + ": more than " +
                                              std::to_string(kMaxExchanges) +
                                              " exchanges are bound to each other; unbind some");
      }
      const auto number = static_cast<Target>(tables_.size());
      known = exchanges_.emplace(exchange, Known{number, (*loaded)->identity}).first;
      add_node(std::move((*loaded)->table));
    }
    return identity == 0 || identity == known->second.identity ? known->second.number : kNone;
  }

  void add_node(BindingTable table) {
    router_.nodes_.emplace_back().matcher = Matcher::of(table.kind);
    router_.cacheable_ = router_.cacheable_ && table.kind != ExchangeKind::headers;
    tables_.push_back(std::move(table));
  }

  Target queue_number(QueueName name) {
    const auto next = static_cast<Target>(router_.queues_.size());
    const auto [at, is_new] = queues_.emplace(name, next);
    if (is_new) router_.queues_.push_back(std::move(name));
    return at->second;
  }

  Result<void> compile(std::size_t at) {
    const BindingTable table = std::move(tables_[at]);
    for (const auto& [binding, identity] : table.bindings) {
      Target target = 0;
      if (binding.to == Binding::To::queue) {
        target = queue_number({binding.destination, identity});
      } else {
        const auto number = number_of(binding.destination, identity);
        if (!number) return number.error();
        if (*number == kNone) continue;
        target = kExchange | *number;
      }
      router_.nodes_[at].matcher->add(binding, target);
    }
    if (table.alternate.empty()) return {};
    const auto alternate = number_of(table.alternate, 0);
    if (!alternate) return alternate.error();
    router_.nodes_[at].alternate = *alternate;
    if (*alternate == kNone) router_.nodes_[at].missing_alternate = table.alternate;
    return {};
  }

  struct Known {
    Target number;
    std::uint64_t identity;
  };

  Router& router_;
  const Load& load_;
  std::vector<BindingTable> tables_;
  std::map<std::string, Known> exchanges_;
  std::map<QueueName, Target> queues_;
};

Result<Router> Router::compile(const std::string& exchange, const Load& load) {
  Router router;
  if (auto compiled = Compiler(router, load).run(exchange); !compiled) return compiled.error();
  router.node_turns_.resize(router.nodes_.size());
  router.queue_turns_.resize(router.queues_.size());
  router.answers_.resize(router.cacheable_ ? kAnswers : 0);
  return router;
}

void Router::visit(Target target) {
  if ((target & kExchange) == 0) {
    if (std::exchange(queue_turns_[target], turn_) != turn_) routes_.push_back(target);
    return;
  }
  const Target node = target & ~kExchange;
  if (std::exchange(node_turns_[node], turn_) != turn_) pending_.push_back(node);
}

void Router::evaluate(std::string_view routing_key, const Headers& headers) {
  ++turn_;
  missing_ = nullptr;
  routes_.clear();
  if (nodes_.empty()) return;
  visit(kExchange);            // the first
  while (!pending_.empty()) {  // each exchange once
    Node& node = nodes_[pending_.back()];
    pending_.pop_back();
    found_.clear();
    node.matcher->match(routing_key, headers, found_);
    for (const Target target : found_) visit(target);
    if (!found_.empty()) continue;
    if (node.alternate != kNone) visit(kExchange | node.alternate);
    if (!node.missing_alternate.empty()) missing_ = &node.missing_alternate;
  }
}

std::span<const std::uint32_t> Router::route(std::string_view routing_key, const Headers& headers) {
  if (!cacheable_) {
    evaluate(routing_key, headers);
    return routes_;
  }
  Answer& answer = answers_[hash_of(routing_key) % kAnswers];
  if (answer.known && answer.key == routing_key) {
    missing_ = nullptr;
    return answer.queues;
  }
  evaluate(routing_key, headers);
  if (routes_.size() > kLongestAnswer || missing_ != nullptr) return routes_;
  answer.key = routing_key;
  answer.queues = routes_;
  answer.known = true;
  return answer.queues;
}

}  // namespace tow
