// Each order that the product declares is weakened in turn: a scenario must then fail, or
// docs/memory_model.md must say why none can.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>

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
      bounds.seconds = 0.3;
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

/// TOWPATH_SCHEDULE_LABEL: only this one, and how it fails.
const char* only_label() { return std::getenv("TOWPATH_SCHEDULE_LABEL"); }

/// The case that fails when the site is weakened; empty when none does.
std::string caught_by(const LabelledSite& site, How how, const std::vector<const Case*>& cases,
                      double most_seconds) {
  weaken(Weakened{site.file, site.first, site.last, how});
  std::string catcher;
  // Short looks at all first: most are caught at once.
  for (double seconds = 0.2; seconds <= most_seconds && catcher.empty(); seconds *= 5) {
    for (const Case* const one : cases) {
      Bounds bounds = one->bounds;
      bounds.seconds = seconds;
      bounds.mode = Mode::stale;
      const Report report = Explorer(one->make(), bounds).run();
      if (report.failure.empty()) continue;
      if (only_label() != nullptr) std::printf("%s\n", report.failure.c_str());
      catcher = one->name;
      break;
    }
  }
  weaken(std::nullopt);
  return catcher;
}

std::string text_of(const LabelledSite& site) {
  const std::string name = site.file.substr(site.file.rfind('/') + 1);
  return name + ":" + std::to_string(site.first) + "  " + site.code;
}

TEST(Weakening, EachLabelledOrderIsMissedByAScenarioOrArguedForInTheMemoryModel) {
  const auto sites = labelled_sites(TOWPATH_SOURCE_DIR);
  EXPECT_GT(sites.size(), 70U);
  const Coverage coverage;
  const char* const only = only_label();
  std::size_t caught = 0, reasoned = 0;
  for (const LabelledSite& site : sites) {
    if (only != nullptr && site.label != only) continue;
    EXPECT_NE(site.label, "") << text_of(site);
    const char* const reason = why_not_caught(site);
    const auto cases = coverage.cases_that_pass(site);
    std::string verdict = reason != nullptr ? std::string("argued: ") + reason : "";
    if (reason == nullptr) {
      const std::string off = caught_by(site, How::off, cases, 1);
      EXPECT_NE(off, "") << site.label << ' ' << text_of(site) << ": " << cases.size()
                         << " scenarios pass it, none fails without it";
      verdict = off.empty() ? "NOT CAUGHT" : "caught by " + off;
      if (!off.empty() && site.sequential) {
        const std::string milder = caught_by(site, How::milder, cases, 1);
        verdict += milder.empty() ? "; acq_rel would do" : "; as acq_rel by " + milder;
      }
    }
    (reason == nullptr ? caught : reasoned) += 1;
    std::printf("  [%s] %-90.90s %s\n", site.label.c_str(), text_of(site).c_str(), verdict.c_str());
    std::fflush(stdout);
  }
  std::printf("%zu labelled orders: %zu caught, %zu argued\n", caught + reasoned, caught, reasoned);
}

}  // namespace
}  // namespace tow::schedule
