#include "cases.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "towpath/shm/clock.hpp"

namespace tow::schedule {
namespace {

constexpr std::array kModes{Mode::sequential, Mode::buffered, Mode::stale};

std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

double now() { return static_cast<double>(shm::monotonic_ns()) / 1e9; }

/// TOWPATH_SCHEDULE_SECONDS lets every search run longer than a test may.
double seconds_for(const Bounds& bounds) {
  const char* const text = std::getenv("TOWPATH_SCHEDULE_SECONDS");
  return text != nullptr ? std::atof(text) : bounds.seconds;
}

std::string extent(const Report& report) {
  if (!report.failure.empty()) return "the last one fails";
  const std::string number = std::to_string(report.preemptions);
  if (!report.complete) return "stopped behind all with " + number + " preemptions";
  return report.preemptions == kAll ? "all" : "all with up to " + number + " preemptions";
}

/// What this process explored, printed when it ends.
class Totals : public testing::Environment {
 public:
  void add(Mode mode, const Report& report) {
    Total& total = totals_[static_cast<std::size_t>(mode)];
    ++total.searches;
    if (report.complete) ++total.complete;
    total.schedules += report.schedules;
    total.deaths += report.deaths;
    total.stale += report.stale;
  }
  void TearDown() override {
    std::printf("explored");
    for (const Mode mode : kModes) {
      const Total& total = totals_[static_cast<std::size_t>(mode)];
      std::printf("%s %s: %llu interleavings, %llu with a death", mode == kModes[0] ? "" : ";",
                  name_of(mode), total.schedules, total.deaths);
      if (mode == Mode::stale) std::printf(", %llu stale reads", total.stale);
      std::printf(" (%d of %d searches complete)", total.complete, total.searches);
    }
    std::printf("\n");
  }

 private:
  struct Total {
    int searches = 0, complete = 0;
    unsigned long long schedules = 0, deaths = 0, stale = 0;
  };
  std::array<Total, kModes.size()> totals_;
};

// GoogleTest owns it.
auto* const totals = static_cast<Totals*>(testing::AddGlobalTestEnvironment(new Totals));  // NOLINT

Report explore(const std::string& name, const Scenario& scenario, Bounds bounds, Mode mode) {
  const double from = now();
  bounds.seconds = seconds_for(bounds);
  bounds.mode = mode;
  Report report = Explorer(scenario, bounds).run();
  totals->add(mode, report);
  std::printf("  %s, %s: %s; %llu interleavings (%llu with a death, %llu stale reads), %.1f s\n",
              name.c_str(), name_of(mode), extent(report).c_str(),
              static_cast<unsigned long long>(report.schedules),
              static_cast<unsigned long long>(report.deaths),
              static_cast<unsigned long long>(report.stale), now() - from);
  std::fflush(stdout);
  return report;
}

}  // namespace

const char* name_of(Mode mode) {
  if (mode == Mode::sequential) return "in order";
  return mode == Mode::buffered ? "store buffers" : "stale reads";
}

const std::vector<Case>& all_cases() { return cases(); }

std::size_t add_case(Case added) {
  cases().push_back(std::move(added));
  return cases().size() - 1;
}

void expect_to_hold(std::size_t place) {
  const Case& chosen = cases()[place];
  const Scenario scenario = chosen.make();
  for (const Mode mode : kModes) {
    const Report report = explore(chosen.name, scenario, chosen.bounds, mode);
    EXPECT_EQ(report.failure, "");
    EXPECT_GT(report.schedules, 20U);
    if (chosen.bounds.deaths != 0) {
      EXPECT_GT(report.deaths, 20U);
    }
  }
}

void expect_to_fail(const std::string& name, const std::function<Scenario()>& make, Bounds bounds) {
  // Counted, not timed: a slow machine must find what a fast one does.
  bounds.seconds = 1000;
  bounds.schedules = 20'000;
  const Scenario scenario = make();
  for (const Mode mode : kModes) {
    if (!explore("wrong: " + name, scenario, bounds, mode).failure.empty()) return;
  }
  ADD_FAILURE() << name << ": is not found";
}

}  // namespace tow::schedule
