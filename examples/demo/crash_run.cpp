#include "crash_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <stdexcept>
#include <towpath/towpath.hpp>

#include "roles.hpp"

namespace demo {
namespace {

using Counts = std::map<std::string, std::uint64_t>;

struct Cast {
  Child publisher, standby, copy, sections, victim;
  std::vector<Child*> everybody() { return {&publisher, &standby, &copy, &sections, &victim}; }
};

/// When the two deaths were, and how far "copy" had come then.
struct Deaths {
  std::uint64_t victim_ns = 0, publisher_ns = 0;
  std::uint64_t victim_at = 0;
};

Cast raise_curtain(const CrashRun& run) {
  const auto wait_ready = [&run](Child& child, std::uint32_t count) {
    patience(child.name() + " to join", {&child},
             [&run, count] { return run.board->ready.load(std::memory_order_acquire) == count; });
  };
  // The publisher first: whoever comes second is the standby.
  Child publisher("publisher", [&run] { return play_publisher(run); });
  wait_ready(publisher, 1);
  Child standby("standby", [&run] { return play_standby(run); });
  wait_ready(standby, 2);
  Child copy("copy", [&run] { return play_copy(run); });
  wait_ready(copy, 3);
  Child sections("sections", [&run] { return play_sections(run); });
  wait_ready(sections, 4);
  Child victim("victim", [&run] { return play_victim(run); });
  wait_ready(victim, 5);
  return {std::move(publisher), std::move(standby), std::move(copy), std::move(sections),
          std::move(victim)};
}

/// Lets the stream run until `copy` has `count` records.
void stream_until(std::uint64_t count, Story& story, const CrashRun& run, Cast& cast) {
  const std::uint64_t total = run.input.records().size();
  patience(
      fmt::format("record {}", count), cast.everybody(),
      [&] {
        const std::uint64_t copied = run.board->copied.load(std::memory_order_relaxed);
        story.progress(copied, total, "records");
        return copied >= count;
      },
      100);
}

Deaths play(Story& story, const CrashRun& run, Cast& cast) {
  const std::uint64_t total = run.input.records().size();
  std::mt19937_64 random(std::random_device{}());
  const auto share = [&](std::uint64_t from_percent, std::uint64_t to_percent) {
    return total * std::uniform_int_distribution(from_percent * 10, to_percent * 10)(random) / 1000;
  };
  const auto percent = [total](std::uint64_t count) { return count * 100 / total; };
  Deaths deaths;
  run.board->go.store(1, std::memory_order_release);

  stream_until(share(10, 20), story, run, cast);
  deaths.victim_ns = cast.victim.kill_now();
  deaths.victim_at = run.board->copied.load(std::memory_order_relaxed);
  story.say(fmt::format("  {:3} %  kill -9 {} (subscriber \"victim\")", percent(deaths.victim_at),
                        cast.victim.pid()));

  stream_until(share(30, 70), story, run, cast);
  if (run.board->resumed_at.load(std::memory_order_acquire) != 0) {
    throw std::runtime_error("the standby did not wait for the publisher's end");
  }
  deaths.publisher_ns = cast.publisher.kill_now();
  const std::uint64_t publisher_at = run.board->copied.load(std::memory_order_relaxed);
  story.say(fmt::format("  {:3} %  kill -9 {} (the publisher)", percent(publisher_at),
                        cast.publisher.pid()));
  patience(
      "the standby", {&cast.standby, &cast.copy, &cast.sections},
      [&run] { return run.board->resumed_at.load(std::memory_order_acquire) != 0; }, 100);
  story.say(fmt::format("         the standby {} goes on with record {}", cast.standby.pid(),
                        with_commas(run.board->resumed_at.load(std::memory_order_relaxed))));
  stream_until(total, story, run, cast);
  patience("everybody to end", cast.everybody(), [&cast] {
    const auto all = cast.everybody();
    return std::all_of(all.begin(), all.end(), [](Child* child) { return child->ended(); });
  });
  story.end_progress();
  return deaths;
}

Counts count_sections(const Input& input) {
  Counts counts;
  for (const std::string_view record : input.records()) ++counts[std::string(section_of(record))];
  return counts;
}

Counts read_counts(const std::string& path) {
  Counts counts;
  std::ifstream file(path);
  std::uint64_t count = 0;
  std::string section;
  while (file >> count && file.get() && std::getline(file, section)) counts[section] = count;
  return counts;
}

void show_sections(Story& story, const Counts& counts) {
  std::vector<std::pair<std::uint64_t, std::string>> sorted;
  for (const auto& [section, count] : counts) {
    if (!section.empty()) sorted.emplace_back(count, section);
  }
  std::sort(sorted.rbegin(), sorted.rend());
  for (std::size_t row = 0; row < 2; ++row) {
    std::string line = "       ";
    for (std::size_t i = row * 4; i < std::min(sorted.size(), row * 4 + 4); ++i) {
      line += fmt::format("   {:<10} {:>7}", sorted[i].second, with_commas(sorted[i].first));
    }
    if (sorted.size() > row * 4) story.say(line);
  }
}

void check_survivors(Story& story, const CrashRun& run, Cast& cast, const std::string& input_path) {
  const std::uint64_t total = run.input.records().size();
  const std::string wanted = sha256_of(input_path), got = sha256_of(run.copy_path);
  story.check(!wanted.empty() && wanted == got,
              fmt::format("copy: SHA-256 {:.16}... is the input's", got));
  story.check(
      cast.copy.succeeded() && run.board->copied == total && run.board->gaps == 0,
      fmt::format("copy: {} records, each once, in order, no gap", with_commas(run.board->copied)));
  const Counts expected = count_sections(run.input), counted = read_counts(run.sections_path);
  story.check(cast.sections.succeeded() && counted == expected,
              fmt::format("sections: {} records in {} sections, all counted right",
                          with_commas(total), counted.size() - counted.count("")));
  show_sections(story, counted);
  story.check(cast.publisher.was_killed() && cast.victim.was_killed() && cast.standby.succeeded(),
              "two were killed, and the three others noticed no more than a pause");
  const auto removed = tow::Bus::remove(run.bus_path);
  story.check(removed.has_value(),
              removed ? "nothing left: the bus could be removed" : removed.error().message());
}

/// The longest time between two takes from `from` on, within the next few depths of the topic: by
/// then publishers must have found out about a death at `after_ns`.
double longest_pause_ns(const CrashRun& run, std::uint64_t from, std::uint64_t after_ns) {
  constexpr std::uint64_t kReach = 4096;
  const std::uint64_t end = std::min<std::uint64_t>(from + kReach, run.input.records().size());
  std::uint64_t longest = 0;
  for (std::uint64_t i = std::max<std::uint64_t>(from, 1); i < end; ++i) {
    if (run.taken_ns[i] < after_ns) continue;
    longest = std::max(longest, run.taken_ns[i] - std::max(run.taken_ns[i - 1], after_ns));
  }
  return static_cast<double>(longest);
}

}  // namespace

CrashFigures crash_run(Story& story, const Input& input, const std::string& input_path,
                       const std::string& files, const std::string& bus_path) {
  Shared<Board> board;
  Shared<std::uint64_t> taken_ns(input.records().size());
  const CrashRun run{input, bus_path, files + "/copy", files + "/sections", board, taken_ns};
  Cast cast = raise_curtain(run);
  story.say(
      fmt::format("Processes: publisher {}, its standby {}, subscribers copy {}, sections {}, "
                  "victim {}.",
                  cast.publisher.pid(), cast.standby.pid(), cast.copy.pid(), cast.sections.pid(),
                  cast.victim.pid()));
  const Deaths deaths = play(story, run, cast);
  check_survivors(story, run, cast, input_path);

  const std::size_t last = input.records().size() - 1;
  const std::uint64_t resumed = std::min<std::uint64_t>(board->resumed_at - 1, last);
  CrashFigures figures;
  figures.seconds = static_cast<double>(taken_ns[last] - taken_ns[0]) / 1e9;
  figures.p50_ns = static_cast<double>(board->p50_ns);
  figures.p99_ns = static_cast<double>(board->p99_ns);
  figures.after_publisher_ns = static_cast<double>(taken_ns[resumed] - deaths.publisher_ns);
  figures.after_subscriber_ns = longest_pause_ns(run, deaths.victim_at, deaths.victim_ns);
  return figures;
}

}  // namespace demo
