/// peer_iceoryx2: iceoryx2, set so that nothing is lost. Its Rust library is used through the C
/// interface that lies in iceoryx2/.

#include "bench/peers/iceoryx2/iceoryx2.h"

#include <filesystem>
#include <memory>

#include "bench/harness/asleep.hpp"
#include "bench/harness/fan_in.hpp"
#include "bench/harness/fan_out.hpp"
#include "bench/harness/large.hpp"
#include "bench/harness/memory.hpp"
#include "bench/harness/one_way.hpp"
#include "bench/harness/stream.hpp"

namespace towbench {
namespace {

constexpr const char* kSettings =
    "0.10.0, built with thin LTO: safe overflow off, publishers retry until delivered, subscriber "
    "buffer 1024, no history, static allocation";
constexpr const char* kLargeSettings =
    "0.10.0, built with thin LTO: safe overflow off, publishers retry until delivered, subscriber "
    "buffer 4, no history, static allocation";
constexpr std::size_t kBuffer = 1024;
constexpr std::size_t kLargeBuffer = 4;

[[noreturn]] void fail() { throw Failure(ice_error()); }

template <auto kRemove>
struct Remover {
  void operator()(auto* object) const { kRemove(object); }
};
template <class Object, auto kRemove>
using Owned = std::unique_ptr<Object, Remover<kRemove>>;

template <class Object>
Object* made(Object* object) {
  return object != nullptr ? object : (fail(), nullptr);
}

std::string service_of(const Stage& stage, const char* name = "bench") {
  return stage.bus_path() + '/' + name;
}

class IcePublisher {
 public:
  IcePublisher(const std::string& service, const ice_limits& limits)
      : port_(made(ice_publisher_create(service.c_str(), limits))) {}
  void connect() {
    if (ice_publisher_connect(port_.get()) != 0) fail();
  }
  /// Writes a message in place and sends it.
  template <class Write>
  void send(Write&& write) {
    void* const lent = ice_loan(port_.get());
    if (lent == nullptr) [[unlikely]]
      fail();
    write(static_cast<std::byte*>(lent));
    if (ice_send(port_.get()) < 1) [[unlikely]]
      fail();
  }

 private:
  Owned<ice_publisher, ice_publisher_remove> port_;
};

class IceSubscriber {
 public:
  IceSubscriber(const std::string& service, const ice_limits& limits)
      : port_(made(ice_subscriber_create(service.c_str(), limits))) {}
  /// Reads a message in place, if there is one.
  template <class Read>
  bool receive(Read&& read) {
    const void* message = nullptr;
    const int count = ice_receive(port_.get(), &message);
    if (count == 0) return false;
    if (count < 0) [[unlikely]]
      fail();
    read(static_cast<const std::byte*>(message));
    ice_release(port_.get());
    return true;
  }

 private:
  Owned<ice_subscriber, ice_subscriber_remove> port_;
};

/// Small messages, copied into the loan.
template <std::size_t kBytes, std::size_t kSubscribers = 1>
class IceLink {
  static constexpr ice_limits kLimits{kBytes / 8, kBuffer, 1, kSubscribers};

 public:
  using Message = Payload<kBytes>;
  static constexpr std::size_t kSendsTogether = 1;

  class Sender {
   public:
    explicit Sender(Stage& stage) : Sender(service_of(stage)) {}
    explicit Sender(const std::string& service) : publisher_(service, kLimits) {
      message_.words.fill(0);
      message_.number(1);
    }
    void ready() { publisher_.connect(); }
    void send(std::uint64_t stamp) {
      message_.words[0] = stamp;
      publisher_.send([&](std::byte* to) { std::memcpy(to, &message_, kBytes); });
      message_.number(++number_ + 1);
    }

   private:
    IcePublisher publisher_;
    Message message_;
    std::uint64_t number_ = 0;
  };

  class Receiver {
   public:
    explicit Receiver(Stage& stage) : Receiver(service_of(stage)) {}
    explicit Receiver(const std::string& service) : subscriber_(service, kLimits) {}
    template <class OnArrival>
    bool poll(OnArrival&& on_arrival) {
      return subscriber_.receive([&](const std::byte* from) {
        Message message;
        std::memcpy(&message, from, kBytes);
        on_arrival(message.words[0]);
        message.check(++number_);
      });
    }

   private:
    IceSubscriber subscriber_;
    std::uint64_t number_ = 0;
  };
};

/// Large messages, written and read in place.
template <std::size_t kBytes, Touch kTouch>
class LargeIceLink {
  static constexpr ice_limits kLimits{kBytes / 8, kLargeBuffer, 1, 1};

 public:
  static constexpr std::size_t kMessagesOfSample =
      kTouch == Touch::whole ? large_messages_of_sample(kBytes) : 1000;

  class Sender {
   public:
    explicit Sender(Stage& stage) : publisher_(service_of(stage), kLimits) {}
    void ready() { publisher_.connect(); }
    void send(std::uint64_t stamp) {
      ++number_;
      publisher_.send([&](std::byte* to) { write_large({to, kBytes}, stamp, number_, kTouch); });
    }

   private:
    IcePublisher publisher_;
    std::uint64_t number_ = 0;
  };

  class Receiver {
   public:
    explicit Receiver(Stage& stage) : subscriber_(service_of(stage), kLimits) {}
    template <class OnArrival>
    bool poll(OnArrival&& on_arrival) {
      return subscriber_.receive([&](const std::byte* from) {
        read_large({from, kBytes}, ++number_, kTouch, on_arrival);
      });
    }

