#include <array>
#include <span>
#include <vector>

#include "handles.hpp"
#include "options.hpp"
#include "towpath/waitable.hpp"

using namespace tow::c;

tow_waitable* tow_subscriber_waitable(tow_subscriber* subscriber) {
  if (subscriber == nullptr) return (void)null_argument("the subscriber"), nullptr;
  return &subscriber->waitable;
}

tow_waitable* tow_consumer_waitable(tow_consumer* consumer) {
  if (consumer == nullptr) return (void)null_argument("the consumer"), nullptr;
  return &consumer->waitable;
}

tow_waitable* tow_call_waitable(tow_call* call) {
  if (call == nullptr) return (void)null_argument("the call"), nullptr;
  return &call->waitable;
}

tow_waitable* tow_server_waitable(tow_server* server) {
  if (server == nullptr) return (void)null_argument("the server"), nullptr;
  return &server->waitable;
}

bool tow_waitable_ready(const tow_waitable* waitable) {
  return ask(waitable, "the waitable", false,
             [](const tow_waitable& it) { return it.of->ready(); });
}

tow_code tow_waitable_fd(tow_waitable* waitable, int* fd) {
  if (const tow_code fault =
          need({{waitable, "the waitable"}, {fd, "the pointer to the descriptor"}})) {
    return fault;
  }
  return guarded([&] {
    const auto opened = waitable->of->fd();
    if (opened) *fd = *opened;
    return code_of(opened);
  });
}

tow_code tow_wait_any(tow_waitable* const* waitables, size_t count, int64_t timeout_ns,
                      size_t* index) {
  if (const tow_code fault =
          need({{waitables, "the array of waitables"}, {index, "the pointer to the index"}})) {
    return fault;
  }
  if (count == 0) return fail(TOW_INVALID_ARGUMENT, "there is nothing to wait for");
  return guarded([&] {
    std::array<tow::Waitable*, 16> few{};
    std::vector<tow::Waitable*> many(count > few.size() ? count : 0);
    const std::span all(many.empty() ? few.data() : many.data(), count);
    for (size_t i = 0; i < count; ++i) {
      if (waitables[i] == nullptr) return null_argument("a waitable of the array");
      all[i] = waitables[i]->of;
    }
    const auto ready = tow::wait_any(std::span<tow::Waitable* const>(all), ns(timeout_ns));
    if (!ready) return TOW_NOTHING;
    *index = *ready;
    return TOW_OK;
  });
}
