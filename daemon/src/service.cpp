#include "service.hpp"

#include <boost/asio/buffer.hpp>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>

namespace towd {
namespace {

using boost::system::error_code;

/// A number in the environment; 0 when there is none.
std::uint64_t number_in(const char* name) {
  const char* const text = std::getenv(name);
  std::uint64_t number = 0;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), number);
  return number;
}

}  // namespace

Service::Service(boost::asio::io_context& context) : socket_(context), timer_(context) {
  const char* const name = std::getenv("NOTIFY_SOCKET");
  if (name == nullptr || (*name != '/' && *name != '@')) return;
  std::string path = name;
  if (path.front() == '@') path.front() = '\0';  // abstract
  error_code error;
  socket_.open({}, error);
  if (!error) socket_.connect({path}, error);
  if (error) socket_.close(error);
  period_ = std::chrono::microseconds(number_in("WATCHDOG_USEC") / 2);
}

void Service::ready() {
  say("READY=1");
  feed();
}

void Service::stopping() {
  timer_.cancel();
  say("STOPPING=1");
}

void Service::feed() {
  if (period_.count() == 0) return;
  say("WATCHDOG=1");
  timer_.expires_after(period_);
  timer_.async_wait([this](const error_code& error) {
    if (!error) feed();
  });
}

void Service::say(std::string_view text) {
  error_code ignored;  // a manager that went away wants to hear nothing
  if (socket_.is_open()) socket_.send(boost::asio::buffer(text), 0, ignored);
}

}  // namespace towd
