#include "towpath/message.hpp"

#include "handles.hpp"
#include "options.hpp"

using namespace tow::c;

namespace {

template <class T, class Body>
T ask_message(const tow_message* message, T otherwise, const Body& body) {
  return ask(message, "the message", otherwise,
             [&](const tow_message& it) { return body(*it.message); });
}

uint64_t since_boot(std::optional<tow::Message<>::TimePoint> at) {
  return at ? static_cast<uint64_t>(at->time_since_epoch().count()) : 0;
}

}  // namespace

tow_code tow_message_new(tow_message** message) {
  if (message == nullptr) return null_argument("the pointer to the message");
  return guarded([&] { return *message = new tow_own_message, TOW_OK; });
}

void tow_message_free(tow_message* message) { delete static_cast<tow_own_message*>(message); }

void tow_message_release(tow_message* message) {
  if (message == nullptr) return;
  auto* const own = static_cast<tow_own_message*>(message);
  own->release();
  own->payload = tow::Message<>();
}

tow_view tow_message_payload(const tow_message* message) {
  return ask_message(message, tow_view{}, [](const tow::Message<>& it) {
    return tow_view{it.bytes().data(), it.bytes().size()};
  });
}

uint64_t tow_message_sequence(const tow_message* message) {
  return ask_message(message, uint64_t{0}, [](const tow::Message<>& it) { return it.sequence(); });
}

uint64_t tow_message_missed(const tow_message* message) {
  return ask_message(message, uint64_t{0}, [](const tow::Message<>& it) { return it.missed(); });
}

tow_view tow_message_key(const tow_message* message) {
  return ask_message(message, tow_view{},
                     [](const tow::Message<>& it) { return view_of(it.key()); });
}

uint64_t tow_message_tag_hash(const tow_message* message) {
  return ask_message(message, uint64_t{0}, [](const tow::Message<>& it) { return it.tag_hash(); });
}

bool tow_message_has_tag(const tow_message* message, tow_view tag) {
  return ask_message(message, false, [&](const tow::Message<>& it) {
    return is_whole(tag) && it.has_tag(text_of(tag));
  });
}

uint64_t tow_message_expires_at_ns(const tow_message* message) {
  return ask_message(message, uint64_t{0},
                     [](const tow::Message<>& it) { return since_boot(it.expires_at()); });
}

bool tow_message_expired(const tow_message* message) {
  return ask_message(message, false, [](const tow::Message<>& it) { return it.expired(); });
}

uint64_t tow_message_due_at_ns(const tow_message* message) {
  return ask_message(message, uint64_t{0},
                     [](const tow::Message<>& it) { return since_boot(it.due_at()); });
}

int tow_message_priority(const tow_message* message) {
  return ask_message(message, 0, [](const tow::Message<>& it) { return it.priority(); });
}

tow_view tow_message_correlation_id(const tow_message* message) {
  return ask_message(message, tow_view{},
                     [](const tow::Message<>& it) { return view_of(it.correlation_id()); });
}

tow_view tow_message_reply_topic(const tow_message* message) {
  return ask_message(message, tow_view{},
                     [](const tow::Message<>& it) { return view_of(it.reply_topic()); });
}

tow_view tow_message_content_type(const tow_message* message) {
  return ask_message(message, tow_view{},
                     [](const tow::Message<>& it) { return view_of(it.content_type()); });
}

tow_code tow_message_headers(const tow_message* message, tow_headers** headers) {
  if (const tow_code fault =
          need({{message, "the message"}, {headers, "the pointer to the headers"}})) {
    return fault;
  }
  return guarded([&] { return *headers = new tow_headers{message->message->headers()}, TOW_OK; });
}
