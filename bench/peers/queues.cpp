/// peer_queues: message queues without a bus, of the kernel (POSIX) and of Boost in shared memory.

#include <fcntl.h>
#include <mqueue.h>
#include <sys/resource.h>

#include <boost/interprocess/ipc/message_queue.hpp>
#include <cerrno>
#include <system_error>

#include "bench/harness/footprint.hpp"
#include "bench/harness/peer.hpp"

namespace towbench {
namespace {

class PosixQueue {
 public:
  PosixQueue(const Stage& stage, const Lane& lane, int flags)
      : name_('/' + lane_name(stage, lane)), queue_(create(lane.bytes, flags)) {}
  PosixQueue(const PosixQueue&) = delete;
  ~PosixQueue() {
    mq_close(queue_);
    mq_unlink(name_.c_str());
  }
  operator mqd_t() const { return queue_; }

 private:
  /// As deep as the system lets it be: an ordinary user has 10 messages.
  mqd_t create(std::size_t bytes, int flags) {
    constexpr long kDepths[] = {1024, 10};
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_MSGQUEUE, &unlimited);
    for (const long depth : kDepths) {
      mq_attr attributes{};
      attributes.mq_maxmsg = depth;
      attributes.mq_msgsize = static_cast<long>(bytes);
      const mqd_t made = mq_open(name_.c_str(), O_CREAT | flags, 0600, &attributes);
      if (made != -1) return made;
    }
    throw std::system_error(errno, std::generic_category(), "mq_open");
  }
  std::string name_;
  mqd_t queue_;
};

struct PosixChannel {
  static constexpr BestWaits kBest{Waits::spin, Waits::spin, Waits::block};

  class Out {
   public:
    Out(Stage& stage, const Lane& lane) : queue_(stage, lane, O_WRONLY) {}
    void ready() {}
    void send(std::span<const std::byte> bytes) {
      if (mq_send(queue_, reinterpret_cast<const char*>(bytes.data()), bytes.size(), 0) != 0) {
        throw std::system_error(errno, std::generic_category(), "mq_send");
      }
    }

   private:
    PosixQueue queue_;
  };

  class In {
   public:
    In(Stage& stage, const Lane& lane)
        : queue_(stage, lane, O_RDONLY | (lane.waits == Waits::block ? 0 : O_NONBLOCK)),
          message_(lane.bytes) {}
    template <class Use>
    bool take(Use&& use) {
      const ssize_t got =
          mq_receive(queue_, reinterpret_cast<char*>(message_.data()), message_.size(), nullptr);
      if (got == -1 && errno == EAGAIN) return false;
      if (got == -1) throw std::system_error(errno, std::generic_category(), "mq_receive");
      use(std::span<const std::byte>(message_).first(static_cast<std::size_t>(got)));
      return true;
    }

   private:
    PosixQueue queue_;
    std::vector<std::byte> message_;
  };
};

class BoostQueue : public boost::interprocess::message_queue {
  using Queue = boost::interprocess::message_queue;
  static std::size_t depth(std::size_t bytes) { return bytes <= 1024 ? 1024 : 4; }

 public:
  BoostQueue(const Stage& stage, const Lane& lane)
      : Queue(boost::interprocess::open_or_create, lane_name(stage, lane).c_str(),
              depth(lane.bytes), lane.bytes),
        name_(lane_name(stage, lane)) {}
  ~BoostQueue() { remove(name_.c_str()); }

 private:
  std::string name_;
};

struct BoostChannel {
  static constexpr BestWaits kBest{Waits::spin, Waits::spin, Waits::block};

  class Out {
   public:
    Out(Stage& stage, const Lane& lane) : queue_(stage, lane) {}
    void ready() {}
    void send(std::span<const std::byte> bytes) { queue_.send(bytes.data(), bytes.size(), 0); }

   private:
    BoostQueue queue_;
  };

  class In {
   public:
    In(Stage& stage, const Lane& lane)
        : queue_(stage, lane), blocks_(lane.waits == Waits::block), message_(lane.bytes) {}
    template <class Use>
    bool take(Use&& use) {
      BoostQueue::size_type got = 0;
      unsigned priority = 0;
      if (blocks_) {
        queue_.receive(message_.data(), message_.size(), got, priority);
      } else if (!queue_.try_receive(message_.data(), message_.size(), got, priority)) {
        return false;
      }
      use(std::span<const std::byte>(message_).first(got));
      return true;
    }

   private:
    BoostQueue queue_;
    bool blocks_;
    std::vector<std::byte> message_;
  };
};

}  // namespace

void add_experiments(std::vector<Experiment>& all) {
  const Peer posix{"posix_mq", "POSIX mq", "",
                   "As deep as the system lets it be: 1024 messages, for an ordinary user 10."};
  add_pair<PosixChannel>(all, posix);
  add_fan_in<PosixChannel>(all, posix);
  add_footprint<PosixChannel>(all, posix);
  const Peer boost{"boost_mq", "boost message_queue", "",
                   "Boost " BOOST_LIB_VERSION ", 1024 messages deep (large ones: 4)."};
  add_pair<BoostChannel>(all, boost);
  add_large<BoostChannel>(all, boost);
  add_fan_in<BoostChannel>(all, boost);
  add_footprint<BoostChannel>(all, boost);
}

}  // namespace towbench
