/// The four processes of the comparison: what a sender and a receiver do over Towpath, and over a
/// Unix stream socket with a length before each record.

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <towpath/towpath.hpp>
#include <vector>

#include "comparison.hpp"

namespace demo {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 60s;
/// As long as a Towpath subscriber looks before it sleeps, by default.
constexpr std::uint64_t kSpinNs = 50'000;

tow::Topic<> stream_topic(const Stream& stream) {
  auto bus = tow::Bus::open(stream.bus_path).value();
  return bus
      .topic("stream", {.publishers = tow::Publishers::one,
                        .max_message_bytes = kMaxRecordBytes,
                        .pool_bytes = 2 << 20})
      .value();
}

void send_record(int socket, std::string_view record) {
  auto length = static_cast<std::uint32_t>(record.size());
  std::array<iovec, 2> parts = {
      {{&length, sizeof(length)}, {const_cast<char*>(record.data()), record.size()}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  for (std::size_t left = sizeof(length) + record.size(); left > 0;) {
    const ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) throw std::runtime_error(std::string("sendmsg: ") + std::strerror(errno));
    left -= static_cast<std::size_t>(sent);
    for (auto skip = static_cast<std::size_t>(sent); iovec & part : parts) {
      const std::size_t here = std::min(skip, part.iov_len);
      part.iov_base = static_cast<char*>(part.iov_base) + here;
      part.iov_len -= here;
      skip -= here;
    }
  }
}

/// What is there, at most `room` bytes: spins first, then sleeps, as a subscriber does.
std::size_t receive_some(int socket, char* at, std::size_t room) {
  const std::uint64_t begin_ns = now_ns();
  for (;;) {
    const ssize_t got = recv(socket, at, room, MSG_DONTWAIT);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) throw std::runtime_error("the sender went away");
    if (errno != EAGAIN && errno != EINTR) throw std::runtime_error(std::strerror(errno));
    if (now_ns() - begin_ns < kSpinNs) continue;
    pollfd waiting{socket, POLLIN, 0};
    poll(&waiting, 1, -1);
  }
}

}  // namespace

int send_over_towpath(const Stream& stream) {
  const auto topic = stream_topic(stream);
  auto publisher = topic.publisher({.wait_at_most = kPatience}).value();
  topic.wait_for_subscribers(1, kPatience).value();
  const Pace pace(stream.period_ns);
  for (std::size_t i = 0; i < stream.count; ++i) {
    const std::string_view record = stream.record(i);
    pace.wait_for(i);
    stream.sent_ns[i] = now_ns();
    publisher.publish(record).value();
  }
  return 0;
}

int receive_over_towpath(const Stream& stream) {
  auto subscriber = stream_topic(stream).subscriber().value();
  stream.receiver_ready->store(1, std::memory_order_release);
  Receiver receiver(stream);
  while (!receiver.done()) {
    const auto message = subscriber.take(kPatience);
    if (!message) throw std::runtime_error("the stream over Towpath stopped");
    receiver.accept(message.text());
  }
  return 0;
}

int send_over_socket(const Stream& stream, int socket) {
  while (stream.receiver_ready->load(std::memory_order_acquire) == 0) usleep(200);
  const Pace pace(stream.period_ns);
  for (std::size_t i = 0; i < stream.count; ++i) {
    const std::string_view record = stream.record(i);
    pace.wait_for(i);
    stream.sent_ns[i] = now_ns();
    send_record(socket, record);
  }
  return 0;
}

int receive_over_socket(const Stream& stream, int socket) {
  std::vector<char> buffer(2 * kMaxRecordBytes);  // one read(2) may bring many records
  std::size_t begin = 0, end = 0;
  stream.receiver_ready->store(1, std::memory_order_release);
  Receiver receiver(stream);
  while (!receiver.done()) {
    std::uint32_t length = 0;
    if (end - begin >= sizeof(length)) {
      std::memcpy(&length, buffer.data() + begin, sizeof(length));
      if (end - begin - sizeof(length) >= length) {
        receiver.accept({buffer.data() + begin + sizeof(length), length});
        begin += sizeof(length) + length;
        continue;
      }
    }
    std::memmove(buffer.data(), buffer.data() + begin, end - begin);
    end -= begin;
    begin = 0;
    end += receive_some(socket, buffer.data() + end, buffer.size() - end);
  }
  return 0;
}

}  // namespace demo
