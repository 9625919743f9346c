// tow ps: who is on the bus, and what each holds.

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <tuple>

#include "command.hpp"
#include "describe.hpp"
#include "output.hpp"

namespace tow::cli {
namespace {

/// What one process has on a topic.
struct Holding {
  std::string topic, role;     ///< "publishes", "subscribes", "consumes"
  std::uint64_t payloads = 0;  ///< large messages held in place
  std::string group{};         ///< of a consumer
  std::uint64_t begun = 0;     ///< messages that a consumer handles
};
/// A life of a process on this bus.
using Who = std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>;  // uid, pid, joined_ns
using Holdings = std::map<Who, std::vector<Holding>>;

Who who(const ProcessInfo& process) { return {process.uid, process.pid, process.joined_ns}; }

Holdings holdings_of_all(const Bus& bus) {
  Holdings all;
  for (const std::string& name : bus.topics()) {
    const auto topic = bus.topic_as_bytes(name);
    if (!topic) continue;  // removed or damaged: `tow ls` says so
    const TopicInfo info = topic->info();
    for (const PublisherInfo& publisher : info.publishers) {
      all[who(publisher.process)].push_back({name, "publishes"});
    }
    for (const SubscriberInfo& reader : info.subscribers) {
      all[who(reader.process)].push_back({name, "subscribes", reader.held});
    }
    for (const GroupInfo& group : info.groups) {
      for (const ConsumerInfo& consumer : group.consumers) {
        all[who(consumer.process)].push_back({name, "consumes", 0, group.name, consumer.started});
      }
    }
  }
  return all;
}

/// "stopped" where the kernel says so of a process of that name; nobody takes it for dead.
std::string kernel_state_of(const ProcessInfo& process) {
  if (!process.alive) return "dead";
  std::ifstream file(fmt::format("/proc/{}/stat", process.pid));
  std::string line;
  std::getline(file, line);
  const std::string name = '(' + process.command + ") ";
  const std::size_t at = line.find(name);
  const char state = at == std::string::npos ? '?' : line[at + name.size()];
  return state == 'T' || state == 't' ? "stopped" : "alive";
}

std::string age_of(const ProcessInfo& process) {
  using namespace std::chrono;
  // Of another process: it need not be a time, and their difference no number.
  const auto now = static_cast<std::uint64_t>(
      duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count());
  const std::uint64_t s = now > process.joined_ns ? (now - process.joined_ns) / 1'000'000'000 : 0;
  constexpr std::uint64_t kMinute = 60, kHour = 3600, kDay = 86400;
  if (s < kMinute) return fmt::format("{} s", s);
  if (s < kHour) return fmt::format("{} min", s / kMinute);
  return s < kDay ? fmt::format("{} h", s / kHour) : fmt::format("{} d", s / kDay);
}

std::string text_of(const std::vector<Holding>& holdings) {
  std::string text;
  for (const Holding& holding : holdings) {
    text +=
        fmt::format("{}{} {}", text.empty() ? "" : ", ", holding.role, printable(holding.topic));
    if (!holding.group.empty()) text += fmt::format(" as {}", printable(holding.group));
    if (holding.begun != 0) text += fmt::format(" (handles {} messages)", holding.begun);
    if (holding.payloads != 0) text += fmt::format(" (holds {} payloads)", holding.payloads);
  }
  return text.empty() ? "-" : text;
}

Json json_of(const ProcessInfo& process, const std::vector<Holding>& holdings) {
  Json json = {{"pid", process.pid},
               {"uid", process.uid},
               {"command", process.command},
               {"state", kernel_state_of(process)},
               {"joined_ns", process.joined_ns},
               {"holds", Json::array()}};
  for (const Holding& holding : holdings) {
    Json held = {{"topic", holding.topic}, {"role", holding.role}, {"payloads", holding.payloads}};
    if (!holding.group.empty()) held.update({{"group", holding.group}, {"begun", holding.begun}});
    json["holds"].push_back(std::move(held));
  }
  return json;
}

int list_processes(const Context& context) {
  const Bus bus = open_to_look(context);
  Holdings holdings = holdings_of_all(bus);
  Table table({">PID", "COMMAND", "STATE", ">JOINED", "HOLDS"});
  Json processes = Json::array();
  for (const ProcessInfo& process : bus.processes()) {
    const std::vector<Holding>& held = holdings[who(process)];
    processes.push_back(json_of(process, held));
    table.add({std::to_string(process.pid), printable(process.command), kernel_state_of(process),
               age_of(process), text_of(held)});
  }
  if (context.json) {
    print_json({{"bus", context.bus}, {"path", bus.path()}, {"processes", processes}});
  } else {
    table.print();
  }
  return kOk;
}

}  // namespace

void add_ps(CLI::App& app, Context& context) {
  CLI::App* const command = add_command(
      app, context, "ps", "List the processes of the bus and what they hold", list_processes);
  command->footer(
      "PID is the process's own, which may mean nothing outside its PID namespace. A dead\n"
      "process is listed until somebody repairs what it left (`tow heal` does, towd at once).\n"
      "A stopped one is alive: what it holds stays.\n"
      "Examples:\n"
      "  tow ps\n"
      "  tow ps --json | jq '.processes[] | select(.state == \"stopped\")'\n");
}

}  // namespace tow::cli
