/// peer_aeron: Aeron's C client and C media driver, over IPC.

#include "bench/harness/fan_in.hpp"
#include "bench/harness/fan_out.hpp"
#include "bench/harness/large.hpp"
#include "bench/harness/memory.hpp"
#include "bench/harness/one_way.hpp"
#include "bench/harness/stream.hpp"
#include "bench/peers/aeron/client.hpp"

namespace towbench {
namespace {

const std::string kSettings = TOWBENCH_AERON_VERSION
    ", C client and C media driver (one shared thread that backs off, as sender and receiver spin "
    "on the two cores), IPC, image poll, terms of 64 MiB, not sparse, pre-touched";
const std::string kLargeSettings = kSettings + ", mtu 65504";
constexpr const char* kChannel = "aeron:ipc?term-length=64m";
constexpr const char* kLargeChannel = "aeron:ipc?term-length=64m|mtu=65504";
constexpr std::size_t kFragments = 64;  ///< taken together, when there are as many

/// Small messages, written into the log by tryClaim.
template <std::size_t kBytes>
class AeronLink {
 public:
  using Message = Payload<kBytes>;
  static constexpr std::size_t kSendsTogether = 1;

  class Sender {
   public:
    explicit Sender(Stage& stage) : publication_(stage, kChannel) {
      message_.words.fill(0);
      message_.number(1);
    }
    void ready() { publication_.await_subscriber(); }
    void send(std::uint64_t stamp) {
      message_.words[0] = stamp;
      publication_.claim(kBytes, [&](std::byte* to) { std::memcpy(to, &message_, kBytes); });
      message_.number(++number_ + 1);
    }

   private:
    AeronPublication<ExclusiveKind> publication_;
    Message message_;
    std::uint64_t number_ = 0;
  };

  class Receiver {
   public:
    explicit Receiver(Stage& stage) : subscription_(stage, kChannel) {}
    /// Reads all that have come, then tells of each.
    template <class OnArrival>
    bool poll(OnArrival&& on_arrival) {
      if (untold_ == 0) {
        auto read = [&](const std::byte* from) {
          Message message;
          std::memcpy(&message, from, kBytes);
          on_arrival(message.words[0]);
          message.check(++number_);
        };
        untold_ = subscription_.poll(read, kFragments);
        if (untold_ == 0) return false;
      }
      --untold_;
      return true;
    }

   private:
    AeronSubscription subscription_;
    int untold_ = 0;
    std::uint64_t number_ = 0;
  };
};

/// Several publications that share one log.
class ReportAeronLink {
 public:
  class Sender {
   public:
    Sender(Stage& stage, std::uint32_t) : publication_(stage, kChannel) {}
    void ready() { publication_.await_subscriber(); }
    void send(const Report& report) {
      publication_.claim(sizeof report,
                         [&](std::byte* to) { std::memcpy(to, &report, sizeof report); });
    }

   private:
    AeronPublication<SharedKind> publication_;
  };

  class Receiver {
   public:
    explicit Receiver(Stage& stage) : subscription_(stage, kChannel) {}
    bool poll(Report& report) {
      if (next_ == count_) {
        next_ = count_ = 0;
        auto read = [&](const std::byte* from) {
          std::memcpy(&reports_[count_++], from, sizeof(Report));
        };
        if (subscription_.poll(read, kFragments) == 0) return false;
      }
      report = reports_[next_++];
      return true;
    }

   private:
    AeronSubscription subscription_;
    std::array<Report, kFragments> reports_;
    std::size_t next_ = 0, count_ = 0;
  };
};

/// Large messages do not fit into a claim: they are offered, and put together again.
template <std::size_t kBytes>
class LargeAeronLink {
 public:
  static constexpr std::size_t kMessagesOfSample = large_messages_of_sample(kBytes);

  class Sender {
   public:
    explicit Sender(Stage& stage)
        : publication_(stage, kLargeChannel), message_(new std::byte[kBytes]) {}
    void ready() { publication_.await_subscriber(); }
    void send(std::uint64_t stamp) {
      write_large({message_.get(), kBytes}, stamp, ++number_, Touch::whole);
      publication_.offer(message_.get(), kBytes);
    }

   private:
    AeronPublication<ExclusiveKind> publication_;
    std::unique_ptr<std::byte[]> message_;
    std::uint64_t number_ = 0;
  };

  class Receiver {
   public:
    explicit Receiver(Stage& stage) : subscription_(stage, kLargeChannel) {
      if (aeron_fragment_assembler_create(&assembler_, keep, this) != 0) fail_aeron();
    }
    ~Receiver() { aeron_fragment_assembler_delete(assembler_); }
    Receiver(const Receiver&) = delete;
    template <class OnArrival>
    bool poll(OnArrival&& on_arrival) {
      message_ = {};
      subscription_.poll(aeron_fragment_assembler_handler, assembler_, 1);
      if (message_.empty()) return false;
      if (message_.size() != kBytes) throw Failure("a message has lost its length");
      read_large(message_, ++number_, Touch::whole, on_arrival);
      return true;
    }

