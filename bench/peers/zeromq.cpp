/// peer_zeromq: ZeroMQ over ipc://. It has a thread of its own in every process, and that wants a
/// core: with two cores it is faster with a receiver that blocks.

#include <zmq.h>

#include "bench/harness/footprint.hpp"
#include "bench/harness/peer.hpp"

namespace towbench {
namespace {

int checked(int result) {
  if (result == -1) throw Failure(fmt::format("ZeroMQ: {}", zmq_strerror(zmq_errno())));
  return result;
}

/// The one context of a process, made where it is first used: in a role, with which it ends.
void* context() {
  static void* const made = zmq_ctx_new();
  return made;
}

/// A socket that loses nothing: send waits when the other end is 1000 messages behind.
class Socket {
 public:
  explicit Socket(int type) : socket_(zmq_socket(context(), type)) {
    if (socket_ == nullptr) checked(-1);
    if (type == ZMQ_XPUB) set(ZMQ_XPUB_NODROP);
    if (type == ZMQ_XPUB) set(ZMQ_XPUB_VERBOSE);  // every subscription is told, not just the first
    if (type == ZMQ_SUB) checked(zmq_setsockopt(socket_, ZMQ_SUBSCRIBE, "", 0));
  }
  Socket(const Socket&) = delete;
  ~Socket() { zmq_close(socket_); }

  void open(bool binds, const Stage& stage, const Lane& lane) {
    const std::string address = "ipc://" + lane_path(stage, lane);
    checked((binds ? zmq_bind : zmq_connect)(socket_, address.c_str()));
  }
  operator void*() { return socket_; }

 private:
  void set(int option) {
    constexpr int kYes = 1;
    checked(zmq_setsockopt(socket_, option, &kYes, sizeof kYes));
  }
  void* socket_;
};

/// The end of which there is one binds, the others connect.
template <int kOutType, int kInType, bool kOutBinds>
struct ZmqChannel {
  static constexpr BestWaits kBest{Waits::block, Waits::block, Waits::block};

  class Out {
   public:
    Out(Stage& stage, const Lane& lane) : socket_(kOutType) {
      socket_.open(kOutBinds, stage, lane);
    }
    void ready(std::size_t receivers) {
      if (kOutType != ZMQ_XPUB) return;
      char subscription;
      for (std::size_t i = 0; i < receivers; ++i) checked(zmq_recv(socket_, &subscription, 1, 0));
    }
    template <class Fill>
    void send_in_place(std::size_t bytes, Fill&& fill) {
      zmq_msg_t message;
      checked(zmq_msg_init_size(&message, bytes));
      fill(std::span(static_cast<std::byte*>(zmq_msg_data(&message)), bytes));
      checked(zmq_msg_send(&message, socket_, 0));
    }

   private:
    Socket socket_;
  };

  class In {
   public:
    In(Stage& stage, const Lane& lane)
        : socket_(kInType), flags_(lane.waits == Waits::block ? 0 : ZMQ_DONTWAIT) {
      socket_.open(!kOutBinds, stage, lane);
      checked(zmq_msg_init(&message_));
    }
    ~In() { zmq_msg_close(&message_); }
    template <class Use>
    bool take(Use&& use) {
      if (zmq_msg_recv(&message_, socket_, flags_) == -1) {
        if (zmq_errno() != EAGAIN) checked(-1);
        return false;
      }
      const auto* const bytes = static_cast<const std::byte*>(zmq_msg_data(&message_));
      use(std::span(bytes, zmq_msg_size(&message_)));
      return true;
    }

   private:
    Socket socket_;
    int flags_;
    zmq_msg_t message_;
  };
};
using PairChannel = ZmqChannel<ZMQ_PAIR, ZMQ_PAIR, true>;
using PublishChannel = ZmqChannel<ZMQ_XPUB, ZMQ_SUB, true>;
using PushChannel = ZmqChannel<ZMQ_PUSH, ZMQ_PULL, false>;

/// The library that runs, not the header that was read.
std::string version() {
  int major, minor, patch;
  zmq_version(&major, &minor, &patch);
  return fmt::format("ZeroMQ {}.{}.{} over ipc, one I/O thread", major, minor, patch);
}

}  // namespace

void add_experiments(std::vector<Experiment>& all) {
  const Peer pair{"zeromq", "ZeroMQ", "PAIR", version() + ", default high-water mark of 1000."};
  add_pair<PairChannel>(all, pair);
  add_one_way_spinning<PairChannel>(all, pair);
  add_large<PairChannel>(all, pair);
  add_fan_out<PublishChannel>(all, {"zeromq", "ZeroMQ", "XPUB/SUB",
                                    version() + ", XPUB_NODROP: the sender waits at 1000."});
  add_fan_in<PushChannel>(all, {"zeromq", "ZeroMQ", "PUSH/PULL", pair.settings});
  add_footprint<PairChannel>(all, pair);
}

}  // namespace towbench
