#pragma once
/// The experiments of a peer that is a Channel, all named alike.

#include "asleep.hpp"
#include "channel.hpp"
#include "fan_in.hpp"
#include "fan_out.hpp"
#include "one_way.hpp"
#include "stream.hpp"

namespace towbench {

/// Has each experiment start a server before it, in the program itself, where all share it.
template <class Start>
void start_first(std::vector<Experiment>& all, Start start) {
  for (Experiment& experiment : all) {
    experiment.run = [start, run = std::move(experiment.run)](const Settings& settings) {
      start();
      return run(settings);
    };
  }
}

/// How a peer is called.
struct Peer {
  std::string name;      ///< in the names of experiments
  std::string system;    ///< in rows
  std::string mode;      ///< in rows
  std::string settings;  ///< one sentence: the version, and what is not its default

  Subject subject(std::size_t bytes, Waits waits) const {
    const char* const how = waits == Waits::spin    ? "spinning"
                            : waits == Waits::yield ? "spinning and yielding"
                                                    : "blocking";
    return {system, "1to1", bytes, mode.empty() ? how : fmt::format("{}, {}", mode, how),
            "",     "",     {},    settings};
  }
};

template <class Channel, std::size_t kBytes, Waits kWaits = Channel::kBest.one_way>
void add_one_way(std::vector<Experiment>& all, const Peer& peer) {
  all.push_back(one_way<ChannelLink<Channel, kBytes, kWaits>>(
      fmt::format("one_way_{}_{}", kBytes, peer.name),
      fmt::format("{} B one way, {}", kBytes, peer.system), peer.subject(kBytes, kWaits)));
}

/// For a peer whose receiver would rather block: what becomes of it when it spins all the same.
template <class Channel>
void add_one_way_spinning(std::vector<Experiment>& all, Peer peer) {
  peer.name += "_spin";
  add_one_way<Channel, 48, Waits::yield>(all, peer);
}

template <class Channel, std::size_t kBytes>
void add_stream(std::vector<Experiment>& all, const Peer& peer) {
  constexpr Waits kWaits = Channel::kBest.stream;
  all.push_back(stream<ChannelLink<Channel, kBytes, kWaits>>(
      fmt::format("stream_{}_{}", kBytes, peer.name),
      fmt::format("{} B stream, {}", kBytes, peer.system), peer.subject(kBytes, kWaits)));
}

template <class Channel>
void add_asleep(std::vector<Experiment>& all, const Peer& peer) {
  all.push_back(asleep<ChannelSide<Channel>>("asleep_48_" + peer.name,
                                             "a sleeping receiver, " + peer.system,
                                             peer.subject(48, Waits::block)));
}

/// Latency and stream of small messages, and a sleeping receiver.
template <class Channel>
void add_pair(std::vector<Experiment>& all, const Peer& peer) {
  add_one_way<Channel, 48>(all, peer);
  add_one_way<Channel, 1024>(all, peer);
  add_stream<Channel, 48>(all, peer);
  add_stream<Channel, 1024>(all, peer);
  add_asleep<Channel>(all, peer);
}

template <class Channel, std::size_t kBytes, Touch kTouch>
void add_one_large(std::vector<Experiment>& all, const Peer& peer) {
  const std::string touch = kTouch == Touch::whole ? "whole" : "head";
  Subject subject = peer.subject(kBytes, Channel::kBest.large);
  subject.mode += ", " + touch;
  all.push_back(one_way<LargeChannelLink<Channel, kBytes, kTouch>>(
      fmt::format("large_{}_{}_{}", kBytes >> 10, peer.name, touch),
      fmt::format("{} KiB, {}, {}", kBytes >> 10, touch, peer.system), std::move(subject)));
}

template <class Channel, Touch kTouch = Touch::whole>
void add_large(std::vector<Experiment>& all, const Peer& peer) {
  add_one_large<Channel, 64 << 10, kTouch>(all, peer);
  add_one_large<Channel, 1 << 20, kTouch>(all, peer);
  add_one_large<Channel, 8 << 20, kTouch>(all, peer);
}

template <class Channel>
void add_fan_out(std::vector<Experiment>& all, const Peer& peer) {
  constexpr Waits kWaits = Channel::kBest.stream;
  for (const std::size_t receivers : {1U, 2U, 16U}) {
    all.push_back(fan_out<ChannelLink<Channel, 48, kWaits>>("fan_out_48_" + peer.name,
                                                            peer.subject(48, kWaits), receivers));
  }
}

template <class Channel>
void add_fan_in(std::vector<Experiment>& all, const Peer& peer) {
  all.push_back(fan_in<ReportChannelLink<Channel>>("stream_48_" + peer.name,
                                                   peer.subject(48, Waits::block), 2));
}

}  // namespace towbench
