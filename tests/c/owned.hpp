#pragma once
/// Handles of C that close themselves, for tests of the C library.

#include <memory>

#include "tests/c/fixture.hpp"

namespace tow::test {

template <auto close>
struct Closed {
  template <class T>
  void operator()(T* handle) const {
    close(handle);
  }
};
template <class T, auto close>
using Owned = std::unique_ptr<T, Closed<close>>;

using BusHandle = Owned<tow_bus, tow_bus_close>;
using MessageHandle = Owned<tow_message, tow_message_free>;
using ClientHandle = Owned<tow_client, tow_client_close>;
using CallHandle = Owned<tow_call, tow_call_close>;
using ServerHandle = Owned<tow_server, tow_server_close>;
using RequestHandle = Owned<tow_request, tow_request_free>;

/// What `open(arguments..., &handle)` makes; fails the test with the error's text if it does not.
template <class Handle, class Open, class... Arguments>
Handle opened(const Open& open, const Arguments&... arguments) {
  typename Handle::pointer made = nullptr;
  EXPECT_EQ(open(arguments..., &made), TOW_OK) << tow_error_text();
  return Handle(made);
}

inline std::string text_in(const MessageHandle& message) { return payload_of(message.get()); }

}  // namespace tow::test
