#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "tests/c/fixture.hpp"

namespace tow::test {
namespace {

TEST(CHandles, NullOnesAreErrorsWithATextOrIgnored) {
  tow_bus_close(nullptr);
  tow_topic_close(nullptr);
  tow_publisher_close(nullptr);
  tow_loan_return(nullptr);
  tow_message_free(nullptr);
  tow_message_release(nullptr);
  tow_subscriber_close(nullptr);
  tow_headers_free(nullptr);
  tow_group_close(nullptr);
  tow_consumer_close(nullptr);
  tow_delivery_free(nullptr);
  tow_settlement_free(nullptr);
  tow_exchange_close(nullptr);
  tow_exchange_publisher_close(nullptr);
  tow_client_close(nullptr);
  tow_call_close(nullptr);
  tow_server_close(nullptr);
  tow_request_free(nullptr);
  tow_names_free(nullptr);
  tow_processes_free(nullptr);
  tow_bindings_free(nullptr);
  tow_group_info_free(nullptr);
  tow_topic_info_free(nullptr);

  EXPECT_EQ(tow_publish(nullptr, "x", 1, nullptr), TOW_INVALID_ARGUMENT);
  EXPECT_STREQ(tow_error_text(), "the publisher is null; this function needs one");
  EXPECT_EQ(tow_delivery_ack(nullptr), TOW_INVALID_ARGUMENT);
  EXPECT_STREQ(tow_error_text(), "the delivery is null; this function needs one");
  EXPECT_EQ(tow_message_payload(nullptr).bytes, 0u);
  EXPECT_STREQ(tow_error_text(), "the message is null; this function needs one");
  EXPECT_STREQ(tow_topic_name(nullptr), "");
  EXPECT_TRUE(tow_request_answered(nullptr));
  EXPECT_EQ(tow_delivery_message(nullptr), nullptr);
}

/// Handles of a whole program, each in use, to be closed in some order.
struct Program {
  Program() {
    TOW_EXPECT_OK(tow_bus_open(at.name().c_str(), nullptr, &bus));
    TOW_EXPECT_OK(tow_queue_open(bus, "q", nullptr, nullptr, &topic, &group));
    TOW_EXPECT_OK(tow_publisher_open(topic, nullptr, &publisher));
    TOW_EXPECT_OK(tow_subscriber_open(topic, nullptr, &subscriber));
    TOW_EXPECT_OK(tow_consumer_open(group, nullptr, &consumer));
    TOW_EXPECT_OK(tow_message_new(&message));
    TOW_EXPECT_OK(tow_delivery_new(&delivery));
    const std::string large(3000, 'x');  // read in place
    TOW_EXPECT_OK(tow_publish(publisher, large.data(), large.size(), nullptr));
    TOW_EXPECT_OK(tow_loan_take(publisher, 3000, &loan));
    TOW_EXPECT_OK(tow_subscriber_take(subscriber, kLong, message));
    TOW_EXPECT_OK(tow_consumer_take(consumer, kLong, delivery));
    TOW_EXPECT_OK(tow_settlement_new(consumer, delivery, &settlement));
    TOW_EXPECT_OK(tow_settlement_publish(settlement, publisher, "x", 1, nullptr));
  }

