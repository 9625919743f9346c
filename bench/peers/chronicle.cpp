/// peer_chronicle: Chronicle Queue, called in a Java virtual machine of each process.

#include <filesystem>

#include "bench/harness/fan_in.hpp"
#include "bench/harness/fan_out.hpp"
#include "bench/harness/large.hpp"
#include "bench/harness/memory.hpp"
#include "bench/harness/one_way.hpp"
#include "bench/harness/stream.hpp"
#include "bench/peers/java/machine.hpp"

namespace towbench {
namespace {

const std::string kSettings = TOWBENCH_CHRONICLE_VERSION
    ", called from C++ through JNI (each call about 55 ns of its own), raw bytes, queue in "
    "/dev/shm, blocks of 64 MiB, no pre-toucher, serial collector, compiled beforehand by a "
    "warm-up";

/// A process's queue, its code already compiled: the messages of a warm-up go through another
/// queue, from and to this process.
class ChronicleQueue {
 public:
  ChronicleQueue(const Stage& stage, std::size_t bytes) {
    const std::string warm_up = fmt::format("{}/warm-up-{}", stage.bus_path(), getpid());
    machine_.open(warm_up);
    constexpr std::size_t kWarmUpQueueMessages = 20'000;
    std::vector<std::byte> message(bytes);
    for (std::size_t i = 0; i < kWarmUpQueueMessages; ++i) {
      machine_.append(message.data(), bytes);
      while (machine_.take(message.data(), bytes)) {  // at the end it finds none: that is code too
      }
    }
    machine_.close();
    std::filesystem::remove_all(warm_up);
    machine_.open(stage.bus_path() + "/queue");
  }
  ~ChronicleQueue() { machine_.close(); }
  ChronicleQueue(const ChronicleQueue&) = delete;
  JavaMachine* operator->() { return &machine_; }

 private:
  JavaMachine& machine_ = JavaMachine::get();
};

/// Small messages, copied in and out.
template <std::size_t kBytes>
class ChronicleLink {
 public:
  using Message = Payload<kBytes>;
  static constexpr std::size_t kSendsTogether = 1;

  class Sender {
   public:
    explicit Sender(Stage& stage) : queue_(stage, kBytes) {
      message_.words.fill(0);
      message_.number(1);
    }
    void ready() {}
    void send(std::uint64_t stamp) {
      message_.words[0] = stamp;
      queue_->append(&message_, kBytes);
      message_.number(++number_ + 1);
    }

   private:
    ChronicleQueue queue_;
    Message message_;
    std::uint64_t number_ = 0;
  };

  class Receiver {
   public:
    explicit Receiver(Stage& stage) : queue_(stage, kBytes) {}
    template <class OnArrival>
    bool poll(OnArrival&& on_arrival) {
      if (!queue_->take(&message_, kBytes)) return false;
      on_arrival(message_.words[0]);
      message_.check(++number_);
      return true;
    }

   private:
    ChronicleQueue queue_;
    Message message_;
    std::uint64_t number_ = 0;
  };
};

/// Several processes append to one queue.
class ReportChronicleLink {
 public:
  class Sender {
   public:
    Sender(Stage& stage, std::uint32_t) : queue_(stage, sizeof(Report)) {}
    void ready() {}
    void send(const Report& report) { queue_->append(&report, sizeof report); }

   private:
    ChronicleQueue queue_;
  };
  class Receiver {
   public:
    explicit Receiver(Stage& stage) : queue_(stage, sizeof(Report)) {}
    bool poll(Report& report) { return queue_->take(&report, sizeof report); }

   private:
    ChronicleQueue queue_;
  };
};

/// Large messages, written and read in the queue's own memory.
template <std::size_t kBytes>
class LargeChronicleLink {
 public:
  static constexpr std::size_t kMessagesOfSample = large_messages_of_sample(kBytes);

  class Sender {
   public:
    explicit Sender(Stage& stage) : queue_(stage, sizeof(Head)) {}
    void ready() {}
    void send(std::uint64_t stamp) {
      std::byte* const place = queue_->begin_writing(kBytes);
      write_large({place, kBytes}, stamp, ++number_, Touch::whole);
      queue_->end_writing();
    }

   private:
    ChronicleQueue queue_;
    std::uint64_t number_ = 0;
  };

  class Receiver {
   public:
    explicit Receiver(Stage& stage) : queue_(stage, sizeof(Head)) {}
    template <class OnArrival>
    bool poll(OnArrival&& on_arrival) {
      const std::byte* const place = queue_->begin_reading(kBytes);
      if (place == nullptr) return false;
      read_large({place, kBytes}, ++number_, Touch::whole, on_arrival);
      queue_->end_reading();
      return true;
    }

   private:
    ChronicleQueue queue_;
    std::uint64_t number_ = 0;
  };
};

/// A queue keeps all that it ever held: what is large is measured for a short time.
Experiment kept_short(Experiment experiment) {
  experiment.run = [run = std::move(experiment.run)](Settings settings) {
    constexpr double kEnoughSeconds = 0.5;
    settings.seconds = std::min(settings.seconds, kEnoughSeconds);
    return run(settings);
  };
  return experiment;
}

/// What a queue with one appender and one tailer takes of /dev/shm.
std::vector<Row> measure_files(const Settings& settings) {
  const Subject subject{"Chronicle Queue", "1to1", 48, "", "dev_shm", "KiB", {}, kSettings};
  Stage stage;
  const Role role{settings.first_core, [&] {
                    ChronicleLink<48>::Sender sender(stage);
                    sender.send(0);
                    const std::uint64_t bytes = allocated_bytes(stage.bus_path());
                    stage.record(static_cast<double>(bytes) / 1024);
                  }};
  stage.run(std::span(&role, 1), 20);
  return {summarise_values(subject, {stage.recorded().front()})};
}

Subject subject_of(std::size_t bytes, const char* mode) {
  return {"Chronicle Queue", "1to1", bytes, mode, "", "", {}, kSettings};
}

template <std::size_t kBytes>
void add_large(std::vector<Experiment>& all) {
  all.push_back(kept_short(one_way<LargeChronicleLink<kBytes>>(
      fmt::format("large_{}_whole_chronicle", kBytes >> 10), "written and read whole",
      subject_of(kBytes, "in place, whole"))));
}

}  // namespace

void add_experiments(std::vector<Experiment>& all) {
  all.push_back(one_way<ChronicleLink<48>>("one_way_48_chronicle", "one way, receiver spins",
                                           subject_of(48, "JNI")));
  all.push_back(stream<ChronicleLink<48>>("stream_48_chronicle", "stream, receiver spins",
                                          subject_of(48, "JNI")));
  all.push_back(kept_short(one_way<ChronicleLink<1024>>(
      "one_way_1024_chronicle", "one way, receiver spins", subject_of(1024, "JNI"))));
  all.push_back(kept_short(stream<ChronicleLink<1024>>(
      "stream_1024_chronicle", "stream, receiver spins", subject_of(1024, "JNI"))));
  for (const std::size_t receivers : {1U, 2U, 16U}) {
    all.push_back(
        fan_out<ChronicleLink<48>>("fan_out_48_chronicle", subject_of(48, "JNI"), receivers));
  }
  all.push_back(fan_in<ReportChronicleLink>("stream_48_chronicle", subject_of(0, "JNI"), 2));
  add_large<64 << 10>(all);
  add_large<1 << 20>(all);
  add_large<8 << 20>(all);
  all.push_back({"dev_shm_chronicle", "what a queue with one message takes of /dev/shm", false,
                 measure_files});
}

}  // namespace towbench
