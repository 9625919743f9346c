#pragma once
/// Clients and their calls, as Python holds them.

#include <functional>
#include <memory>

#include "handle.hpp"
#include "value_type.hpp"
#include "waitable.hpp"

namespace tow::python {

/// A client, its calls and their replies. C keeps it alive for calls when it is closed before them.
class ClientFamily final : public Family {
 public:
  ClientFamily(tow_client* opened, std::shared_ptr<const ValueType> of)
      : Family("client"), handle(opened), type(std::move(of)) {}

  tow_client* const handle;
  const std::shared_ptr<const ValueType> type;  ///< of requests

 private:
  void close_handle() override { tow_client_close(handle); }
};

struct Client : Awaited, FamilyHandle<ClientFamily> {
  using Open = std::function<Ref<ClientFamily>()>;
  explicit Client(Open opens) : FamilyHandle(opens()), open(std::move(opens)) {}
  Family& family() const override { return **this; }
  /// Ends the thread of submit(), if there is one, then the handle.
  void close() {
    const nb::object ended = std::exchange(submitting, {});
    if (ended.is_valid() && !family().inherited()) ended.attr("close")();
    FamilyHandle::close();
  }

  const Open open;        ///< another one like this, for that thread
  nb::object submitting;  ///< what towpath/_calls.py keeps of it; null before
};

/// Sends a request, whose call is to be closed; waits for room in the service. Null, where it does
/// not wait (`if_there_is_room`) and there is none. Else raises TimedOut when the time is over.
tow_call* send_request(ClientFamily& family, nb::handle payload, std::int64_t timeout_ns,
                       const tow_attributes* attributes, bool if_there_is_room);

/// The Python object of a call under way.
nb::object call_object(nb::handle client, tow_call* call);

/// Client.call(): waits for the reply of a call, which this ends.
nb::object reply_to(ClientFamily& family, tow_call* call);

}  // namespace tow::python
