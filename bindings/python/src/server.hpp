#pragma once
/// Servers and their requests, as Python holds them.

#include <memory>

#include "handle.hpp"
#include "reading.hpp"
#include "value_type.hpp"
#include "waitable.hpp"

namespace tow::python {

/// A server and its requests, which keep the handle of C until they are answered. That never waits
/// for a client by itself: it is told to for one slice.
class ServerFamily final : public Family {
 public:
  ServerFamily(tow_server* opened, std::shared_ptr<const ValueType> of,
               std::int64_t wait_for_client)
      : Family("server"), handle(opened), type(std::move(of)), wait_for_client_ns(wait_for_client) {
    tow_server_wait_for_client(handle, 0, true);
  }

  void pin() { ++pins_; }
  void unpin() {
    if (--pins_ == 0 && closed() && !inherited()) tow_server_close(handle);
  }

  tow_server* const handle;
  const std::shared_ptr<const ValueType> type;  ///< of requests
  const std::int64_t wait_for_client_ns;

 private:
  void close_handle() override {
    if (pins_ == 0) tow_server_close(handle);
  }

  std::size_t pins_ = 0;  ///< requests to be answered
};

struct Server : Waitable, FamilyHandle<ServerFamily> {
  using FamilyHandle::FamilyHandle;
  Family& family() const override { return **this; }
  tow_waitable* waitable() const override { return tow_server_waitable((*this)->handle); }

  bool stopped = false;  ///< run() shall end
};

/// A message to be answered. Whatever answers it needs the server's turn.
struct Request : Reading {
  Request(tow_request* at, ServerFamily* of)
      : Reading(tow_request_message(at), of, of->type.get(), "request"), place(at) {
    of->pin();
  }
  ~Request();
  /// For C, on the server's turn, which this takes.
  tow_request* begin() const { return family->begin(Asks::part), place; }
  ServerFamily& server() const { return static_cast<ServerFamily&>(*family); }

  /// Answers it by `call()`, which calls C: again and again while its client takes no reply, until
  /// the options' time is over, when it is given up. A signal handler that raises leaves it as it
  /// is.
  template <class Call>
  tow_code answer(const Call& call) {
    family->begin(Asks::part);
    tow_server* const handle = server().handle;
    tow_code code = family->wait(
        server().wait_for_client_ns,
        [&](std::int64_t slice_ns) {
          if (is_done) return call();  // C says that it was answered before
          tow_server_wait_for_client(handle, slice_ns, false);
          const tow_code done = call();
          tow_server_wait_for_client(handle, 0, true);
          return done;
        },
        Asks::part);
    if (is_nothing(code)) {
      family->begin(Asks::part);
      code = call();
    }
    note_answer();
    return code;
  }
  void note_answer();

  tow_request* const place;
  bool is_done = false;  ///< answered, and needs the handle of C no more
};

}  // namespace tow::python