  TempBus at;
  tow_bus* bus = nullptr;
  tow_topic* topic = nullptr;
  tow_group* group = nullptr;
  tow_publisher* publisher = nullptr;
  tow_subscriber* subscriber = nullptr;
  tow_consumer* consumer = nullptr;
  tow_message* message = nullptr;
  tow_delivery* delivery = nullptr;
  tow_loan* loan = nullptr;
  tow_settlement* settlement = nullptr;
};

/// Closes them in the order that `order` says, and uses what is still open in between.
void close_all(Program& it, const std::vector<int>& order) {
  const std::function<void()> closings[] = {
      [&] { tow_publisher_close(it.publisher); }, [&] { tow_loan_return(it.loan); },
      [&] { tow_consumer_close(it.consumer); }, [&] { tow_delivery_free(it.delivery); },
      [&] { tow_settlement_free(it.settlement); }};
  bool delivery_open = true, settlement_open = true;
  for (const int i : order) {
    closings[i]();
    delivery_open = delivery_open && i != 3;
    settlement_open = settlement_open && i != 4;
    if (delivery_open) {
      EXPECT_EQ(tow_message_payload(tow_delivery_message(it.delivery)).bytes, 3000u);
    }
    if (settlement_open && delivery_open) {
      EXPECT_FALSE(tow_delivery_settled(it.delivery));
    }
  }
}

TEST(CHandles, CloseInEveryOrder) {
  std::vector<int> order{0, 1, 2, 3, 4};
  do {
    Program it;
    tow_bus_close(it.bus);
    tow_topic_close(it.topic);
    tow_group_close(it.group);
    tow_subscriber_close(it.subscriber);
    close_all(it, order);
    EXPECT_EQ(tow_message_payload(it.message).bytes, 3000u);
    tow_message_free(it.message);
    // All have let go of the bus: nobody uses it any more.
    TOW_EXPECT_OK(tow_bus_remove(it.at.name().c_str()));
  } while (!testing::Test::HasFailure() && std::next_permutation(order.begin(), order.end()));
}

TEST(CHandles, SettlementWorksAfterAllElseWasClosed) {
  Program it;
  tow_subscriber_close(it.subscriber);
  tow_message_free(it.message);
  tow_loan_return(it.loan);
  tow_publisher_close(it.publisher);
  tow_consumer_close(it.consumer);
  tow_delivery_free(it.delivery);
  TOW_EXPECT_OK(tow_settlement_commit(it.settlement, kLong));
  tow_settlement_free(it.settlement);
  EXPECT_EQ(tow_topic_last_sequence(it.topic), 2u);
  tow_group_close(it.group);
  tow_topic_close(it.topic);
  tow_bus_close(it.bus);
}

TEST(CHandles, ServiceClosesInEveryOrder) {
  std::vector<int> order{0, 1, 2, 3, 4};
  do {
    CBus c;
    tow_client* client = nullptr;
    tow_server* server = nullptr;
    tow_call* call = nullptr;
    tow_request* request = nullptr;
    tow_message* const reply = c.message();
    TOW_ASSERT_OK(tow_client_open(c.bus(), "s", nullptr, &client));
    TOW_ASSERT_OK(tow_server_open(c.bus(), "s", nullptr, &server));
    TOW_ASSERT_OK(tow_request_new(&request));
    const std::string large(3000, 'x');
    TOW_ASSERT_OK(tow_client_send(client, large.data(), large.size(), kLong, nullptr, &call));
    TOW_ASSERT_OK(tow_server_take(server, kLong, request));
    TOW_ASSERT_OK(tow_request_reply_part(request, large.data(), large.size()));
    TOW_ASSERT_OK(tow_call_next(call, reply));
    const std::function<void()> closings[] = {
        [&] { tow_client_close(client); }, [&] { tow_server_close(server); },
        [&] { tow_call_close(call); }, [&] { tow_request_free(request); },
        [&] {
          EXPECT_EQ(payload_of(reply), large);
          tow_message_release(reply);
        }};
    for (const int i : order) closings[i]();
  } while (!testing::Test::HasFailure() && std::next_permutation(order.begin(), order.end()));
}

TEST(CHandles, ForkedChildOpensItsOwnAndClosesItsParentsWithoutHarm) {
  CBus c;
  tow_topic* const topic = c.topic("t");
  tow_publisher* const publisher = c.publisher(topic);
  tow_subscriber* const subscriber = c.subscriber(topic);
  Child child([&] {
    tow_bus* own = nullptr;
    TOW_EXPECT_OK(tow_bus_open(c.at().name().c_str(), nullptr, &own));
    tow_topic* own_topic = nullptr;
    TOW_EXPECT_OK(tow_topic_open(own, "t", nullptr, &own_topic));
    tow_publisher* own_publisher = nullptr;
    TOW_EXPECT_OK(tow_publisher_open(own_topic, nullptr, &own_publisher));
    TOW_EXPECT_OK(publish_text(own_publisher, "anew"));
    tow_publisher_close(publisher);  // ends nothing of its parent's
    tow_subscriber_close(subscriber);
  });
  EXPECT_EQ(child.wait(), 0);
  tow_message* const message = c.message();
  TOW_ASSERT_OK(tow_subscriber_take(subscriber, kLong, message));
  EXPECT_EQ(payload_of(message), "anew");
  TOW_ASSERT_OK(publish_text(publisher, "parent"));
  TOW_ASSERT_OK(tow_subscriber_take(subscriber, kLong, message));
  EXPECT_EQ(payload_of(message), "parent");
}

TEST(COptions, OfAnOlderProgramGetTheDefaultsOfWhatItDoesNotKnow) {
  CBus c;
  // A program that knows the members up to `publishers` only; behind them lies something else.
  alignas(tow_topic_options) unsigned char memory[sizeof(tow_topic_options)];
  std::memset(memory, 0xEE, sizeof memory);
  auto* const options = reinterpret_cast<tow_topic_options*>(memory);
  const std::size_t known = offsetof(tow_topic_options, depth);
  tow_topic_options_init_sized(options, known);
  EXPECT_EQ(options->struct_bytes, known);
  EXPECT_EQ(memory[known], 0xEE) << "a member that the program does not know was written";
  options->publishers = TOW_PUBLISHERS_ONE;
  tow_topic* const topic = c.topic("t", options);
  const tow_topic_info* info = nullptr;
  TOW_ASSERT_OK(tow_topic_info_get(topic, &info));
  EXPECT_EQ(info->publishers_kind, TOW_PUBLISHERS_ONE);
  EXPECT_EQ(info->asked_depth, 1024u);
  tow_topic_info_free(info);
}

TEST(COptions, OfANewerProgramAreTakenUnlessTheySetWhatIsNewer) {
  CBus c;
  struct {
    tow_bus_options known;
    std::uint64_t newer;
  } options{};
  tow_bus_options_init_sized(&options.known, sizeof options);
  EXPECT_EQ(options.known.struct_bytes, sizeof options);
  tow_bus* bus = nullptr;
  TOW_EXPECT_OK(tow_bus_open(c.at().name().c_str(), &options.known, &bus));
  tow_bus_close(bus);
  options.newer = 1;
  EXPECT_EQ(tow_bus_open(c.at().name().c_str(), &options.known, &bus), TOW_NOT_SUPPORTED);
  EXPECT_THAT(tow_error_text(), testing::HasSubstr("tow_bus_options"));
}

TEST(COptions, ThatNobodyInitialisedAreRefused) {
  CBus c;
  tow_topic_options options{};
  tow_topic* topic = nullptr;
  EXPECT_EQ(tow_topic_open(c.bus(), "t", &options, &topic), TOW_INVALID_ARGUMENT);
  EXPECT_THAT(tow_error_text(), testing::HasSubstr("tow_topic_options_init()"));
  tow_topic_options_init(&options);
  const std::uint32_t unknown = 4;  // as C may write it
  std::memcpy(static_cast<void*>(&options.stamps), &unknown, sizeof unknown);
  EXPECT_EQ(tow_topic_open(c.bus(), "t", &options, &topic), TOW_INVALID_ARGUMENT);
  EXPECT_THAT(tow_error_text(), testing::HasSubstr("stamps"));
}

}  // namespace
}  // namespace tow::test
