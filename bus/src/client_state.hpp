#pragma once
/// A client's calls under way, and what is known of each.

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "service.hpp"
#include "towpath/bus.hpp"
#include "towpath/client.hpp"
#include "towpath/shm/group_watch.hpp"

namespace tow {

/// One thread at a time. It does not move when its client does: calls point to it.
class ClientState {
 public:
  /// Dies in it, or at any time later: the topic of its replies has the name of a dead process,
  /// which whoever heals the bus, or makes the next client, takes away.
  static Result<std::unique_ptr<ClientState>> make(const Bus& bus, std::string service,
                                                   const Topic<Bytes>& topic,
                                                   const ClientOptions& options);
  ~ClientState();
  ClientState(const ClientState&) = delete;

  /// Sends a request; returns the call's number.
  Result<std::uint64_t> begin(std::span<const std::byte> payload, std::chrono::nanoseconds timeout,
                              const Attributes* attributes);
  /// True when take() has something to say; never waits.
  bool ready(std::uint64_t call);
  /// Its time is over so long from now.
  void end_within(std::uint64_t call, std::chrono::nanoseconds timeout) {
    at(call).deadline = shm::Deadline::after(timeout);
  }
  /// Waits until it is ready.
  bool wait(std::uint64_t call, shm::Deadline deadline) {
    return wait_for(at(call), deadline, nullptr);
  }
  /// The next reply, into a message that holds nothing, or why there is none; false behind the
  /// last. Waits until the call's time is over.
  Result<bool> take(std::uint64_t call, Message<Bytes>& reply, std::size_t typed_bytes);
  /// The call ends; withdrawn if its last reply has not come.
  void end(std::uint64_t call);

  const std::string& service() const { return service_; }
  const std::string& reply_topic() const { return reply_topic_; }
  std::size_t in_flight() const { return calls_.size() - free_.size(); }
  std::uint64_t late() const { return late_; }
  SubscriberBase& replies() { return *replies_; }

 private:
  struct Call {
    std::uint64_t id = 0;  ///< serial number << 16 | place in calls_; 0 = free
    std::uint64_t sequence = 0;
    shm::Deadline deadline = shm::Deadline::never();
    std::uint64_t looked_ns = 0;  ///< when its word was last looked at
    shm::Token holder{};          ///< who was last seen handling it
    std::string holder_text;      ///< its pid and command
    std::deque<Message<Bytes>> waiting{};
    bool over = false;  ///< nothing will come any more
    bool plain = true;  ///< what follows, and `waiting` and `holder_text`, is as it was made
    Code failure{};     ///< only if `text` is not empty
    std::int32_t failure_number = 0;
    std::string text{};
  };

  ClientState(const Bus& bus, std::string service, std::string reply_topic, const GroupBase& group,
              Publisher<Bytes> requests, Subscriber<Bytes> replies, const ClientOptions& options);
  Call& at(std::uint64_t id) { return *calls_[id & kPlaceMask]; }
  Call* find(std::string_view correlation_id);
  Call& new_call();
  Result<void> publish(std::span<const std::byte> payload, Call& call,
                       std::chrono::nanoseconds timeout, const Attributes* attributes);
  void prepare_fields();
  /// Takes a reply, whoever it is for; false when there is none.
  bool take_one();
  /// Takes what came, if that is the whole reply to `call`, which is all that most calls get.
  bool take_whole(Call& call, Message<Bytes>& reply);
  /// Takes all replies that are there.
  void pump();
  void accept(Message<Bytes>&& reply);
  void fail(Call& call, Code code, std::string text);
  void fail_all(const Error& error);
  static bool has_news(const Call& call) { return call.over || !call.waiting.empty(); }
  /// Waits until the call has news, or its one reply is in `reply`, if that is given.
  bool wait_for(Call& call, shm::Deadline deadline, Message<Bytes>* reply);
  bool look(Call& call, Message<Bytes>* reply);
  bool sleep(Call& call, shm::Deadline until);
  /// Looks at its word: fails it when nobody will answer any more.
  void examine(Call& call);
  void remember_holder(Call& call, shm::Token holder);
  void died(Call& call);
  void time_out(Call& call);

  static constexpr std::uint64_t kPlaceMask = 0xFFFF;

  Bus bus_;
  const std::string service_, reply_topic_;
  std::shared_ptr<shm::Group> group_;
  PublisherParts requests_;
  std::optional<SubscriberParts> replies_;  ///< nothing once it ends
  const ClientOptions options_;
  const std::uint64_t spin_ns_;
  std::vector<std::byte> fields_;  ///< of a request without attributes; its number is put in
  shm::FieldsView fields_view_;
  std::vector<std::unique_ptr<Call>> calls_;
  std::vector<std::uint32_t> free_;  ///< places in calls_
  std::uint64_t serial_ = 0;
  std::uint64_t late_ = 0;
  bool rested_ = false;  ///< the last sleep was undisturbed
};

}  // namespace tow
