#pragma once
/// A bus: a directory of topics that processes of one host share.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "towpath/client.hpp"
#include "towpath/exchange.hpp"
#include "towpath/queue.hpp"
#include "towpath/server.hpp"
#include "towpath/topic.hpp"

namespace tow {

class ExchangeFiles;

/// A process's membership of a bus. Thread-safe; cheap to copy. The process leaves when the last
/// copy and the last topic, publisher and subscriber of it have ended. A forked child may not use
/// it; it opens its own.
///
/// Opening repairs what dead processes left. When this process dies, the kernel frees its lock
/// byte; whoever opens the bus, or is blocked, repairs the rest.
class Bus {
 public:
  /// Opens (or makes) the bus `name`: a directory in $TOWPATH_DIR, by default a private one per
  /// user under /dev/shm; a name with a '/' is a path. Errors: invalid_name, not_found,
  /// no_permission, no_space, version_mismatch, corrupt, too_many.
  static Result<Bus> open(std::string_view name, const BusOptions& options = {});
  /// Where that directory is.
  static Result<std::string> path_of(std::string_view name);
  /// Deletes a bus that no living process uses. Errors: not_found, already_exists (in use).
  static Result<void> remove(std::string_view name);

  /// Opens (or makes) a topic of T, or of bytes. Errors: invalid_name, invalid_argument, not_found,
  /// type_mismatch, options_mismatch, no_space, no_permission, version_mismatch, corrupt.
  template <class T = Bytes>
  Result<Topic<T>> topic(std::string_view name, const TopicOptions& options = {}) const {
    auto ring = open_ring(name, options, type_info<T>());
    if (!ring) return ring.error();
    return Topic<T>(std::move(*ring), state_);
  }
  /// The same with a type that is known only when the program runs, for other languages: its
  /// payloads come and go as bytes, and none of another size is published (type_mismatch). Further
  /// errors: invalid_argument (a name that is empty or has a NUL; an alignment other than 1, 2, 4,
  /// 8 or 16, or that does not divide the size).
  Result<Topic<Bytes>> topic(std::string_view name, const TopicOptions& options,
                             const TypeInfo& type) const;
  /// Opens the queue `name` as it is, or makes one with the default options: its topic, and the
  /// group in which its consumers share the messages. Errors: as for topics and groups.
  template <class T = Bytes>
  Result<Queue<T>> queue(std::string_view name) const {
    auto topic = this->topic<T>(name);
    if (!topic) return topic.error();
    auto group = topic->group(kQueueGroup);
    if (!group) return group.error();
    return Queue<T>(std::move(*topic), std::move(*group));
  }
  /// Makes the queue, or opens it if it exists with the same options. With `create = false` in
  /// `options` nothing is made.
  template <class T = Bytes>
  Result<Queue<T>> queue(std::string_view name, const GroupOptions& options,
                         TopicOptions topic_options = {}) const {
    topic_options.create = topic_options.create && options.create;
    auto topic = this->topic<T>(name, topic_options);
    if (!topic) return topic.error();
    auto group = topic->group(kQueueGroup, options);
    if (!group) return group.error();
    return Queue<T>(std::move(*topic), std::move(*group));
  }
  /// Opens an existing topic of whatever type, as bytes. For tools.
  Result<Topic<Bytes>> topic_as_bytes(std::string_view name) const;
  /// Marks the topic removed, wakes everybody, and takes its files away. Those who have it open go
  /// on reading what is there, then get the error `removed`. Errors: not_found, no_permission.
  Result<void> remove_topic(std::string_view name) const;
  /// Names of all topics, sorted.
  std::vector<std::string> topics() const;

  /// Opens (or makes) an exchange. Errors: invalid_name, invalid_argument, not_found,
  /// options_mismatch, no_space, no_permission, timed_out, version_mismatch, corrupt.
  Result<Exchange> exchange(std::string_view name, const ExchangeOptions& options = {}) const;
  /// The exchange without a table, which cannot be bound: a message goes to the queue that its
  /// routing key names, if there is one.
  Exchange default_exchange() const;
  /// Deletes it, with the bindings from and to it. Those who publish to it get the error `removed`.
  /// Errors: not_found, no_permission, timed_out.
  Result<void> remove_exchange(std::string_view name) const;
  /// Names of all exchanges, sorted; without the default one.
  std::vector<std::string> exchanges() const;

  /// A client of a service, whose requests are of Q and replies of P, or bytes. Errors: as for
  /// topics and groups, publishers and subscribers.
  template <class Q = Bytes, class P = Bytes>
  Result<Client<Q, P>> client(std::string_view service, const ClientOptions& options = {}) const {
    auto base = make_client(service, options, type_info<Q>());
    if (!base) return base.error();
    return Client<Q, P>(std::move(*base));
  }
  /// The same with a type of requests that is known only when the program runs; see topic().
  Result<Client<>> client(std::string_view service, const ClientOptions& options,
                          const TypeInfo& type) const;

  /// A server of it, which shares the requests with others. Errors: the same.
  template <class Q = Bytes, class P = Bytes>
  Result<Server<Q, P>> server(std::string_view service, const ServerOptions& options = {}) const {
    auto base = make_server(service, options, type_info<Q>());
    if (!base) return base.error();
    return Server<Q, P>(std::move(*base));
  }
  /// The same with a type of requests that is known only when the program runs; see topic().
  Result<Server<>> server(std::string_view service, const ServerOptions& options,
                          const TypeInfo& type) const;

  /// Processes that have joined, dead ones too as long as nobody repaired them.
  std::vector<ProcessInfo> processes() const;
  /// Repairs what dead processes left. open() has done so already, unless it only observes; asked
  /// for, it is done then too.
  HealReport heal() const;

  /// For supervisors such as towd: takes it upon this process to heal whenever somebody dies, so
  /// that sleepers need not look for themselves every 50 ms. One process at a time, which the
  /// kernel's locks see to: when it dies, whoever asks next takes over. False when others do it
  /// for every user of the bus, or nobody has ever joined. Errors: no_permission.
  Result<bool> supervise() const;
  /// Gives that up, and wakes all sleepers, who look for themselves from now on.
  void stop_supervising() const;

  const std::string& path() const;

 private:
  friend class DeadLetters;
  friend class ServerState;
  friend class Exchange;
  explicit Bus(std::shared_ptr<BusState> state) : state_(std::move(state)) {}
  Result<std::shared_ptr<shm::Ring>> open_ring(std::string_view name, const TopicOptions& options,
                                               const TypeInfo& type) const;
  Result<std::shared_ptr<shm::Ring>> open_existing(const std::string& file_name,
                                                   const std::string& topic) const;
  Result<void> take_away(const std::string& file_name, const shm::Ring* ring) const;
  bool finish_removal(const std::string& file_name, const std::string& topic) const;
  Error no_topic(const std::string& topic) const;
  Result<std::shared_ptr<shm::Ring>> open_service(std::string_view name,
                                                  const ServiceOptions& options,
                                                  const TypeInfo& type) const;
  Result<ClientBase> make_client(std::string_view service, const ClientOptions& options,
                                 const TypeInfo& type) const;
  Result<ServerBase> make_server(std::string_view service, const ServerOptions& options,
                                 const TypeInfo& type) const;
  /// Takes away the topics in which dead clients got their replies; returns how many.
  std::uint32_t remove_replies_of_the_dead() const;
  ExchangeFiles exchange_files() const;
  void prune_bindings() const;
  std::shared_ptr<BusState> state_;
};

}  // namespace tow
