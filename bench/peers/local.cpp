/// peer_local: what any process has without a message bus.

#include <boost/lockfree/spsc_queue.hpp>
#include <new>

#include "bench/harness/asleep.hpp"
#include "bench/harness/one_way.hpp"
#include "bench/harness/stream.hpp"

namespace towbench {
namespace {

/// Boost's queue between two processes: no bus, no death, one to one.
template <std::size_t kBytes>
class SpscLink {
 public:
  static constexpr std::size_t kSendsTogether = 1;
  static constexpr std::size_t kDepth = 1024;
  using Message = Payload<kBytes>;
  using Queue = boost::lockfree::spsc_queue<Message, boost::lockfree::capacity<kDepth>>;
  static_assert(sizeof(Queue) <= Stage::kLargeBytes);

  class Sender {
   public:
    explicit Sender(Stage& stage) : stage_(stage), queue_(new (stage.large_memory()) Queue) {
      message_.words.fill(0);
      message_.number(1);
    }
    void ready() {}
    void send(std::uint64_t stamp) {
      message_.words[0] = stamp;
      if (!queue_->push(message_)) [[unlikely]] {
        Stage::Patience patience(stage_);
        while (!queue_->push(message_)) patience.spin();
      }
      message_.number(++number_ + 1);
    }

   private:
    Stage& stage_;
    Queue* queue_;
    Message message_;
    std::uint64_t number_ = 0;
  };
  class Receiver {
   public:
    explicit Receiver(Stage& stage) : queue_(reinterpret_cast<Queue*>(stage.large_memory())) {}
    template <class OnArrival>
    bool poll(OnArrival&& on_arrival) {
      Message message;
      if (!queue_->pop(message)) return false;
      on_arrival(message.words[0]);
      message.check(++number_);
      return true;
    }

   private:
    Queue* queue_;
    std::uint64_t number_ = 0;
  };
};

template <std::size_t kBytes>
void add_spsc(std::vector<Experiment>& all) {
  const Subject subject{"boost spsc_queue", "1to1", kBytes, "", "", "", {}};
  const std::string what = fmt::format("boost spsc_queue, elements of {} B", kBytes);
  all.push_back(one_way<SpscLink<kBytes>>(fmt::format("one_way_{}_spsc", kBytes), what, subject));
  all.push_back(stream<SpscLink<kBytes>>(fmt::format("stream_{}_spsc", kBytes), what, subject));
}

}  // namespace

void add_experiments(std::vector<Experiment>& all) {
  all.push_back(one_way<BareLines<Stage::kRingLines>>(
      "one_way_ring_of_lines", "bare lines in turn, as many as a topic has slots: no protocol",
      {"ring of bare lines", "1to1", 16, "", "", "", {}}));
  add_spsc<64>(all);
  add_spsc<1024>(all);
  all.push_back(asleep<FutexSide<1>>("asleep_futex", "the bare futex against itself",
                                     {"futex", "1to1", 8, "", "", "", {}}));
}

}  // namespace towbench