   private:
    IceSubscriber subscriber_;
    std::uint64_t number_ = 0;
  };
};

/// Several publishers of one service.
template <std::size_t kPublishers>
class ReportIceLink {
  static constexpr ice_limits kLimits{sizeof(Report) / 8, kBuffer, kPublishers, 1};

 public:
  class Sender {
   public:
    Sender(Stage& stage, std::uint32_t) : publisher_(service_of(stage), kLimits) {}
    void ready() { publisher_.connect(); }
    void send(const Report& report) {
      publisher_.send([&](std::byte* to) { std::memcpy(to, &report, sizeof report); });
    }

   private:
    IcePublisher publisher_;
  };

  class Receiver {
   public:
    explicit Receiver(Stage& stage) : subscriber_(service_of(stage), kLimits) {}
    bool poll(Report& report) {
      return subscriber_.receive(
          [&](const std::byte* from) { std::memcpy(&report, from, sizeof report); });
    }

   private:
    IceSubscriber subscriber_;
  };
};

/// Each message is followed by a notification of its event service, which the receiver sleeps on.
class IceSide {
  using Link = IceLink<48>;

 public:
  IceSide(Stage& stage, int side)
      : sender_(service_of(stage, side == 0 ? "there" : "back")),
        receiver_(service_of(stage, side == 0 ? "back" : "there")),
        notifier_(made(ice_notifier_create(
            service_of(stage, side == 0 ? "there/event" : "back/event").c_str()))),
        listener_(made(ice_listener_create(
            service_of(stage, side == 0 ? "back/event" : "there/event").c_str()))) {}
  void ready() { sender_.ready(); }
  void send(std::uint64_t stamp) {
    sender_.send(stamp);
    if (ice_notify(notifier_.get()) != 1) fail();
  }
  std::uint64_t receive() {
    constexpr unsigned kPatienceSeconds = 10;
    const int woken = ice_wait(listener_.get(), kPatienceSeconds);
    if (woken < 0) fail();
    if (woken == 0) throw Failure("a sleeping listener was not woken");
    std::uint64_t stamp = 0;
    if (!receiver_.poll([&](std::uint64_t its) { stamp = its; })) {
      throw Failure("a notification came without its message");
    }
    return stamp;
  }

 private:
  Link::Sender sender_;
  Link::Receiver receiver_;
  Owned<ice_notifier, ice_notifier_remove> notifier_;
  Owned<ice_listener, ice_listener_remove> listener_;
};

/// What a service with one publisher and one subscriber takes of /dev/shm.
std::vector<Row> measure_files(const Settings& settings) {
  const Subject subject{"iceoryx2", "1to1", 48, "", "dev_shm", "KiB", {}, kSettings};
  Stage stage;
  const Role role{settings.first_core, [&] {
                    const std::uint64_t before = allocated_bytes("/dev/shm", "iox2_");
                    const IceLink<48>::Sender sender(stage);
                    const IceLink<48>::Receiver receiver(stage);
                    const std::uint64_t after = allocated_bytes("/dev/shm", "iox2_");
                    stage.record(static_cast<double>(after - before) / 1024);
                  }};
  stage.run(std::span(&role, 1), 20);
  return {summarise_values(subject, {stage.recorded().front()})};
}

template <std::size_t kBytes>
void add_small(std::vector<Experiment>& all) {
  const Subject subject{"iceoryx2", "1to1", kBytes, "copied into a loan", "", "", {}, kSettings};
  all.push_back(one_way<IceLink<kBytes>>(fmt::format("one_way_{}_iceoryx2", kBytes),
                                         "one way, receiver spins", subject));
  all.push_back(stream<IceLink<kBytes>>(fmt::format("stream_{}_iceoryx2", kBytes),
                                        "stream, receiver spins", subject));
}

template <std::size_t kBytes, Touch kTouch>
void add_large(std::vector<Experiment>& all) {
  const bool whole = kTouch == Touch::whole;
  const char* const mode = whole ? "whole" : "head";
  all.push_back(one_way<LargeIceLink<kBytes, kTouch>>(
      fmt::format("large_{}_{}_iceoryx2", kBytes >> 10, mode),
      whole ? "written and read whole" : "only its head written and read",
      {"iceoryx2", "1to1", kBytes, mode, "", "", {}, kLargeSettings}));
}

template <std::size_t kSubscribers>
void add_fan_out(std::vector<Experiment>& all) {
  all.push_back(fan_out<IceLink<48, kSubscribers>>(
      "fan_out_48_iceoryx2", {"iceoryx2", "", 48, "copied into a loan", "", "", {}, kSettings},
      kSubscribers));
}

}  // namespace

void add_experiments(std::vector<Experiment>& all) {
  add_small<48>(all);
  add_small<1024>(all);
  add_fan_out<1>(all);
  add_fan_out<2>(all);
  add_fan_out<16>(all);
  all.push_back(fan_in<ReportIceLink<2>>(
      "stream_48_iceoryx2", {"iceoryx2", "", 0, "copied into a loan", "", "", {}, kSettings}, 2));
  all.push_back(asleep<IceSide>("asleep_48_iceoryx2", "listener asleep, against a bare futex",
                                {"iceoryx2", "1to1", 48, "event service", "", "", {}, kSettings}));
  add_large<64 << 10, Touch::whole>(all);
  add_large<1 << 20, Touch::whole>(all);
  add_large<8 << 20, Touch::whole>(all);
  add_large<64 << 10, Touch::head>(all);
  add_large<1 << 20, Touch::head>(all);
  add_large<8 << 20, Touch::head>(all);
  all.push_back({"dev_shm_iceoryx2", "what a service with two ports takes of /dev/shm", false,
                 measure_files});
}

}  // namespace towbench
