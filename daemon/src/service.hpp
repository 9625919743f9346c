#pragma once
/// What systemd wants to hear of a service of Type=notify. Without systemd all of it does nothing.

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <string_view>

namespace towd {

/// Speaks the protocol of sd_notify(3): datagrams to the socket that $NOTIFY_SOCKET names. One
/// thread.
class Service {
 public:
  explicit Service(boost::asio::io_context& context);

  /// True when somebody listens.
  bool listened_to() const { return socket_.is_open(); }
  /// All is watched; from here on the watchdog is fed, at half of $WATCHDOG_USEC.
  void ready();
  void stopping();

 private:
  void say(std::string_view text);
  void feed();

  boost::asio::local::datagram_protocol::socket socket_;
  boost::asio::steady_timer timer_;
  std::chrono::microseconds period_{0};  ///< 0: no watchdog
};

}  // namespace towd
