/// peer_iceoryx: Eclipse iceoryx, in place in shared memory. Its server, RouDi, is started here.

#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_posh/iceoryx_posh_types.hpp>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <iceoryx_versions.hpp>
#include <optional>
#include <thread>

#include "bench/harness/footprint.hpp"
#include "bench/harness/peer.hpp"
#include "bench/harness/server.hpp"

namespace towbench {
namespace {

/// A chunk for whatever may be on its way: 256 messages a subscriber, less of large ones.
constexpr const char* kConfig = R"([general]
version = 1
[[segment]]
[[segment.mempool]]
size = 64
count = 1024
[[segment.mempool]]
size = 1024
count = 1024
[[segment.mempool]]
size = 65536
count = 16
[[segment.mempool]]
size = 1048576
count = 8
[[segment.mempool]]
size = 8388608
count = 8
)";

class Roudi {
 public:
  Roudi() : server_({"iox-roudi", "-c", folder_.file("roudi.toml", kConfig)}, {}, folder_ / "log") {
    server_.await("RouDi is ready for clients", 20);
  }
  int id() const { return server_.id(); }

 private:
  Folder folder_;
  Server server_;
};

/// There is one; it ends with the program.
const Roudi& roudi() {
  static const Roudi running;
  return running;
}

/// A role becomes known to RouDi, once, until it ends.
void join_roudi() {
  static const bool joined = [] {
    auto& logs = iox::log::LogManager::GetLogManager();
    logs.SetDefaultLogLevel(iox::log::LogLevel::kError, iox::log::LogLevelOutput::kHideLogLevel);
    const std::string name = fmt::format("towbench-{}", getpid());
    iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, name));
    std::at_quick_exit([] { iox::runtime::PoshRuntime::getInstance().~PoshRuntime(); });
    return true;
  }();
  (void)joined;
}

iox::capro::ServiceDescription service(const Stage& stage, const Lane& lane) {
  join_roudi();
  const auto id = [](std::string_view text) {
    return iox::capro::IdString_t(iox::cxx::TruncateToCapacity, std::string(text));
  };
  return {id("towbench"), id(stage.bus_path()), id(lane.name)};
}

struct IceoryxChannel {
  static constexpr BestWaits kBest{Waits::spin, Waits::block, Waits::spin};
  static constexpr std::size_t kFewer = 4;

  class Out {
   public:
    Out(Stage& stage, const Lane& lane) : publisher_(service(stage, lane), options()) {}
    void ready() {
      constexpr auto kDiscovery = std::chrono::milliseconds(100);  // RouDi connects all in one pass
      while (!publisher_.hasSubscribers()) std::this_thread::yield();
      std::this_thread::sleep_for(kDiscovery);
    }
    template <class Fill>
    void send_in_place(std::size_t bytes, Fill&& fill) {
      auto loaned = publisher_.loan(static_cast<std::uint32_t>(bytes));
      if (loaned.has_error()) throw Failure("iceoryx lends no chunk");
      fill(std::span(static_cast<std::byte*>(loaned.value()), bytes));
      publisher_.publish(loaned.value());
    }

   private:
    static iox::popo::PublisherOptions options() {
      iox::popo::PublisherOptions options;
      options.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
      return options;
    }
    iox::popo::UntypedPublisher publisher_;
  };

  class In {
   public:
    In(Stage& stage, const Lane& lane) : subscriber_(service(stage, lane), options()) {
      using enum iox::SubscribeState;
      while (subscriber_.getSubscriptionState() != SUBSCRIBED) std::this_thread::yield();
      if (lane.waits != Waits::block) return;
      constexpr auto kState = iox::popo::SubscriberState::HAS_DATA;
      waits_.emplace();
      if (waits_->attachState(subscriber_, kState).has_error()) throw Failure("no WaitSet");
    }
    template <class Use>
    bool take(Use&& use) {
      auto taken = subscriber_.take();
      if (taken.has_error()) {
        if (taken.get_error() != iox::popo::ChunkReceiveResult::NO_CHUNK_AVAILABLE) {
          throw Failure("iceoryx cannot receive");
        }
        if (waits_) waits_->wait();
        return false;
      }
      const void* const payload = taken.value();
      const std::size_t bytes =
          iox::mepoo::ChunkHeader::fromUserPayload(payload)->userPayloadSize();
      use(std::span(static_cast<const std::byte*>(payload), bytes));
      subscriber_.release(payload);
      return true;
    }

   private:
    static iox::popo::SubscriberOptions options() {
      iox::popo::SubscriberOptions options;
      options.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
      return options;
    }
    iox::popo::UntypedSubscriber subscriber_;
    std::optional<iox::popo::WaitSet<1>> waits_;
  };
};

}  // namespace

void add_experiments(std::vector<Experiment>& all) {
  const Peer peer{"iceoryx", "iceoryx", "in place",
                  "iceoryx " ICEORYX_LATEST_RELEASE_VERSION
                  ", the publisher waits for its subscribers, RouDi has 75 MiB of chunks."};
  add_pair<IceoryxChannel>(all, peer);
  add_large<IceoryxChannel>(all, peer);
  add_large<IceoryxChannel, Touch::head>(all, peer);
  add_fan_out<IceoryxChannel>(all, peer);
  add_fan_in<IceoryxChannel>(all, peer);
  add_footprint<IceoryxChannel>(all, peer, [] { return std::vector<int>{roudi().id()}; });
  start_first(all, roudi);
}

}  // namespace towbench
