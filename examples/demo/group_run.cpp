#include "group_run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <stdexcept>
#include <towpath/towpath.hpp>

#include "stage.hpp"

namespace demo {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 60s;
constexpr std::size_t kWorkers = 3;
constexpr const char* kGroup = "workers";

/// Where the processes report to the narrator. Each field has one writer at a time, named here.
struct Board {
  struct Worker {
    std::atomic<std::uint64_t> settled;  ///< records that it has acked
    std::uint64_t flagged, damaged;      ///< redelivered ones, and ones that are not the input's
  };
  std::atomic<std::uint32_t> ready;      ///< workers, once joined
  std::atomic<std::uint32_t> dying;      ///< who is in the middle of the fatal record: its number
  std::atomic<std::uint64_t> again_ns;   ///< who has it next: when it got it
  std::array<Worker, kWorkers> workers;  ///< each its own
};

struct GroupRun {
  const Input& input;
  std::string bus_path;
  std::uint64_t fatal;  ///< record that its first worker does not survive
  Shared<Board>& board;
  Shared<std::atomic<std::uint8_t>>& acks;  ///< of each record; who acks it adds 1
};

struct Cast {
  std::vector<Child> workers;
  std::vector<Child> publisher;  ///< once it is on stage
  std::vector<Child*> everybody() {
    std::vector<Child*> all;
    for (Child& child : workers) all.push_back(&child);
    for (Child& child : publisher) all.push_back(&child);
    return all;
  }
};

tow::Topic<> jobs(const tow::Bus& bus) {
  return bus.topic("jobs", {.max_message_bytes = kMaxRecordBytes, .pool_bytes = 2 << 20}).value();
}

/// Only once the group is there: what was published before is not its.
int play_publisher(const GroupRun& run) {
  auto publisher = jobs(tow::Bus::open(run.bus_path).value()).publisher().value();
  for (const std::string_view record : run.input.records()) publisher.publish(record).value();
  return 0;
}

void handle(const GroupRun& run, std::uint32_t self, tow::Delivery<>& record) {
  const std::uint64_t number = record.sequence();  // nobody else publishes
  Board::Worker& report = run.board->workers[self];
  if (number == run.fatal && !record.redelivered()) {
    run.board->dying.store(self + 1, std::memory_order_release);
    for (;;) pause();
  }
  if (number == run.fatal) run.board->again_ns.store(now_ns(), std::memory_order_release);
  if (record.redelivered()) ++report.flagged;
  if (record.text() != run.input.records().at(number - 1)) ++report.damaged;
  record.ack().value();
  run.acks[number - 1].fetch_add(1, std::memory_order_relaxed);  // read when all have ended
  report.settled.fetch_add(1, std::memory_order_release);
}

int play_worker(const GroupRun& run, std::uint32_t self) {
  auto consumer =
      jobs(tow::Bus::open(run.bus_path).value()).group(kGroup).value().consumer().value();
  run.board->ready.fetch_add(1, std::memory_order_release);
  for (;;) {
    auto record = consumer.take(kPatience);
    if (record.failed() && record.error() == tow::Code::removed) return 0;  // all is done
    if (record.failed()) throw tow::BadResult(record.error());
    if (!record) throw std::runtime_error("no record for a minute");
    handle(run, self, record);
  }
}

std::uint64_t settled(const GroupRun& run) {
  std::uint64_t sum = 0;
  for (const auto& worker : run.board->workers) {
    sum += worker.settled.load(std::memory_order_acquire);
  }
  return sum;
}

/// Kills who is in the middle of the fatal record, and says when.
std::uint64_t kill_worker(Story& story, const GroupRun& run, Cast& cast) {
  const std::uint64_t total = run.input.records().size();
  patience(
      "the fatal record", cast.everybody(),
      [&] {
        story.progress(settled(run), total, "records");
        return run.board->dying.load(std::memory_order_acquire) != 0;
      },
      100);
  Child& victim = cast.workers[run.board->dying.load(std::memory_order_acquire) - 1];
  const std::uint64_t killed_ns = victim.kill_now();
  story.say(fmt::format("  {:3} %  kill -9 {} ({}, in the middle of record {})",
                        settled(run) * 100 / total, victim.pid(), victim.name(),
                        with_commas(run.fatal)));
  return killed_ns;
}

/// What the group and the workers have to show, once all is settled.
void check_group(Story& story, const GroupRun& run, const tow::GroupInfo& info) {
  const std::uint64_t total = run.input.records().size();
  const auto* const acks = run.acks.data();
  const bool once = std::all_of(acks, acks + total, [](const auto& count) { return count == 1; });
  std::uint64_t flagged = 0, damaged = 0;
  std::string shares;
  for (std::size_t i = 0; i < kWorkers; ++i) {
    const Board::Worker& worker = run.board->workers[i];
    flagged += worker.flagged;
    damaged += worker.damaged;
    shares += i == 0 ? "" : i + 1 == kWorkers ? " and " : ", ";
    shares += with_commas(worker.settled);
  }
  story.check(once && damaged == 0 && info.lag == 0 && info.lost == 0 && info.gave_up == 0,
              fmt::format("group: {} records, each settled once, none lost: {} by the workers",
                          with_commas(settled(run)), shares));
  story.check(flagged == 1 && run.board->again_ns != 0,
              fmt::format("group: {} came again, flagged: the one that was begun", flagged));
}

}  // namespace

GroupFigures group_run(Story& story, const Input& input, const std::string& bus_path) {
  const std::uint64_t total = input.records().size();
  std::mt19937_64 random(std::random_device{}());
  const std::uint64_t fatal =
      1 + total * std::uniform_int_distribution<std::uint64_t>(300, 699)(random) / 1000;
  Shared<Board> board;
  Shared<std::atomic<std::uint8_t>> acks(total);
  const GroupRun run{input, bus_path, fatal, board, acks};

  Cast cast;
  for (std::uint32_t self = 0; self < kWorkers; ++self) {
    cast.workers.emplace_back(fmt::format("worker {}", self + 1),
                              [&run, self] { return play_worker(run, self); });
  }
  patience("the workers to join", cast.everybody(),
           [&] { return board->ready.load(std::memory_order_acquire) == kWorkers; });
  story.say(fmt::format("Workers {}, {} and {} share the records as a group.",
                        cast.workers[0].pid(), cast.workers[1].pid(), cast.workers[2].pid()));
  const std::uint64_t begin_ns = now_ns();
  cast.publisher.emplace_back("publisher", [&run] { return play_publisher(run); });
  const std::uint64_t killed_ns = kill_worker(story, run, cast);
  patience("all records to be settled", cast.everybody(), [&] {
    story.progress(settled(run), total, "records");
    return settled(run) == total;
  });
  const std::uint64_t end_ns = now_ns();
  {
    const auto topic = jobs(tow::Bus::open(bus_path).value());
    story.end_progress();
    check_group(story, run, topic.group(kGroup).value().info());
    topic.remove_group(kGroup).value();  // the workers end
  }
  patience("the workers to end", cast.everybody(), [&cast] {
    const auto all = cast.everybody();
    return std::all_of(all.begin(), all.end(), [](Child* child) { return child->ended(); });
  });
  const auto removed = tow::Bus::remove(bus_path);
  if (!removed) throw std::runtime_error(removed.error().message());
  return {static_cast<double>(end_ns - begin_ns) / 1e9,
          static_cast<double>(board->again_ns - killed_ns)};
}

}  // namespace demo
