#pragma once
/// A server's consumer, and the reply topics that it keeps open.

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "service.hpp"
#include "towpath/bus.hpp"
#include "towpath/server.hpp"

namespace tow {

/// One thread at a time, but for the stop flag. It does not move when its server does.
class ServerState {
 public:
  static Result<std::unique_ptr<ServerState>> make(const Bus& bus, std::string service,
                                                   const Topic<Bytes>& topic,
                                                   const ServerOptions& options);

  Consumer<Bytes>& requests() { return requests_; }
  const Consumer<Bytes>& requests() const { return requests_; }
  const shm::Group& group() const { return *group_; }
  /// Sends a reply to the topic `to`; with `mark` empty, a whole one.
  Result<void> send(std::string_view to, std::string_view correlation_id, std::string_view mark,
                    std::span<const std::byte> payload, const Attributes* attributes);
  void count_answer() { ++answered_; }
  void wait_for_client(std::chrono::nanoseconds longest, bool give_up) {
    longest_wait_ = longest;
    gives_up_ = give_up;
  }
  /// Whether a request is given up whose client took no reply in time.
  bool gives_up() const { return gives_up_; }

  const std::string& service() const { return service_; }
  std::uint64_t answered() const { return answered_; }
  std::uint64_t dropped() const { return dropped_; }
  std::atomic<bool>& stopped() { return stopped_; }
  /// Has run() look whether it is stopped, wherever it sleeps.
  void interrupt() const { shm::Doorbell::ring(group_->layout().bell); }

 private:
  struct Client {
    std::string topic;
    PublisherParts replies;
    std::uint64_t used;  ///< when it was answered last, counted in replies
  };

  ServerState(const Bus& bus, std::string service, const GroupBase& group, Consumer<Bytes> requests,
              const ServerOptions& options)
      : bus_(bus),
        service_(std::move(service)),
        group_(GroupParts(group).shared()),
        requests_(std::move(requests)),
        known_clients_(options.known_clients),
        longest_wait_(options.wait_for_client) {}
  Result<Client*> client(std::string_view topic);
  Result<Client*> open_client(std::string_view topic);
  void forget(std::string_view topic);
  void forget_the_dead();

  Bus bus_;
  const std::string service_;
  std::shared_ptr<shm::Group> group_;
  Consumer<Bytes> requests_;
  const std::uint32_t known_clients_;
  std::chrono::nanoseconds longest_wait_;
  bool gives_up_ = true;
  std::vector<std::unique_ptr<Client>> clients_;
  Client* last_ = nullptr;  ///< the one answered last
  std::uint64_t sent_ = 0, answered_ = 0, dropped_ = 0;
  std::atomic<bool> stopped_ = false;
};

}  // namespace tow
