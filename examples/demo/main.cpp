/// The demo of Towpath: a real stream between real processes, two of which are killed, and then a
/// group of workers that share it, of which one is killed.
///
///   towpath_demo [FILE]     streams FILE, or what `apt-cache dumpavail` prints
///
/// Succeeds when nothing was lost, doubled or reordered, and every survivor got everything.

#include <fmt/format.h>

#include <cstdlib>
#include <exception>
#include <string>

#include "comparison.hpp"
#include "crash_run.hpp"
#include "group_run.hpp"
#include "records.hpp"
#include "stage.hpp"
#include "story.hpp"

namespace {

using namespace demo;

std::string folder_for_files() {
  const char* chosen = std::getenv("TMPDIR");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/tmp";
}

void show_figures(Story& story, const Input& input, const CrashFigures& crash,
                  const GroupFigures& group, const Comparison& compared) {
  const auto cell = [](const Speed& speed) {
    return fmt::format("{:>6.0f}{:>9}{:>9}", speed.megabytes_per_s, human_time(speed.p50_ns),
                       human_time(speed.p99_ns));
  };
  const auto row = [&](std::string_view what, const Speed& towpath, const Speed& socket) {
    story.say(fmt::format("  {:<32}{}    {}", what, cell(towpath), cell(socket)));
  };
  story.say("");
  story.say(fmt::format("  {:<32}{:>24}    {:>24}", "One sender to one receiver:", "Towpath",
                        "Unix socket"));
  story.say(fmt::format("  {:<32}{:>6}{:>9}{:>9}    {:>6}{:>9}{:>9}", "", "MB/s", "p50", "p99",
                        "MB/s", "p50", "p99"));
  row(fmt::format("{},000 records a second", kPacedPerSecond / 1000), compared.towpath_paced,
      compared.socket_paced);
  row("as fast as it goes (queueing)", compared.towpath_full, compared.socket_full);
  story.say("");
  const double megabytes = static_cast<double>(input.bytes().size()) / 1e6;
  story.say(
      fmt::format("  To three subscribers, with two deaths: {} messages, {:.0f} MB/s, "
                  "queueing p50 {}, p99 {}.",
                  with_commas(input.records().size()), megabytes / crash.seconds,
                  human_time(crash.p50_ns), human_time(crash.p99_ns)));
  story.say(
      fmt::format("  Survivors waited {} for the dead publisher's successor, {} for the dead "
                  "subscriber.",
                  human_time(crash.after_publisher_ns), human_time(crash.after_subscriber_ns)));
  story.say(
      fmt::format("  To a group of three workers, with one death: {:.0f} MB/s; another had the "
                  "dead one's record after {}.",
                  megabytes / group.seconds, human_time(group.after_worker_ns)));
}

int run(const char* file) {
  Story story;
  const TemporaryFolder files(folder_for_files()), buses("/dev/shm");
  std::string input_path = file == nullptr ? "" : file;
  if (file == nullptr) {
    input_path = files.path() + "/input";
    save_package_index(input_path);
  }
  const Input input(input_path);
  story.say(fmt::format("Input: {}, {} {}, {:.1f} MB in all.",
                        file == nullptr ? "Debian's package index" : file,
                        with_commas(input.records().size()), input.unit(),
                        static_cast<double>(input.bytes().size()) / 1e6));
  const CrashFigures crash =
      crash_run(story, input, input_path, files.path(), buses.path() + "/bus");
  const GroupFigures group = group_run(story, input, buses.path() + "/queue");
  const Comparison compared = compare(story, input, buses.path());
  show_figures(story, input, crash, group, compared);
  story.say(story.all_held() ? "\nAll held." : "\nNot everything held.");
  return story.all_held() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
    fmt::print(stderr, "usage: towpath_demo [FILE]\n");
    return 2;
  }
  catch_interrupts();
  try {
    return run(argc == 2 ? argv[1] : nullptr);
  } catch (const Interrupted&) {
    fmt::print(stderr, "\ntowpath_demo: interrupted; everything temporary is gone\n");
    return 130;
  } catch (const std::exception& error) {
    fmt::print(stderr, "\ntowpath_demo: {}\n", error.what());
    return 1;
  }
}
