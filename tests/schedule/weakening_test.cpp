// Each order that the product declares is weakened in turn: a scenario must then fail, or
// docs/memory_model.md must say why none can.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "argued.hpp"
#include "cases.hpp"
#include "labels.hpp"
#include "sites.hpp"

namespace tow::schedule {
namespace {

using How = Weakened::How;

/// Which cases pass which sites; a case that does not pass an order cannot miss it.
class Coverage {
 public:
  Coverage() {
    take_passed();
    for (const Case& one : all_cases()) {
      Bounds bounds = one.bounds;
      bounds.seconds = 1000;
      bounds.schedules = 1000;
      bounds.mode = Mode::stale;
      Explorer(one.make(), bounds).run();
      passed_.push_back(take_passed());
    }
  }
  std::vector<const Case*> cases_that_pass(const LabelledSite& site) const {
    std::vector<const Case*> found;
    for (std::size_t i = 0; i < passed_.size(); ++i) {
      const auto inside = [&](const auto& place) {
        return place.second >= site.first && place.second <= site.last &&
               place.first.ends_with(site.file);
      };
      if (std::any_of(passed_[i].begin(), passed_[i].end(), inside)) {
        found.push_back(&all_cases()[i]);
      }
    }
    return found;
  }

 private:
  std::vector<Passed> passed_;
};

/// TOWPATH_SCHEDULE_LABEL: only these (as in "L2,L7"), and how it fails without them.
const char* only_label() { return std::getenv("TOWPATH_SCHEDULE_LABEL"); }

/// The case that fails when the site is weakened; empty when none does.
std::string caught_by(const LabelledSite& site, How how, const std::vector<const Case*>& cases,
                      std::uint64_t most) {
  weaken(Weakened{site.file, site.first, site.last, how});
  std::string catcher;
  // Short looks at all first: most are caught at once. Counted, not timed: a slow machine must find
  // what a fast one does.
  for (std::uint64_t schedules = 200; schedules <= most && catcher.empty(); schedules *= 10) {
    for (const Case* const one : cases) {
      Bounds bounds = one->bounds;
      bounds.seconds = 1000;
      bounds.schedules = schedules;
      bounds.mode = Mode::stale;
      const Report report = Explorer(one->make(), bounds).run();
      if (report.failure.empty()) continue;
      if (only_label() != nullptr) {
        std::printf("%llu: %s\n", static_cast<unsigned long long>(report.schedules),
                    report.failure.c_str());
      }
      catcher = one->name;
      break;
    }
  }
  weaken(std::nullopt);
  return catcher;
}

std::string text_of(const LabelledSite& site) {
  const std::string name = site.file.substr(site.file.rfind('/') + 1);
  return name + ":" + std::to_string(site.first) + " " + site.function + "()";
}

/// Says who misses the order, or why nobody does; fails when neither is known.
std::string verdict_on(const LabelledSite& site, const std::vector<const Case*>& cases) {
  constexpr std::uint64_t kMost = 20'000;
  if (const char* const reason = why_not_caught(site); reason != nullptr) {
    // An argument that a scenario refutes is none; a long run doubts it longer.
    const std::uint64_t doubt = std::getenv("TOWPATH_SCHEDULE_SECONDS") != nullptr ? 2000 : 200;
    EXPECT_EQ(caught_by(site, How::off, cases, doubt), "") << site.label << ' ' << text_of(site);
    return std::string("argued: ") + reason;
  }
  const std::string off = caught_by(site, How::off, cases, kMost);
  EXPECT_NE(off, "") << site.label << ' ' << text_of(site) << ": " << cases.size()
                     << " scenarios pass it, none fails without it";
  if (off.empty() || !site.sequential) return off.empty() ? "NOT CAUGHT" : "caught by " + off;
  if (acq_rel_would_do(site)) return "caught by " + off + "; acq_rel would do";
  const std::string milder = caught_by(site, How::milder, cases, kMost);
  EXPECT_NE(milder, "") << site.label << ' ' << text_of(site) << ": acq_rel would do";
  return "caught by " + off + "; as acq_rel by " + milder;
}

TEST(Weakening, EachLabelledOrderIsMissedByAScenarioOrArguedForInTheMemoryModel) {
  const auto sites = labelled_sites(TOWPATH_SOURCE_DIR);
  EXPECT_GT(sites.size(), 70U);
  const Coverage coverage;
  std::size_t argued = 0, all = 0;
  for (const LabelledSite& site : sites) {
    if (only_label() != nullptr && std::strstr(only_label(), site.label.c_str()) == nullptr) {
      continue;
    }
    EXPECT_NE(site.label, "") << text_of(site);
    ++all;
    if (why_not_caught(site) != nullptr) ++argued;
    std::printf("  [%s] %-45s ", site.label.c_str(), text_of(site).c_str());
    std::printf("%s\n", verdict_on(site, coverage.cases_that_pass(site)).c_str());
    std::fflush(stdout);
  }
  std::printf("weakened %zu labelled orders: %zu caught, %zu argued\n", all, all - argued, argued);
}

}  // namespace
}  // namespace tow::schedule
