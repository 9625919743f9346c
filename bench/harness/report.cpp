#include "report.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace towbench {
namespace {

constexpr const char* kColumns = "{:<46} {:<9} {:>9} {:>9} {:>9} {:>9} {:>7} {:>11}  {:<16} {}\n";

std::string figure(double value) {
  if (value == 0) return "-";
  return value < 10 ? fmt::format("{:.2f}", value) : fmt::format("{:.1f}", value);
}

std::string target_text(const Row& row) {
  const auto reached = row.reached();
  if (!reached) return "";
  const Target& target = *row.subject.target;
  const char* const unit = target.kind == Target::Kind::ratio ? "x" : "";
  return fmt::format("<= {}{} {}", target.at_most, unit, *reached ? "ok" : "MISSED");
}

}  // namespace

void print_heading(const Machine& machine) {
  fmt::print("{}, Linux {}, {}, commit {}\n", machine.cpu, machine.kernel, machine.compiler,
             machine.commit);
  double load = 0;
  if (getloadavg(&load, 1) == 1 && load > 0.5) {
    fmt::print("other processes are busy (load {:.1f}): the higher percentiles are theirs too\n",
               load);
  }
}

void print_column_names() {
  fmt::print(fmt::runtime(kColumns), "system, topology, payload, metric, mode", "placement", "p50",
             "p99", "p99.9", "floor", "ratio", "kept/disc.", "target", "unit");
  std::fflush(stdout);  // else a process forked later may print it again
}

void print_row(const Row& row) {
  const Subject& subject = row.subject;
  const std::string name = fmt::format("{} {} {} B {} {}", subject.system, subject.topology,
                                       subject.payload_bytes, subject.metric, subject.mode);
  const std::string ratio = row.ratio == 0 ? "-" : fmt::format("{:.2f}", row.ratio);
  fmt::print(fmt::runtime(kColumns), name, row.placement, figure(row.p50), figure(row.p99),
             figure(row.p99_9), figure(row.floor), ratio,
             fmt::format("{}/{}", row.samples, row.discarded), target_text(row), subject.unit);
  std::fflush(stdout);
}

void write_json(const std::string& path, const Machine& machine, std::span<const Row> rows) {
  nlohmann::ordered_json document;
  document["machine"] = {{"cpu", machine.cpu},
                         {"kernel", machine.kernel},
                         {"compiler", machine.compiler},
                         {"commit", machine.commit}};
  document["curve_at"] = kCurve;
  document["rows"] = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    const Subject& subject = row.subject;
    document["rows"].push_back({{"system", subject.system},
                                {"topology", subject.topology},
                                {"payload_bytes", subject.payload_bytes},
                                {"mode", subject.mode},
                                {"settings", subject.settings},
                                {"metric", subject.metric},
                                {"unit", subject.unit},
                                {"placement", row.placement},
                                {"p50", row.p50},
                                {"p99", row.p99},
                                {"p99_9", row.p99_9},
                                {"max", row.max},
                                {"floor", row.floor},
                                {"ratio", row.ratio},
                                {"samples", row.samples},
                                {"discarded", row.discarded},
                                {"curve", row.curve}});
  }
  std::ofstream file(path);
  file << document.dump(2) << '\n';
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace towbench
