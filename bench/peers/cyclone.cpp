/// peer_cyclone: Eclipse Cyclone DDS over UDP on the loopback. It has threads of its own in every
/// process, and they want a core.

#include <dds/dds.h>
#include <dds/version.h>

#include <thread>

#include "bench/harness/footprint.hpp"
#include "bench/harness/peer.hpp"

namespace towbench {
namespace {

dds_return_t checked(dds_return_t result) {
  if (result < 0) throw Failure(fmt::format("Cyclone DDS: {}", dds_strretcode(-result)));
  return result;
}

/// Nobody but this stage is found. Multicast works on a loopback although it does not say so; large
/// datagrams are what Cyclone's own benchmarks use there.
constexpr const char* kConfig = R"(
<General>
  <Interfaces><NetworkInterface name="lo" multicast="true"/></Interfaces>
  <MaxMessageSize>65500B</MaxMessageSize><FragmentSize>65000B</FragmentSize>
</General>
<Discovery><Tag>{}</Tag></Discovery>
<Internal><SocketReceiveBufferSize max="4MB"/></Internal>)";

/// The one participant of a process, made where it is first used: in a role, with which it ends.
dds_entity_t participant(const Stage& stage) {
  static const dds_entity_t made = [&] {
    constexpr dds_domainid_t kDomain = 77;
    checked(dds_create_domain(kDomain, fmt::format(kConfig, stage.bus_path()).c_str()));
    return checked(dds_create_participant(kDomain, nullptr, nullptr));
  }();
  return made;
}

/// A topic of the type that the IDL would call `@final struct Bytes { octet bytes[n]; };`.
dds_entity_t make_topic(const Stage& stage, const Lane& lane) {
  const auto bytes = static_cast<std::uint32_t>(lane.bytes);
  constexpr std::uint32_t kOctets = std::uint32_t{DDS_OP_ADR} | std::uint32_t{DDS_OP_TYPE_ARR} |
                                    std::uint32_t{DDS_OP_SUBTYPE_1BY};
  const std::uint32_t operations[] = {kOctets, 0, bytes, DDS_OP_RTS};
  const dds_topic_descriptor_t type{.m_size = bytes,
                                    .m_align = 1,
                                    .m_flagset = DDS_TOPIC_FIXED_SIZE,
                                    .m_nkeys = 0,
                                    .m_typename = "Bytes",
                                    .m_keys = nullptr,
                                    .m_nops = 2,
                                    .m_ops = operations,
                                    .m_meta = "",
                                    .type_information = {},
                                    .type_mapping = {},
                                    .restrict_data_representation = 0};
  const std::string name(lane.name);
  return checked(dds_create_topic(participant(stage), &type, name.c_str(), nullptr, nullptr));
}

/// Reliable, and nothing is dropped: a writer waits for its readers.
const dds_qos_t* lossless() {
  static dds_qos_t* const made = [] {
    dds_qos_t* const qos = dds_create_qos();
    dds_qset_reliability(qos, DDS_RELIABILITY_RELIABLE, DDS_INFINITY);
    dds_qset_history(qos, DDS_HISTORY_KEEP_ALL, 0);
    return qos;
  }();
  return made;
}

struct CycloneChannel {
  static constexpr std::size_t kFewer = 4;
  static constexpr BestWaits kBest{Waits::block, Waits::block, Waits::block};

  class Out {
   public:
    Out(Stage& stage, const Lane& lane)
        : writer_(checked(dds_create_writer(participant(stage), make_topic(stage, lane), lossless(),
                                            nullptr))) {}
    ~Out() { dds_delete(writer_); }
    void ready(std::size_t receivers) {
      dds_publication_matched_status_t matched{};
      while (matched.current_count < receivers) {
        std::this_thread::yield();
        checked(dds_get_publication_matched_status(writer_, &matched));
      }
    }
    void send(std::span<const std::byte> bytes) { checked(dds_write(writer_, bytes.data())); }

   private:
    dds_entity_t writer_;
  };

  /// Takes as many small samples at a time as there are.
  class In {
   public:
    In(Stage& stage, const Lane& lane)
        : bytes_(lane.bytes),
          most_(lane.bytes <= 1024 ? kMost : 1),
          memory_(most_ * bytes_),
          reader_(checked(dds_create_reader(participant(stage), make_topic(stage, lane), lossless(),
                                            nullptr))) {
      for (std::size_t i = 0; i < most_; ++i) samples_[i] = &memory_[i * bytes_];
      if (lane.waits != Waits::block) return;
      waits_ = checked(dds_create_waitset(participant(stage)));
      const dds_entity_t data = checked(dds_create_readcondition(reader_, DDS_ANY_STATE));
      checked(dds_waitset_attach(waits_, data, 0));
    }
    ~In() { dds_delete(reader_); }
    template <class Use>
    bool take(Use&& use) {
      if (used_ == taken_ && !take_more()) return false;
      if (!infos_[used_].valid_data) throw Failure("Cyclone DDS: a sample without data");
      use(std::span(static_cast<const std::byte*>(samples_[used_]), bytes_));
      ++used_;
      return true;
    }

   private:
    bool take_more() {
      used_ = 0;
      taken_ =
          checked(dds_take(reader_, samples_, infos_, most_, static_cast<std::uint32_t>(most_)));
      if (taken_ == 0 && waits_ != 0) checked(dds_waitset_wait(waits_, nullptr, 0, DDS_INFINITY));
      return taken_ != 0;
    }
    static constexpr std::size_t kMost = 64;
    std::size_t bytes_, most_;
    std::vector<std::byte> memory_;
    dds_entity_t reader_, waits_ = 0;
    void* samples_[kMost];
    dds_sample_info_t infos_[kMost];
    std::int32_t used_ = 0, taken_ = 0;
  };
};

}  // namespace

void add_experiments(std::vector<Experiment>& all) {
  const Peer peer{
      "cyclone", "Cyclone DDS", "UDP",
      "Cyclone DDS " DDS_VERSION
      " over UDP on the loopback with multicast, reliable, keep all, datagrams of 64 KiB, "
      "socket buffers as large as the system lets them be."};
  add_pair<CycloneChannel>(all, peer);
  add_one_way_spinning<CycloneChannel>(all, peer);
  add_large<CycloneChannel>(all, peer);
  add_fan_out<CycloneChannel>(all, peer);
  add_fan_in<CycloneChannel>(all, peer);
  add_footprint<CycloneChannel>(all, peer);
}

}  // namespace towbench
