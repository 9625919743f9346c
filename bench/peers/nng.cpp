/// peer_nng: nng over ipc://. It has threads of its own in every process, and they want a core.

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>

#include <thread>

#include "bench/harness/footprint.hpp"
#include "bench/harness/peer.hpp"

namespace towbench {
namespace {

void check(int error) {
  if (error != 0) throw Failure(fmt::format("nng: {}", nng_strerror(error)));
}

std::string address(const Stage& stage, const Lane& lane, std::size_t which) {
  return fmt::format("ipc://{}-{}", lane_path(stage, lane), which);
}

/// The how manieth receiver of the lane this is.
std::size_t ticket(const Stage& stage, const Lane& lane) {
  std::size_t which = 0;
  while (!std::filesystem::create_directory(fmt::format("{}.{}", lane_path(stage, lane), which))) {
    ++which;
  }
  return which;
}

class Socket {
 public:
  explicit Socket(int (*open)(nng_socket*)) { check(open(&socket_)); }
  Socket(Socket&& other) noexcept : socket_(std::exchange(other.socket_, nng_socket{})) {}
  ~Socket() { nng_close(socket_); }
  operator nng_socket() const { return socket_; }
  /// Messages that wait for a peer that is behind.
  void room(const char* option) {
    constexpr int kMessages = 1000;
    check(nng_socket_set_int(socket_, option, kMessages));
  }

 private:
  nng_socket socket_{};
};

/// nng's PUB drops what a subscriber does not take at once, so the sender has a socket for each
/// receiver and sends to all.
template <int (*kOpenOut)(nng_socket*), int (*kOpenIn)(nng_socket*)>
struct NngChannel {
  static constexpr BestWaits kBest{Waits::block, Waits::block, Waits::block};
  static constexpr std::size_t kFewer = 4;

  class Out {
   public:
    Out(Stage& stage, const Lane& lane) : stage_(stage), lane_(lane) {}
    void ready(std::size_t receivers) {
      for (std::size_t i = 0; i < receivers; ++i) sockets_.push_back(dialed(i));
    }
    template <class Fill>
    void send_in_place(std::size_t bytes, Fill&& fill) {
      nng_msg* message;
      check(nng_msg_alloc(&message, bytes));
      fill(std::span(static_cast<std::byte*>(nng_msg_body(message)), bytes));
      for (std::size_t i = 1; i < sockets_.size(); ++i) {
        nng_msg* copy;
        check(nng_msg_dup(&copy, message));
        check(nng_sendmsg(sockets_[i], copy, 0));
      }
      check(nng_sendmsg(sockets_[0], message, 0));
    }

   private:
    Socket dialed(std::size_t which) {
      Socket socket(kOpenOut);
      socket.room(NNG_OPT_SENDBUF);
      int error;
      do {  // the receiver may not be there yet
        error = nng_dial(socket, address(stage_, lane_, which).c_str(), nullptr, 0);
        std::this_thread::yield();
      } while (error == NNG_ECONNREFUSED || error == NNG_ENOENT);
      check(error);
      return socket;
    }
    Stage& stage_;
    Lane lane_;
    std::vector<Socket> sockets_;
  };

  class In {
   public:
    In(Stage& stage, const Lane& lane)
        : socket_(kOpenIn), flags_(lane.waits == Waits::block ? 0 : NNG_FLAG_NONBLOCK) {
      socket_.room(NNG_OPT_RECVBUF);
      const std::string listens = address(stage, lane, ticket(stage, lane));
      check(nng_listen(socket_, listens.c_str(), nullptr, 0));
    }
    template <class Use>
    bool take(Use&& use) {
      nng_msg* message;
      const int error = nng_recvmsg(socket_, &message, flags_);
      if (error == NNG_EAGAIN) return false;
      check(error);
      use(std::span(static_cast<const std::byte*>(nng_msg_body(message)), nng_msg_len(message)));
      nng_msg_free(message);
      return true;
    }

   private:
    Socket socket_;
    int flags_;
  };
};
using PairChannel = NngChannel<nng_pair0_open, nng_pair0_open>;
using PushChannel = NngChannel<nng_push0_open, nng_pull0_open>;

}  // namespace

void add_experiments(std::vector<Experiment>& all) {
  const Peer pair{"nng", "nng", "PAIR",
                  fmt::format("nng {} over ipc, buffers of 1000 messages.", nng_version())};
  Peer to_each = pair, push = pair;
  to_each.mode = "a PAIR for each";
  push.mode = "PUSH/PULL";
  add_pair<PairChannel>(all, pair);
  add_one_way_spinning<PairChannel>(all, pair);
  add_large<PairChannel>(all, pair);
  add_fan_out<PairChannel>(all, to_each);
  add_fan_in<PushChannel>(all, push);
  add_footprint<PairChannel>(all, pair);
}

}  // namespace towbench
