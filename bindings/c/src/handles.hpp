#pragma once
/// What the handles of C are. Members that others keep alive stand first, so that they end last.

#include <memory>
#include <vector>

#include "handle.hpp"
#include "towpath/bus.hpp"
#include "towpath/settlement.hpp"
#include "towpath/towpath.h"

struct tow_bus {
  tow::Bus bus;
};
struct tow_topic {
  tow::Topic<> topic;
};
struct tow_group {
  tow::Group<> group;
  std::string name;
};
struct tow_exchange {
  tow::Exchange exchange;
};
struct tow_exchange_publisher {
  tow::ExchangePublisher publisher;
};
struct tow_headers {
  tow::Headers headers;
};

struct tow_publisher final : tow::c::Handle {
  explicit tow_publisher(tow::Publisher<>&& opened) : publisher(std::move(opened)) {}
  tow::Publisher<> publisher;
};
struct tow_loan {
  tow::c::Kept<tow_publisher> publisher;
  tow::Loan<> loan;
};

/// Part of a subscriber, consumer, call or server.
struct tow_waitable {
  tow::Waitable* of;
};

struct tow_subscriber final : tow::c::Handle {
  explicit tow_subscriber(tow::Subscriber<>&& opened) : subscriber(std::move(opened)) {}
  tow::Subscriber<> subscriber;
  tow_waitable waitable{&subscriber};
};
struct tow_consumer final : tow::c::Handle {
  explicit tow_consumer(tow::Consumer<>&& opened) : consumer(std::move(opened)) {}
  tow::Consumer<> consumer;
  tow_waitable waitable{&consumer};
};
struct tow_client final : tow::c::Handle {
  explicit tow_client(tow::Client<>&& opened) : client(std::move(opened)) {}
  tow::Client<> client;
};
struct tow_server final : tow::c::Handle {
  explicit tow_server(tow::Server<>&& opened) : server(std::move(opened)) {}
  tow::Server<> server;
  tow_waitable waitable{&server.requests()};
};

/// What can be asked of any message: the caller's own, a delivery's, a request's.
struct tow_message {
  const tow::Message<>* message;
};
/// One that tow_message_new() made. Only a payload in place needs whom it came from.
struct tow_own_message : tow_message {
  tow_own_message() : tow_message{&payload} {}
  tow::c::Kept<tow::c::Handle> source;
  tow::Message<> payload;

  /// Ends the use of what it holds.
  void release() {
    if (payload.in_place()) [[unlikely]] {
      payload.release();
      source.reset();
    }
  }
  /// After release().
  void hold(tow::Message<>&& taken, tow::c::Handle* from) {
    payload = std::move(taken);
    if (payload.in_place()) source.set(from);
  }
};

/// Kept by its settlement, too.
struct tow_delivery final : tow::c::Handle {
  tow_message message{&delivery};
  tow::c::Kept<tow_consumer> consumer;  ///< while it is unsettled, or its payload in place
  tow::Delivery<> delivery;
  std::uint32_t settlements = 0;  ///< that it is part of

  /// Lets go of the consumer when it needs it no more.
  void let_go_if_done() {
    if (delivery.settled() && !delivery.in_place()) consumer.reset();
  }
};
struct tow_settlement {
  tow_settlement(tow_consumer* of, tow_delivery* first)
      : consumer(of), settlement(of->consumer.settle(first->delivery)) {}
  tow_settlement(const tow_settlement&) = delete;
  ~tow_settlement() { forget(); }

  /// Lets all go that it is about.
  void forget() {
    for (const auto& delivery : deliveries) {
      --delivery->settlements;
      delivery->let_go_if_done();
    }
    deliveries.clear();
    publishers.clear();
  }

  tow::c::Kept<tow_consumer> consumer;
  std::vector<tow::c::Kept<tow_delivery>> deliveries;
  std::vector<tow::c::Kept<tow_publisher>> publishers;
  tow::Settlement settlement;
};

struct tow_call {
  tow::c::Kept<tow_client> client;
  tow::PendingCall<> call;
  tow_waitable waitable;
};
struct tow_request {
  tow::c::Kept<tow_server> server;  ///< while it is unanswered, or its payload in place
  tow::Request<> request;
  tow_message message{&request.message()};

  void let_go_if_done() {
    if (request.answered() && !request.message().in_place()) server.reset();
  }
};
