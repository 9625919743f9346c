#pragma once
/// What it costs to have a peer around: private memory of a process that joins, its servers, files
/// in /dev/shm.

#include <malloc.h>
#include <unistd.h>

#include "memory.hpp"
#include "peer.hpp"

namespace towbench {

/// Joins as sender and receiver at once and lets messages go round; records by how many KiB the
/// process grew, and how many the files take that it and the servers have mapped.
template <class Channel>
void join(Stage& stage, std::vector<int> servers) {
  using Link = ChannelLink<Channel, 48, Channel::kBest.one_way>;
  constexpr int kMessages = 1000;
  malloc_trim(0);  // what the benchmark has had and freed would hide what is new
  const double before = anonymous_kib();
  typename Link::Sender sender(stage);
  typename Link::Receiver receiver(stage);
  sender.ready();
  for (int i = 0; i < kMessages; ++i) {
    sender.send(0);
    while (!receiver.poll([](std::uint64_t) {})) {
    }
  }
  stage.record(anonymous_kib() - before);
  servers.push_back(getpid());
  stage.record(shared_files_kib(servers));
}

template <class Channel>
std::vector<Row> measure_footprint(Subject subject, std::span<const int> servers,
                                   const Settings& settings) {
  constexpr int kProcesses = 5;
  std::vector<double> joined_kib, files_kib;
  for (int i = 0; i < kProcesses; ++i) {
    Stage stage;
    const Role role{settings.first_core, [&] {
                      join<Channel>(stage, {servers.begin(), servers.end()});
                    }};
    stage.run(std::span(&role, 1), 20);
    joined_kib.push_back(stage.recorded()[0]);
    files_kib.push_back(stage.recorded()[1]);
  }
  const auto row = [&](const char* metric, const char* unit, std::vector<double> values) {
    subject.metric = metric;
    subject.unit = unit;
    return summarise_values(subject, std::move(values));
  };
  std::vector<Row> rows{row("joined_memory", "KiB", joined_kib), row("dev_shm", "KiB", files_kib)};
  if (!servers.empty()) rows.push_back(row("daemon_memory", "MiB", {memory_mib(servers)}));
  return rows;
}

/// `servers` is asked for the processes that serve the peer, once they run.
template <class Channel>
void add_footprint(
    std::vector<Experiment>& all, const Peer& peer,
    std::function<std::vector<int>()> servers = [] { return std::vector<int>(); }) {
  const Subject subject = peer.subject(48, Channel::kBest.one_way);
  auto run = [subject, servers](const Settings& settings) {
    return measure_footprint<Channel>(subject, servers(), settings);
  };
  all.push_back({"footprint_" + peer.name,
                 "memory of a process that joins, of servers, and in /dev/shm", false,
                 std::move(run)});
}

}  // namespace towbench
