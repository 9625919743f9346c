#include "tests/c/fixture.hpp"

namespace tow::test {
namespace {

/// What is bound leads to the queue "in"; tells what arrived there.
class CExchange {
 public:
  explicit CExchange(tow_exchange_kind kind, const char* name = "ex") {
    tow_exchange_options options;
    tow_exchange_options_init(&options);
    options.kind = kind;
    options.alternate = nullptr;
    TOW_EXPECT_OK(tow_exchange_open(c_.bus(), name, &options, &exchange_));
    c_.queue("in");
    reader_ = c_.subscriber(c_.topic("in"));
    message_ = c_.message();
    TOW_EXPECT_OK(tow_headers_new(&headers_));
  }
  ~CExchange() {
    tow_exchange_publisher_close(publisher_);
    tow_exchange_close(exchange_);
    tow_headers_free(headers_);
  }
  CBus& c() { return c_; }
  tow_exchange* exchange() const { return exchange_; }
  tow_headers* headers() const { return headers_; }
  void bind(const char* key, const tow_headers* arguments = nullptr) {
    bool changed = false;
    TOW_EXPECT_OK(
        tow_exchange_bind(exchange_, TOW_BINDING_TO_QUEUE, "in", key, arguments, &changed));
    EXPECT_TRUE(changed);
  }
  /// How many queues a message with this routing key reached.
  std::size_t reached(const char* key, const tow_headers* headers = nullptr) {
    if (publisher_ == nullptr) {
      TOW_EXPECT_OK(tow_exchange_publisher_open(exchange_, nullptr, &publisher_));
    }
    tow_attributes attributes;
    tow_attributes_init(&attributes);
    attributes.headers = headers;
    std::size_t count = 99;
    TOW_EXPECT_OK(tow_exchange_publish(publisher_, key, "hi", 2, &attributes, &count));
    const bool came = tow_subscriber_take(reader_, 0, message_) == TOW_OK;
    EXPECT_EQ(came, count == 1);
    if (came) {
      EXPECT_EQ(payload_of(message_), "hi");
    }
    return count;
  }

 private:
  CBus c_;
  tow_exchange* exchange_ = nullptr;
  tow_exchange_publisher* publisher_ = nullptr;
  tow_subscriber* reader_ = nullptr;
  tow_message* message_ = nullptr;
  tow_headers* headers_ = nullptr;
};

TEST(CExchangeKinds, DirectMatchesTheKey) {
  CExchange ex(TOW_EXCHANGE_DIRECT);
  ex.bind("red");
  EXPECT_EQ(ex.reached("red"), 1u);
  EXPECT_EQ(ex.reached("blue"), 0u);
  bool changed = true;
  TOW_EXPECT_OK(
      tow_exchange_bind(ex.exchange(), TOW_BINDING_TO_QUEUE, "in", "red", nullptr, &changed));
  EXPECT_FALSE(changed);
  TOW_EXPECT_OK(
      tow_exchange_unbind(ex.exchange(), TOW_BINDING_TO_QUEUE, "in", "red", nullptr, &changed));
  EXPECT_TRUE(changed);
  EXPECT_EQ(ex.reached("red"), 0u);
}

TEST(CExchangeKinds, FanoutMatchesAll) {
  CExchange ex(TOW_EXCHANGE_FANOUT);
  ex.bind("");
  EXPECT_EQ(ex.reached("whatever"), 1u);
}

TEST(CExchangeKinds, TopicMatchesPatterns) {
  CExchange ex(TOW_EXCHANGE_TOPIC);
  ex.bind("log.*.error");
  EXPECT_EQ(ex.reached("log.disk.error"), 1u);
  EXPECT_EQ(ex.reached("log.disk.info"), 0u);
}

TEST(CExchangeKinds, HeadersMatchArguments) {
  CExchange ex(TOW_EXCHANGE_HEADERS);
  TOW_ASSERT_OK(tow_headers_add(ex.headers(), tow_text("level"), integer_value(3)));
  ex.bind("", ex.headers());
  EXPECT_EQ(ex.reached("", ex.headers()), 1u);
  TOW_ASSERT_OK(tow_headers_set(ex.headers(), tow_text("level"), integer_value(4)));
  EXPECT_EQ(ex.reached("", ex.headers()), 0u);
}

TEST(CExchangeKinds, DefaultExchangeLeadsToTheQueueThatTheKeyNames) {
  CExchange ex(TOW_EXCHANGE_ANY, "");
  EXPECT_STREQ(tow_exchange_name(ex.exchange()), "");
  EXPECT_EQ(ex.reached("in"), 1u);
  EXPECT_EQ(ex.reached("out"), 0u);
}

TEST(CExchangeBindings, AreListedWithTheirArguments) {
  CExchange ex(TOW_EXCHANGE_HEADERS);
  tow_exchange* other = nullptr;
  TOW_ASSERT_OK(tow_exchange_open(ex.c().bus(), "other", nullptr, &other));
  EXPECT_EQ(tow_exchange_kind_of(other), TOW_EXCHANGE_DIRECT);
  EXPECT_STREQ(tow_exchange_alternate(other), "");
  TOW_ASSERT_OK(tow_headers_add(ex.headers(), tow_text("color"), text_value("red")));
  ex.bind("", ex.headers());
  TOW_ASSERT_OK(
      tow_exchange_bind(ex.exchange(), TOW_BINDING_TO_EXCHANGE, "other", "k", nullptr, nullptr));
  const tow_bindings* all = nullptr;
  TOW_ASSERT_OK(tow_exchange_bindings(ex.exchange(), &all));
  tow_exchange_close(other);
  ASSERT_EQ(all->count, 2u);
  EXPECT_EQ(all->bindings[0]->to, TOW_BINDING_TO_QUEUE);
  EXPECT_STREQ(all->bindings[0]->destination, "in");
  tow_value value;
  TOW_ASSERT_OK(tow_headers_find(all->bindings[0]->arguments, tow_text("color"), &value));
  EXPECT_EQ(text_in(value.view), "red");
  EXPECT_EQ(all->bindings[1]->to, TOW_BINDING_TO_EXCHANGE);
  EXPECT_STREQ(all->bindings[1]->destination, "other");
  EXPECT_EQ(tow_headers_size(all->bindings[1]->arguments), 0u);
  tow_bindings_free(all);
  const tow_names* names = nullptr;
  TOW_ASSERT_OK(tow_bus_exchanges(ex.c().bus(), &names));
  EXPECT_EQ(names->count, 2u);
  tow_names_free(names);
  TOW_EXPECT_OK(tow_bus_remove_exchange(ex.c().bus(), "other"));
}

TEST(CExchangePublisher, MandatoryMessageThatReachesNoQueueIsUnroutable) {
  CExchange ex(TOW_EXCHANGE_DIRECT);
  tow_exchange_publisher_options options;
  tow_exchange_publisher_options_init(&options);
  options.mandatory = true;
  tow_exchange_publisher* publisher = nullptr;
  TOW_ASSERT_OK(tow_exchange_publisher_open(ex.exchange(), &options, &publisher));
  std::size_t reached = 7;
  EXPECT_EQ(tow_exchange_publish(publisher, "none", "x", 1, nullptr, &reached), TOW_UNROUTABLE);
  EXPECT_EQ(reached, 0u);
  EXPECT_EQ(tow_exchange_publisher_dropped(publisher), 0u);
  tow_exchange_publisher_close(publisher);
}

}  // namespace
}  // namespace tow::test
