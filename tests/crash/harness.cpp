#include "harness.hpp"

#include <filesystem>
#include <vector>

#include "recovery.hpp"
#include "region.hpp"
#include "source_lines.hpp"
#include "stepper.hpp"

namespace tow::crash {
namespace {

/// One life of the child that operates, and the stage around it.
class Life {
 public:
  explicit Life(const Operation& operation)
      : operation_(operation), stage_(operation.setting), actor_(stage_.actor(*progress_)) {
    const Setting& setting = operation.setting;
    stepper_.emplace(Script{[this] { operation_.prepare(*actor_); },
                            [this] { operation_.act(*actor_); }, [this] { actor_.reset(); }});
    const std::uint64_t prepared = progress_->published.load();
    if (setting.meanwhile) setting.meanwhile(stage_);
    if (setting.sleeper) expected_.bell = stage_.want_bell();
    expected_.options = stage_.options();
    expected_.before = stage_.last_sequence() - prepared;
    expected_.at_most = operation.publishes;
    expected_.together = operation.together;
    expected_.may_be_removed = operation.may_remove || !setting.topic;
    // Of few large messages the newest alone stays.
    expected_.history = setting.bytes * 5 < kPoolBytes;
    if (setting.group) expected_.group = setting.group_want;
    if (stage_.survivor() != nullptr) expected_.unread = stage_.survivor()->next_sequence();
  }

  Stage& stage() { return stage_; }
  Stepper& stepper() { return *stepper_; }
  Progress& progress() { return *progress_; }
  Expectation expected() const {
    Expectation now = expected_;
    now.surely = progress_->published.load() + operation_.decided;
    if (operation_.verdict) {
      now.verdict = [this, done = progress_->done.load()](const Bus& bus) {
        return operation_.verdict(bus, done);
      };
    }
    return now;
  }

 private:
  const Operation& operation_;
  test::Shared<Progress> progress_;
  Stage stage_;
  std::unique_ptr<Actor> actor_;
  Expectation expected_;
  std::optional<Stepper> stepper_;
};

/// The child's view of the region is the survivor's; it is recovered on a copy.
std::string recover_copy(Life& life, const Region& region) {
  const test::TempDir directory;
  const std::string copy = directory.path() + "/copy";
  region.copy_to(copy);
  Living living(life.stage().path(), static_cast<std::uint32_t>(life.stepper().pid()));
  living.come_to_life(copy);
  Expectation expected = life.expected();
  expected.end_survivors = [&] { living.end(); };
  return find_fault(copy, expected);
}

/// Dies for real; those who were there go on, then a newcomer looks.
std::string recover_original(Life& life) {
  life.stepper().kill();
  Expectation expected = life.expected();
  Stage& stage = life.stage();
  try {
    if (stage.survivor() != nullptr && !expected.may_be_removed) stage.read_all();
  } catch (const std::exception& fault) {
    return fault.what();
  }
  if (stage.survivor() != nullptr) expected.unread = stage.survivor()->next_sequence();
  expected.end_survivors = [&] { stage.leave(); };
  return find_fault(stage.path(), expected);
}

std::string describe(const std::string& fault, const char* how, Place place) {
  return fault + " (" + how + ' ' + source_line(place.address) + ", time " +
         std::to_string(place.hit) + ')';
}

struct Walk {
  std::vector<Place> places;
  std::string fault;
};

/// Every instruction. Notes the places where the region is in a new state, and those behind system
/// calls that have an effect. To die anywhere else is to die at the last of these.
Walk walk(const Operation& operation) {
  Walk walk;
  Life life(operation);
  Region region(life.stage().path());
  Stepper& stepper = life.stepper();
  bool more = true;
  while (more) {
    const Place before = stepper.here();
    executed().insert(offset_of(before.address));
    const bool system_call = stepper.at_effective_call();
    more = stepper.step();
    ++counts().instructions;
    if (system_call) region.look_for_files();
    const bool new_state = region.changed() && region.is_new();
    // A string instruction has a state for each of its steps; some of them will do.
    const bool repeated = stepper.here().address == before.address && stepper.here().hit > 8;
    if ((system_call || new_state) && !repeated) walk.places.push_back(stepper.here());
    if (!new_state) continue;
    ++counts().states;
    if (const std::string fault = recover_copy(life, region); !fault.empty()) {
      walk.fault = describe(fault, "dead behind", before);
      return walk;
    }
  }
  const int status = stepper.finish();
  if (status != 0) walk.fault = "the operation ended with status " + std::to_string(status);
  return walk;
}

/// The instructions of our own code: what others do in the midst of the C library's is the same as
/// what they do before or behind it. Of loops the first rounds, and of long operations as many as
/// there is time for, evenly.
std::vector<Place> places_to_interrupt(const Operation& operation) {
  constexpr std::size_t kMost = 500;
  constexpr std::uint64_t kRounds = 16;
  std::vector<Place> places;
  Life life(operation);
  while (life.stepper().step()) {
    const Place here = life.stepper().here();
    if (is_own_code(here.address) && here.hit <= kRounds) places.push_back(here);
  }
  if (places.size() <= kMost) return places;
  std::vector<Place> chosen;
  for (std::size_t i = 0; i < kMost; ++i) chosen.push_back(places[i * places.size() / kMost]);
  return chosen;
}

}  // namespace

Counts& counts() {
  static Counts counts;
  return counts;
}

std::set<std::uint64_t>& executed() {
  static std::set<std::uint64_t> executed;
  return executed;
}

std::string interrupt_everywhere(const Interruption& interruption) {
  for (const Place place : places_to_interrupt(interruption.operation)) {
    Life life(interruption.operation);
    Stepper& stepper = life.stepper();
    if (!stepper.run_to(place)) {
      ++counts().missed;
      continue;
    }
    interruption.interrupt(life.stage());
    stepper.run_to_end();
    ++counts().interruptions;
    const std::string fault = interruption.verdict(life.stage(), life.progress());
    if (!fault.empty()) return describe(fault, "interrupted at", place);
  }
  return {};
}

std::string kill_everywhere(const Operation& operation) {
  ++counts().operations;
  const Walk way = walk(operation);
  if (!way.fault.empty()) return way.fault;
  Life unbegun(operation);
  ++counts().kills;
  if (const std::string fault = recover_original(unbegun); !fault.empty()) {
    return fault + " (killed before the operation)";
  }
  for (const Place place : way.places) {
    Life life(operation);
    if (!life.stepper().run_to(place)) {
      ++counts().missed;
      continue;
    }
    ++counts().kills;
    if (const std::string fault = recover_original(life); !fault.empty()) {
      return describe(fault, "killed at", place);
    }
  }
  return {};
}

}  // namespace tow::crash
