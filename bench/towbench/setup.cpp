/// What it takes to have a bus at all: time to the first message, memory of a process that joins.

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "bench/harness/memory.hpp"
#include "families.hpp"
#include "tow_link.hpp"

namespace towbench {
namespace {

using Quote = Payload<48>;

/// In a fresh process and a fresh directory: bus, topic, publisher, first message out.
void open_and_publish(Stage& stage, tow::Publishers publishers) {
  const std::uint64_t began = tow::shm::monotonic_ns();
  const auto bus = tow::Bus::open(stage.bus_path()).value();
  const auto topic = bus.topic<Quote>("quotes", {.publishers = publishers}).value();
  auto publisher = topic.publisher().value();
  publisher.publish(Quote{}).value();
  stage.record(static_cast<double>(tow::shm::monotonic_ns() - began) / 1e6);
}

std::vector<Row> measure_open(tow::Publishers publishers, const char* mode,
                              const Settings& settings) {
  const Subject subject{"towpath",
                        "1to0",
                        sizeof(Quote),
                        mode,
                        "open_to_first_message",
                        "ms",
                        Target{Target::Kind::p50, 2.0, ""}};
  constexpr double kOpensASecond = 20;
  const int opens = std::max(5, static_cast<int>(settings.seconds * kOpensASecond));
  std::vector<double> ms;
  for (int i = 0; i < opens; ++i) {
    Stage stage;
    const Role role{settings.first_core, [&] { open_and_publish(stage, publishers); }};
    stage.run(std::span(&role, 1), 20);
    ms.push_back(stage.recorded().front());
  }
  return {summarise_values(subject, std::move(ms))};
}

/// Runs a program of its own, so that no memory inherited by fork blurs the figure.
double joined_memory_kib(const Stage& stage) {
  const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const std::string command =
      fmt::format("'{}' '{}'", (here / "towbench_joiner").string(), stage.bus_path());
  FILE* const output = popen(command.c_str(), "r");
  double kib = 0;
  const bool read = output != nullptr && std::fscanf(output, "%lf", &kib) == 1;
  if (output == nullptr || pclose(output) != 0 || !read) throw Failure("could not run " + command);
  return kib;
}

std::vector<Row> measure_memory(const Settings& settings) {
  const Subject subject{"towpath",
                        "1to1",
                        sizeof(Quote),
                        "many",
                        "joined_memory",
                        "KiB",
                        Target{Target::Kind::p50, 1024, ""}};
  constexpr int kProcesses = 5;
  Stage stage;
  const Role role{settings.first_core, [&] { open_and_publish(stage, tow::Publishers::many); }};
  stage.run(std::span(&role, 1), 20);
  std::vector<double> kib;
  for (int i = 0; i < kProcesses; ++i) kib.push_back(joined_memory_kib(stage));
  return {summarise_values(subject, std::move(kib))};
}

/// What a bus with one topic, one publisher and one subscriber takes of /dev/shm.
std::vector<Row> measure_files(const Settings& settings) {
  const Subject subject{"towpath", "1to1", sizeof(Quote), "many", "dev_shm", "KiB", {}};
  Stage stage;
  const Role role{settings.first_core, [&] {
                    const auto topic = open_topic<sizeof(Quote), tow::Publishers::many>(stage);
                    const auto publisher = topic.publisher().value();
                    const auto subscriber = topic.subscriber().value();
                    stage.record(static_cast<double>(allocated_bytes(stage.bus_path())) / 1024);
                  }};
  stage.run(std::span(&role, 1), 20);
  return {summarise_values(subject, {stage.recorded().front()})};
}

}  // namespace

void add_setup(std::vector<Experiment>& all) {
  using enum tow::Publishers;
  all.push_back({"open_one", "fresh directory: bus, topic, publisher, first message", false,
                 [](const Settings& settings) { return measure_open(one, "one", settings); }});
  all.push_back({"open_many", "the same, publishers = many", false,
                 [](const Settings& settings) { return measure_open(many, "many", settings); }});
  all.push_back({"joined_memory", "private memory of a process that publishes and subscribes",
                 false, measure_memory});
  all.push_back({"dev_shm", "what the files of a bus with one topic take", false, measure_files});
}

}  // namespace towbench
