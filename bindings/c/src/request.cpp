#include "attributes.hpp"
#include "handles.hpp"
#include "options.hpp"

using namespace tow::c;

namespace {

/// Runs `body`, which may answer the request.
template <class Body>
tow_code answer(tow_request* request, const Body& body) {
  if (request == nullptr) return null_argument("the request");
  return guarded([&] {
    const tow_code code = body(request->request);
    request->let_go_if_done();  // the last to need it may end the server
    return code;
  });
}

template <class T, class Body>
T ask_request(const tow_request* request, T otherwise, const Body& body) {
  return ask(request, "the request", otherwise,
             [&](const tow_request& it) { return body(it.request); });
}

}  // namespace

tow_code tow_request_new(tow_request** request) {
  if (request == nullptr) return null_argument("the pointer to the request");
  return guarded([&] { return *request = new tow_request, TOW_OK; });
}

void tow_request_free(tow_request* request) { delete request; }

const tow_message* tow_request_message(const tow_request* request) {
  if (request == nullptr) return (void)null_argument("the request"), nullptr;
  return &request->message;
}

uint32_t tow_request_attempts(const tow_request* request) {
  return ask_request(request, uint32_t{0}, [](const auto& it) { return it.attempts(); });
}

bool tow_request_redelivered(const tow_request* request) {
  return ask_request(request, false, [](const auto& it) { return it.redelivered(); });
}

bool tow_request_answered(const tow_request* request) {
  return ask_request(request, true, [](const auto& it) { return it.answered(); });
}

bool tow_request_cancelled(const tow_request* request) {
  return ask_request(request, false, [](const auto& it) { return it.cancelled(); });
}

tow_code tow_request_reply(tow_request* request, const void* data, size_t bytes,
                           const tow_attributes* attributes) {
  if (data == nullptr && bytes != 0) return null_argument("the payload");
  return answer(request, [&](tow::Request<>& it) {
    if (attributes == nullptr) return code_of(it.reply(span_of(data, bytes)));
    tow::Attributes asked;
    if (const tow_code fault = read(attributes, asked)) return fault;
    return code_of(it.reply(span_of(data, bytes), asked));
  });
}

tow_code tow_request_reply_part(tow_request* request, const void* data, size_t bytes) {
  if (data == nullptr && bytes != 0) return null_argument("the payload");
  return answer(request,
                [&](tow::Request<>& it) { return code_of(it.reply_part(span_of(data, bytes))); });
}

tow_code tow_request_finish(tow_request* request) {
  return answer(request, [](tow::Request<>& it) { return code_of(it.finish()); });
}

tow_code tow_request_fail(tow_request* request, const char* text, int32_t number) {
  return answer(request,
                [&](tow::Request<>& it) { return code_of(it.fail(text_or_empty(text), number)); });
}