   private:
    /// The assembler's memory stays as it is until the next poll.
    static void keep(void* self, const std::uint8_t* data, std::size_t bytes, aeron_header_t*) {
      static_cast<Receiver*>(self)->message_ = {reinterpret_cast<const std::byte*>(data), bytes};
    }
    AeronSubscription subscription_;
    aeron_fragment_assembler_t* assembler_ = nullptr;
    std::span<const std::byte> message_;
    std::uint64_t number_ = 0;
  };
};

/// The same experiment, with a driver of its own.
Experiment with_driver(Experiment experiment) {
  experiment.run = [run = std::move(experiment.run)](const Settings& settings) {
    const AeronDriver driver;
    return run(settings);
  };
  return experiment;
}

/// What a log that nobody has used yet gives: one burst for each, before it has been filled once.
std::vector<Row> measure_first_pass(const Subject& subject, const Settings& settings) {
  constexpr double kLogsASecond = 3;
  const auto logs = static_cast<std::size_t>(std::max(3.0, settings.seconds * kLogsASecond));
  std::vector<Sample> samples;
  for (std::size_t i = 0; i < logs; ++i) {
    const AeronDriver driver;
    Settings once = settings;
    once.seconds = 0;
    const std::vector<Sample> first = stream_samples<AeronLink<48>>(once);
    samples.insert(samples.end(), first.begin(), first.end());
  }
  return summarise(subject, std::move(samples));
}

/// The driver's memory, and its files, with a publisher and a subscriber there.
std::vector<Row> measure_footprint(const Settings& settings) {
  const AeronDriver driver;
  Stage stage;
  const Role role{settings.first_core, [&] {
                    const AeronLink<48>::Sender sender(stage);
                    const AeronLink<48>::Receiver receiver(stage);
                    stage.record(proportional_kib(driver.process()) / 1024);
                    stage.record(static_cast<double>(allocated_bytes(aeron_directory())) / 1024);
                  }};
  stage.run(std::span(&role, 1), 20);
  const Subject memory{"Aeron", "1to1", 48, "media driver", "daemon_memory", "MiB", {}, kSettings};
  const Subject files{"Aeron", "1to1", 48, "", "dev_shm", "KiB", {}, kSettings};
  return {summarise_values(memory, {stage.recorded()[0]}),
          summarise_values(files, {stage.recorded()[1]})};
}

template <std::size_t kBytes>
void add_small(std::vector<Experiment>& all) {
  const Subject subject{"Aeron", "1to1", kBytes, "tryClaim", "", "", {}, kSettings};
  all.push_back(with_driver(one_way<AeronLink<kBytes>>(fmt::format("one_way_{}_aeron", kBytes),
                                                       "one way, receiver spins", subject)));
  Subject steady = subject;
  steady.mode += ", steady";
  all.push_back(with_driver(stream<AeronLink<kBytes>>(fmt::format("stream_{}_aeron", kBytes),
                                                      "stream through a log in use, receiver spins",
                                                      steady)));
}

void add_first_pass(std::vector<Experiment>& all) {
  const Subject subject{"Aeron",  "1to1",       48, "tryClaim, first pass",
                        "stream", "ns/message", {}, kSettings};
  all.push_back(
      {"stream_48_aeron_first_pass", "stream through a log that is new", true,
       [subject](const Settings& settings) { return measure_first_pass(subject, settings); }});
}

template <std::size_t kBytes>
void add_large(std::vector<Experiment>& all) {
  all.push_back(with_driver(one_way<LargeAeronLink<kBytes>>(
      fmt::format("large_{}_whole_aeron", kBytes >> 10), "written and read whole",
      {"Aeron", "1to1", kBytes, "offer, whole", "", "", {}, kLargeSettings})));
}

}  // namespace

void add_experiments(std::vector<Experiment>& all) {
  add_small<48>(all);
  add_first_pass(all);
  add_small<1024>(all);
  const Subject subject{"Aeron", "", 48, "tryClaim", "", "", {}, kSettings};
  for (const std::size_t receivers : {1U, 2U, 16U}) {
    all.push_back(with_driver(fan_out<AeronLink<48>>("fan_out_48_aeron", subject, receivers)));
  }
  Subject shared = subject;
  shared.mode += ", shared publication";
  all.push_back(with_driver(fan_in<ReportAeronLink>("stream_48_aeron", shared, 2)));
  add_large<64 << 10>(all);
  add_large<1 << 20>(all);
  add_large<8 << 20>(all);
  all.push_back({"footprint_aeron", "memory of the media driver, and what it takes of /dev/shm",
                 false, measure_footprint});
}

}  // namespace towbench
