#include <thread>

#include "tests/c/fixture.hpp"

namespace tow::test {
namespace {

class CRequest : public testing::Test {
 protected:
  CRequest() {
    TOW_EXPECT_OK(tow_client_open(c_.bus(), "sum", nullptr, &client_));
    TOW_EXPECT_OK(tow_server_open(c_.bus(), "sum", nullptr, &server_));
    TOW_EXPECT_OK(tow_request_new(&request_));
  }
  ~CRequest() override {
    tow_call_close(call_);
    tow_request_free(request_);
    tow_client_close(client_);
    tow_server_close(server_);
  }
  /// Sends `text` and takes it on the server's side.
  void begin(const char* text, const tow_attributes* attributes = nullptr) {
    tow_call_close(std::exchange(call_, nullptr));
    TOW_ASSERT_OK(
        tow_client_send(client_, text, std::string_view(text).size(), kLong, attributes, &call_));
    TOW_ASSERT_OK(tow_server_take(server_, kLong, request_));
    EXPECT_EQ(payload_of(tow_request_message(request_)), text);
  }

  CBus c_;
  tow_client* client_ = nullptr;
  tow_server* server_ = nullptr;
  tow_request* request_ = nullptr;
  tow_call* call_ = nullptr;
  tow_message* const reply_ = c_.message();
};

TEST_F(CRequest, IsAnsweredWithAttributesBothWays) {
  EXPECT_STREQ(tow_client_service(client_), "sum");
  EXPECT_STREQ(tow_server_service(server_), "sum");
  EXPECT_TRUE(tow_request_answered(request_));
  EXPECT_EQ(tow_server_take(server_, 0, request_), TOW_NOTHING);
  tow_attributes attributes;
  tow_attributes_init(&attributes);
  attributes.key = tow_text("k");
  begin("1 2", &attributes);
  EXPECT_EQ(tow_client_in_flight(client_), 1u);
  const tow_message* const message = tow_request_message(request_);
  EXPECT_EQ(text_in(tow_message_key(message)), "k");
  EXPECT_EQ(text_in(tow_message_reply_topic(message)), tow_client_reply_topic(client_));
  EXPECT_FALSE(tow_request_answered(request_));
  EXPECT_FALSE(tow_request_cancelled(request_));
  EXPECT_EQ(tow_request_attempts(request_), 0u);
  EXPECT_FALSE(tow_request_redelivered(request_));
  EXPECT_FALSE(tow_call_wait(call_, 0));
  attributes.key = {};
  attributes.content_type = tow_text("text/plain");
  TOW_ASSERT_OK(tow_request_reply(request_, "3", 1, &attributes));
  EXPECT_TRUE(tow_request_answered(request_));
  EXPECT_TRUE(tow_call_wait(call_, kLong));
  TOW_ASSERT_OK(tow_call_get(call_, reply_));
  EXPECT_EQ(payload_of(reply_), "3");
  EXPECT_EQ(text_in(tow_message_content_type(reply_)), "text/plain");
  EXPECT_EQ(tow_server_answered(server_), 1u);
  EXPECT_EQ(tow_server_dropped(server_), 0u);
  EXPECT_EQ(tow_client_late(client_), 0u);
}

TEST_F(CRequest, StreamOfRepliesEnds) {
  begin("count");
  std::size_t index = 9;
  tow_waitable* waitable = tow_call_waitable(call_);
  EXPECT_EQ(tow_wait_any(&waitable, 1, 0, &index), TOW_NOTHING);
  TOW_ASSERT_OK(tow_request_reply_part(request_, "1", 1));
  TOW_ASSERT_OK(tow_wait_any(&waitable, 1, kLong, &index));
  EXPECT_EQ(index, 0u);
  TOW_ASSERT_OK(tow_request_reply_part(request_, "2", 1));
  TOW_ASSERT_OK(tow_request_finish(request_));
  TOW_ASSERT_OK(tow_call_next(call_, reply_));
  EXPECT_EQ(payload_of(reply_), "1");
  TOW_ASSERT_OK(tow_call_next(call_, reply_));
  EXPECT_EQ(payload_of(reply_), "2");
  EXPECT_EQ(tow_call_next(call_, reply_), TOW_NOTHING);
  EXPECT_EQ(tow_message_payload(reply_).bytes, 0u);
  tow_call_close(std::exchange(call_, nullptr));
  EXPECT_EQ(tow_client_in_flight(client_), 0u);
}

TEST_F(CRequest, FailureCarriesTextAndNumber) {
  begin("1 x");
  TOW_ASSERT_OK(tow_request_fail(request_, "x is no number", 42));
  EXPECT_EQ(tow_call_get(call_, reply_), TOW_REQUEST_FAILED);
  EXPECT_THAT(tow_error_text(), testing::HasSubstr("x is no number"));
  EXPECT_EQ(tow_error_errno(), 42);
}

TEST_F(CRequest, LeftUnansweredIsFailed) {
  begin("a");
  EXPECT_EQ(tow_server_take(server_, 0, request_), TOW_NOTHING);  // into the same place
  EXPECT_EQ(tow_call_get(call_, reply_), TOW_REQUEST_FAILED);
  begin("b");
  tow_request_free(std::exchange(request_, nullptr));
  EXPECT_EQ(tow_call_get(call_, reply_), TOW_REQUEST_FAILED);
}

TEST_F(CRequest, CancelledCallIsToldToTheServer) {
  begin("a");
  tow_call_cancel(call_);
  EXPECT_TRUE(tow_request_cancelled(request_));
  EXPECT_EQ(tow_request_reply(request_, "1", 1, nullptr), TOW_CANCELLED);
  EXPECT_TRUE(tow_request_answered(request_));
  EXPECT_EQ(tow_call_get(call_, reply_), TOW_CANCELLED);
}

TEST_F(CRequest, CallWithoutServerFailsAtOnceWhenAskedFor) {
  tow_client_options options;
  tow_client_options_init(&options);
  options.fail_without_server = true;
  tow_client* client = nullptr;
  TOW_ASSERT_OK(tow_client_open(c_.bus(), "nobody", &options, &client));
  EXPECT_EQ(tow_client_call(client, "x", 1, kLong, nullptr, reply_), TOW_NO_SERVER);
  tow_client_close(client);
}

TEST_F(CRequest, HandlerServesUntilStopped) {
  std::thread serving([&] {
    const auto handler = [](void* context, tow_request* request) {
      const std::string asked = payload_of(tow_request_message(request));
      if (asked == "stop") tow_server_stop(static_cast<tow_server*>(context));
      if (asked == "silence") return;
      const std::string answer = asked + "!";
      TOW_EXPECT_OK(tow_request_reply(request, answer.data(), answer.size(), nullptr));
    };
    TOW_EXPECT_OK(tow_server_run(server_, handler, server_));
  });
  TOW_EXPECT_OK(tow_client_call(client_, "go", 2, kLong, nullptr, reply_));
  EXPECT_EQ(payload_of(reply_), "go!");
  EXPECT_EQ(tow_client_call(client_, "silence", 7, kLong, nullptr, reply_), TOW_REQUEST_FAILED);
  tow_attributes attributes;
  tow_attributes_init(&attributes);
  TOW_EXPECT_OK(tow_client_call(client_, "stop", 4, kLong, &attributes, reply_));
  EXPECT_EQ(payload_of(reply_), "stop!");
  serving.join();
  EXPECT_EQ(tow_server_answered(server_), 3u);
}

TEST(CService, TypeOfRequestsAndUnknownMembersAreChecked) {
  CBus c;
  tow_server_options options;
  tow_server_options_init(&options);
  options.service.type = {"sum.Request", 8, 8};
  tow_server* server = nullptr;
  TOW_ASSERT_OK(tow_server_open(c.bus(), "sum", &options, &server));
  tow_client* client = nullptr;
  EXPECT_EQ(tow_client_open(c.bus(), "sum", nullptr, &client), TOW_TYPE_MISMATCH);
  options.service.reserved[3] = 1;
  EXPECT_EQ(tow_server_open(c.bus(), "other", &options, &server), TOW_NOT_SUPPORTED);
  tow_server_close(server);
}

}  // namespace
}  // namespace tow::test
