// Clients and servers through the C header, with those of C++ on the other side.
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>

#include <thread>

#include "tests/c/owned.hpp"
#include "tests/support/temp_bus.hpp"
#include "towpath/bus.hpp"

namespace tow::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kServing = "upper";

class CServing : public testing::Test {
 protected:
  ClientHandle client(const tow_client_options* options = nullptr) const {
    return opened<ClientHandle>(tow_client_open, bus.get(), kServing, options);
  }
  ServerHandle server(const tow_server_options* options = nullptr) const {
    return opened<ServerHandle>(tow_server_open, bus.get(), kServing, options);
  }
  static CallHandle send(const ClientHandle& client, const std::string& text,
                         std::int64_t timeout_ns = kLong,
                         const tow_attributes* attributes = nullptr) {
    return opened<CallHandle>(tow_client_send, client.get(), text.data(), text.size(), timeout_ns,
                              attributes);
  }
  static void take(const ServerHandle& server, const RequestHandle& request) {
    ASSERT_EQ(tow_server_take(server.get(), kLong, request.get()), TOW_OK) << tow_error_text();
  }
  static tow_code reply(const RequestHandle& request, const std::string& text,
                        const tow_attributes* attributes = nullptr) {
    return tow_request_reply(request.get(), text.data(), text.size(), attributes);
  }

  TempBus place;
  BusHandle bus = opened<BusHandle>(tow_bus_open, place.name().c_str(), nullptr);
  MessageHandle message = opened<MessageHandle>(tow_message_new);
  RequestHandle request = opened<RequestHandle>(tow_request_new);
};

TEST_F(CServing, AnUnansweredRequestThatIsFreedOrTakenIntoFails) {
  const auto asking = client();
  const auto answering = server();  // one at a time: the second take must end the first request
  const auto first = send(asking, "1"), second = send(asking, "2");
  take(answering, request);
  take(answering, request);
  EXPECT_EQ(payload_of(tow_request_message(request.get())), "2");
  EXPECT_EQ(tow_call_get(first.get(), message.get()), TOW_REQUEST_FAILED);
  request.reset();
  EXPECT_EQ(tow_call_get(second.get(), message.get()), TOW_REQUEST_FAILED);
}

TEST_F(CServing, HandlesCloseInAnyOrder) {
  for (int order = 0; order < 2; ++order) {
    auto asking = client();
    auto answering = server();
    auto call = send(asking, "x");
    take(answering, request);
    asking.reset();                      // the call keeps it
    answering.reset();                   // the request keeps it
    const std::string large(8192, 'a');  // in place, so the message keeps the client
    EXPECT_EQ(reply(request, large), TOW_OK) << tow_error_text();
    EXPECT_EQ(tow_call_get(call.get(), message.get()), TOW_OK) << tow_error_text();
    if (order == 0) call.reset();
    EXPECT_EQ(text_in(message), large);
    tow_message_release(message.get());
    EXPECT_EQ(tow_message_payload(message.get()).bytes, 0U);
  }
}

TEST_F(CServing, IsWaitedForBesideOthersAndByItsDescriptor) {
  const auto answering = server();
  const auto asking = client();
  tow_waitable* const waitable = tow_server_waitable(answering.get());
  size_t index = 9;
  EXPECT_EQ(tow_wait_any(&waitable, 1, 0, &index), TOW_NOTHING);
  int fd = -1;
  ASSERT_EQ(tow_waitable_fd(waitable, &fd), TOW_OK) << tow_error_text();
  for (const char* const text : {"first", "second"}) {
    EXPECT_EQ(tow_server_take(answering.get(), 0, request.get()), TOW_NOTHING);
    const auto call = send(asking, text);
    pollfd polled{fd, POLLIN, 0};
    ASSERT_EQ(poll(&polled, 1, int{kLong / 1'000'000}), 1);
    ASSERT_EQ(tow_wait_any(&waitable, 1, kLong, &index), TOW_OK) << tow_error_text();
    EXPECT_EQ(index, 0U);
    EXPECT_TRUE(tow_waitable_ready(waitable));
    take(answering, request);
    EXPECT_EQ(payload_of(tow_request_message(request.get())), text);
    EXPECT_EQ(reply(request, text), TOW_OK) << tow_error_text();
  }
  EXPECT_EQ(tow_server_waitable(nullptr), nullptr);
}

tow_server* stopped_by_signal = nullptr;

TEST_F(CServing, IsStoppedFromASignalHandler) {
  const auto answering = server();
  stopped_by_signal = answering.get();
  struct sigaction action {
  }, before{};
  action.sa_handler = [](int) { tow_server_stop(stopped_by_signal); };
  ASSERT_EQ(sigaction(SIGUSR2, &action, &before), 0);
  const auto asking = client();
  const auto call = send(asking, "raise");
  const auto handler = [](void*, tow_request* asked) {
    (void)tow_request_reply(asked, nullptr, 0, nullptr);
    raise(SIGUSR2);
  };
  EXPECT_EQ(tow_server_run(answering.get(), handler, nullptr), TOW_OK) << tow_error_text();
  EXPECT_EQ(tow_call_get(call.get(), message.get()), TOW_OK) << tow_error_text();
  sigaction(SIGUSR2, &before, nullptr);
}

TEST_F(CServing, SpeaksWithCppOnTheOtherSide) {
  struct Pair {
    std::int32_t a, b;
  };
  tow_client_options options;
  tow_client_options_init(&options);
  const std::string name(type_name<Pair>());
  options.service.type = {name.c_str(), sizeof(Pair), alignof(Pair)};
  const auto asking = client(&options);
  auto cpp = Bus::open(place.name()).value();
  auto answering = cpp.server<Pair, std::int32_t>(kServing).value();
  const Pair pair{3, 4};
  const auto call =
      opened<CallHandle>(tow_client_send, asking.get(), &pair, sizeof pair, kLong, nullptr);
  auto taken = answering.take(10s);
  ASSERT_TRUE(taken);
  EXPECT_TRUE(taken.reply(taken->a + taken->b));
  ASSERT_EQ(tow_call_get(call.get(), message.get()), TOW_OK) << tow_error_text();
  std::int32_t sum = 0;
  ASSERT_EQ(tow_message_payload(message.get()).bytes, sizeof sum);
  std::memcpy(&sum, tow_message_payload(message.get()).data, sizeof sum);
  EXPECT_EQ(sum, 7);
  tow_call* none = nullptr;
  EXPECT_EQ(tow_client_send(asking.get(), &pair, 3, kLong, nullptr, &none), TOW_TYPE_MISMATCH);
  EXPECT_EQ(none, nullptr);

  tow_server* other = nullptr;
  EXPECT_EQ(tow_server_open(bus.get(), kServing, nullptr, &other), TOW_TYPE_MISMATCH);
}

}  // namespace
}  // namespace tow::test
