// Each function of the C library, given nothing but nulls and zeros.
#include <gmock/gmock.h>

#include <cstring>

#include "towpath/towpath.h"

namespace tow::test {
namespace {

/// What a function that asks answers about nothing: nothing, and no text either.
bool is_nothing(const char* text) { return text != nullptr && *text == '\0'; }
bool is_nothing(tow_view view) { return view.data == nullptr && view.bytes == 0; }
template <class T>
bool is_nothing(T value) {
  return value == T{};
}

template <class R, class... Arguments>
void expect_refused(const char* name, R (*function)(Arguments...)) {
  SCOPED_TRACE(name);
  if constexpr (std::is_void_v<R>) {
    function(Arguments{}...);
  } else if constexpr (std::is_same_v<R, tow_code>) {
    EXPECT_EQ(function(Arguments{}...), TOW_INVALID_ARGUMENT);
    EXPECT_STRNE(tow_error_text(), "");
  } else {
    EXPECT_TRUE(is_nothing(function(Arguments{}...)));
  }
}

/// The test c.symbols compares this list with the header.
#define REFUSES(function) +[] { expect_refused(#function, function); }
constexpr void (*kAll[])() = {REFUSES(tow_attributes_init_sized),
                              REFUSES(tow_bindings_free),
                              REFUSES(tow_bus_close),
                              REFUSES(tow_bus_exchanges),
                              REFUSES(tow_bus_heal),
                              REFUSES(tow_bus_open),
                              REFUSES(tow_bus_options_init_sized),
                              REFUSES(tow_bus_path),
                              REFUSES(tow_bus_path_of),
                              REFUSES(tow_bus_processes),
                              REFUSES(tow_bus_remove),
                              REFUSES(tow_bus_remove_exchange),
                              REFUSES(tow_bus_remove_topic),
                              REFUSES(tow_bus_stop_supervising),
                              REFUSES(tow_bus_supervise),
                              REFUSES(tow_bus_topics),
                              REFUSES(tow_call_cancel),
                              REFUSES(tow_call_close),
                              REFUSES(tow_call_end_within),
                              REFUSES(tow_call_get),
                              REFUSES(tow_call_next),
                              REFUSES(tow_call_wait),
                              REFUSES(tow_call_waitable),
                              REFUSES(tow_client_call),
                              REFUSES(tow_client_close),
                              REFUSES(tow_client_in_flight),
                              REFUSES(tow_client_late),
                              REFUSES(tow_client_open),
                              REFUSES(tow_client_options_init_sized),
                              REFUSES(tow_client_reply_topic),
                              REFUSES(tow_client_send),
                              REFUSES(tow_client_service),
                              REFUSES(tow_consumer_close),
                              REFUSES(tow_consumer_open),
                              REFUSES(tow_consumer_options_init_sized),
                              REFUSES(tow_consumer_outstanding),
                              REFUSES(tow_consumer_take),
                              REFUSES(tow_consumer_take_batch),
                              REFUSES(tow_consumer_waitable),
                              REFUSES(tow_delivery_ack),
                              REFUSES(tow_delivery_attempts),
                              REFUSES(tow_delivery_free),
                              REFUSES(tow_delivery_message),
                              REFUSES(tow_delivery_new),
                              REFUSES(tow_delivery_redelivered),
                              REFUSES(tow_delivery_reject),
                              REFUSES(tow_delivery_release),
                              REFUSES(tow_delivery_renew),
                              REFUSES(tow_delivery_retry),
                              REFUSES(tow_exchange_alternate),
                              REFUSES(tow_exchange_bind),
                              REFUSES(tow_exchange_bindings),
                              REFUSES(tow_exchange_close),
                              REFUSES(tow_exchange_kind_of),
                              REFUSES(tow_exchange_name),
                              REFUSES(tow_exchange_open),
                              REFUSES(tow_exchange_options_init_sized),
                              REFUSES(tow_exchange_publish),
                              REFUSES(tow_exchange_publish_rest),
                              REFUSES(tow_exchange_publisher_close),
                              REFUSES(tow_exchange_publisher_dropped),
                              REFUSES(tow_exchange_publisher_open),
                              REFUSES(tow_exchange_publisher_options_init_sized),
                              REFUSES(tow_exchange_unbind),
                              REFUSES(tow_group_close),
                              REFUSES(tow_group_info_free),
                              REFUSES(tow_group_info_get),
                              REFUSES(tow_group_name),
                              REFUSES(tow_group_open),
                              REFUSES(tow_group_options_init_sized),
                              REFUSES(tow_group_pause),
                              REFUSES(tow_group_resume),
                              REFUSES(tow_group_seek),
                              REFUSES(tow_group_seek_target),
                              REFUSES(tow_headers_add),
                              REFUSES(tow_headers_at),
                              REFUSES(tow_headers_clear),
                              REFUSES(tow_headers_find),
                              REFUSES(tow_headers_free),
                              REFUSES(tow_headers_new),
                              REFUSES(tow_headers_remove),
                              REFUSES(tow_headers_set),
                              REFUSES(tow_headers_size),
                              REFUSES(tow_loan_bytes),
                              REFUSES(tow_loan_data),
                              REFUSES(tow_loan_publish),
                              REFUSES(tow_loan_return),
                              REFUSES(tow_loan_take),
                              REFUSES(tow_message_content_type),
                              REFUSES(tow_message_correlation_id),
                              REFUSES(tow_message_due_at_ns),
                              REFUSES(tow_message_expired),
                              REFUSES(tow_message_expires_at_ns),
                              REFUSES(tow_message_free),
                              REFUSES(tow_message_has_tag),
                              REFUSES(tow_message_headers),
                              REFUSES(tow_message_key),
                              REFUSES(tow_message_missed),
                              REFUSES(tow_message_new),
                              REFUSES(tow_message_payload),
                              REFUSES(tow_message_priority),
                              REFUSES(tow_message_release),
                              REFUSES(tow_message_reply_topic),
                              REFUSES(tow_message_sequence),
                              REFUSES(tow_message_tag_hash),
                              REFUSES(tow_names_free),
                              REFUSES(tow_processes_free),
                              REFUSES(tow_publish),
                              REFUSES(tow_publish_batch),
                              REFUSES(tow_publisher_close),
                              REFUSES(tow_publisher_dropped),
                              REFUSES(tow_publisher_duplicates),
                              REFUSES(tow_publisher_last_number),
                              REFUSES(tow_publisher_last_sequence),
                              REFUSES(tow_publisher_open),
                              REFUSES(tow_publisher_options_init_sized),
                              REFUSES(tow_publisher_wait_at_most),
                              REFUSES(tow_queue_open),
                              REFUSES(tow_request_attempts),
                              REFUSES(tow_request_cancelled),
                              REFUSES(tow_request_fail),
                              REFUSES(tow_request_finish),
                              REFUSES(tow_request_free),
                              REFUSES(tow_request_message),
                              REFUSES(tow_request_new),
                              REFUSES(tow_request_redelivered),
                              REFUSES(tow_request_reply),
                              REFUSES(tow_request_reply_part),
                              REFUSES(tow_server_answered),
                              REFUSES(tow_server_close),
                              REFUSES(tow_server_dropped),
                              REFUSES(tow_server_open),
                              REFUSES(tow_server_options_init_sized),
                              REFUSES(tow_server_ready),
                              REFUSES(tow_server_run),
                              REFUSES(tow_server_service),
                              REFUSES(tow_server_stop),
                              REFUSES(tow_server_take),
                              REFUSES(tow_server_wait_for_client),
                              REFUSES(tow_server_waitable),
                              REFUSES(tow_settlement_add),
                              REFUSES(tow_settlement_commit),
                              REFUSES(tow_settlement_free),
                              REFUSES(tow_settlement_new),
                              REFUSES(tow_settlement_publish),
                              REFUSES(tow_subscriber_close),
                              REFUSES(tow_subscriber_gaps),
                              REFUSES(tow_subscriber_lag),
                              REFUSES(tow_subscriber_latest),
                              REFUSES(tow_subscriber_lost),
                              REFUSES(tow_subscriber_next_sequence),
                              REFUSES(tow_subscriber_observe),
                              REFUSES(tow_subscriber_open),
                              REFUSES(tow_subscriber_options_init_sized),
                              REFUSES(tow_subscriber_received),
                              REFUSES(tow_subscriber_start_sequence),
                              REFUSES(tow_subscriber_take),
                              REFUSES(tow_subscriber_take_batch),
                              REFUSES(tow_subscriber_take_values),
                              REFUSES(tow_subscriber_waitable),
                              REFUSES(tow_text),
                              REFUSES(tow_topic_close),
                              REFUSES(tow_topic_groups),
                              REFUSES(tow_topic_info_free),
                              REFUSES(tow_topic_info_get),
                              REFUSES(tow_topic_last_sequence),
                              REFUSES(tow_topic_name),
                              REFUSES(tow_topic_open),
                              REFUSES(tow_topic_open_as_bytes),
                              REFUSES(tow_topic_options_init_sized),
                              REFUSES(tow_topic_remove_group),
                              REFUSES(tow_topic_wait_for_subscribers),
                              REFUSES(tow_wait_any),
                              REFUSES(tow_waitable_fd),
                              REFUSES(tow_waitable_ready)};
#undef REFUSES

TEST(CNulls, AreRefusedByEveryFunctionOrIgnored) {
  for (const auto give_nulls : kAll) give_nulls();
  EXPECT_EQ(tow_delivery_ack_all(nullptr, 0, nullptr), TOW_OK) << "there is none to ack";
  EXPECT_TRUE(tow_delivery_settled(nullptr)) << "nothing is left to do";
  EXPECT_TRUE(tow_request_answered(nullptr));
}

}  // namespace
}  // namespace tow::test
