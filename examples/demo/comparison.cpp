#include "comparison.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <stdexcept>
#include <towpath/towpath.hpp>
#include <vector>

namespace demo {
namespace {

void wait_for_both(Child& receiver, Child& sender) {
  patience(
      "a stream to end", {&receiver, &sender}, [&] { return receiver.ended() && sender.ended(); },
      5000);
}

void run_over_towpath(const Stream& stream) {
  {
    Child receiver("receiver",
                   [&stream] { return pin(Side::receiver), receive_over_towpath(stream); });
    Child sender("sender", [&stream] { return pin(Side::sender), send_over_towpath(stream); });
    wait_for_both(receiver, sender);
  }
  tow::Bus::remove(stream.bus_path).value();
}

void run_over_socket(const Stream& stream) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw std::runtime_error(std::string("socketpair: ") + std::strerror(errno));
  }
  // Each closes the other's end, so that a death is seen as the end of the stream.
  Child receiver("receiver", [&] {
    close(ends[0]);
    pin(Side::receiver);
    return receive_over_socket(stream, ends[1]);
  });
  Child sender("sender", [&] {
    close(ends[1]);
    pin(Side::sender);
    return send_over_socket(stream, ends[0]);
  });
  close(ends[0]);
  close(ends[1]);
  wait_for_both(receiver, sender);
}

Speed speed_of(const Stream& stream) {
  std::vector<std::uint64_t> took_ns(stream.count);
  double bytes = 0;
  for (std::size_t i = 0; i < stream.count; ++i) {
    took_ns[i] = stream.taken_ns[i] - stream.sent_ns[i];
    bytes += static_cast<double>(stream.record(i).size());
  }
  const auto whole_ns = static_cast<double>(stream.taken_ns[stream.count - 1] - stream.sent_ns[0]);
  std::sort(took_ns.begin(), took_ns.end());
  return {bytes * 1e3 / whole_ns, static_cast<double>(took_ns[stream.count / 2]),
          static_cast<double>(took_ns[stream.count * 99 / 100])};
}

Speed median(std::vector<Speed> rounds) {
  Speed middle;
  for (const auto member : {&Speed::megabytes_per_s, &Speed::p50_ns, &Speed::p99_ns}) {
    std::sort(rounds.begin(), rounds.end(),
              [member](const Speed& a, const Speed& b) { return a.*member < b.*member; });
    middle.*member = rounds[rounds.size() / 2].*member;
  }
  return middle;
}

}  // namespace

Comparison compare(Story& story, const Input& input, const std::string& bus_folder) {
  std::span<const std::string_view> records = input.records();
  const auto fits = [&input](std::string_view record) {
    return record.data() + record.size() <= input.bytes().data() + kMostBytes;
  };
  records = records.first(static_cast<std::size_t>(
      std::partition_point(records.begin(), records.end(), fits) - records.begin()));
  const std::size_t most = std::max(records.size(), kPacedRecords);
  Shared<std::uint64_t> sent_ns(most), taken_ns(most);
  Shared<char> sink(std::min(input.bytes().size(), kMostBytes));
  bool intact = true;
  std::uint64_t done = 0;
  const auto measure = [&](void (*run)(const Stream&), std::size_t count, std::uint64_t period_ns) {
    Shared<std::atomic<std::uint32_t>> ready;
    const Stream stream{records, count,    period_ns, bus_folder + "/stream",
                        sent_ns, taken_ns, sink,      ready};
    std::fill_n(sink.data(), stream.bytes().size(), '\0');
    run(stream);
    const std::string_view last = records[std::min(count, records.size()) - 1];
    const auto arrived = static_cast<std::size_t>(last.data() + last.size() - records[0].data());
    intact = intact && std::memcmp(sink.data(), records[0].data(), arrived) == 0;
    story.progress(++done, 4 * kRounds, "streams");
    return speed_of(stream);
  };

  std::vector<Speed> towpath_full, socket_full, towpath_paced, socket_paced;
  constexpr std::uint64_t kPeriodNs = 1'000'000'000 / kPacedPerSecond;
  for (int round = 0; round < kRounds; ++round) {  // in turns: what disturbs one disturbs the other
    towpath_full.push_back(measure(run_over_towpath, records.size(), 0));
    socket_full.push_back(measure(run_over_socket, records.size(), 0));
    towpath_paced.push_back(measure(run_over_towpath, kPacedRecords, kPeriodNs));
    socket_paced.push_back(measure(run_over_socket, kPacedRecords, kPeriodNs));
  }
  story.end_progress();
  story.check(intact,
              fmt::format("comparison: {} streams from one process to one other, every byte "
                          "arrived",
                          4 * kRounds));
  return {median(towpath_full), median(socket_full), median(towpath_paced), median(socket_paced)};
}

}  // namespace demo
