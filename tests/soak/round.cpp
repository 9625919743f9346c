#include "round.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <stdexcept>

#include "tests/support/temp_bus.hpp"
#include "towpath/shm/histogram.hpp"

namespace tow::soak {
namespace {

/// Messages that a publisher knows to be out and the observer did not see; and messages that the
/// observer saw though nobody had begun to publish them.
struct Books {
  std::uint64_t lost = 0, phantom = 0, unrecorded = 0;
};

Books close_books(const SharedLog& log) {
  Books books;
  for (const Incarnation& life : log.incarnations) {
    const std::uint64_t seen = life.seen.load(), published = life.published.load();
    if (published > seen) books.lost += published - seen;
    if (seen > life.attempted.load()) books.phantom += seen - life.attempted.load();
    if (seen > published) books.unrecorded += seen - published;
  }
  return books;
}

PauseTally read_pauses(const Pauses& pauses) {
  PauseTally read;
  for (std::size_t i = 0; i < read.buckets.size(); ++i) {
    read.buckets[i] = pauses.buckets[i].load(shm::kRelaxed);
  }
  read.longest_ns = pauses.longest_ns.load();
  return read;
}

Tally tally_of(const SharedLog& log, const Outcome& outcome) {
  const Books books = close_books(log);
  const Leaks& leaks = log.leaks;
  Tally tally;
  tally.outcome = outcome;
  tally.rounds = 1;
  tally.messages = log.observed;
  tally.taken = log.taken - log.observed;
  tally.held = log.held;
  tally.joins = log.joins;
  tally.evictions = log.evictions;
  tally.unrecorded = books.unrecorded;
  tally.towd_repairs = log.towd_repairs;
  tally.weighings = log.weighings;
  tally.deliveries = log.deliveries;
  tally.redeliveries = log.redeliveries;
  tally.results = log.audited;
  tally.faults = {books.lost,   books.phantom,     log.reordered, log.gaps,
                  log.damaged,  log.stuck,         leaks.slots,   leaks.pools,
                  leaks.holds,  leaks.lanes,       leaks.readers, leaks.participants,
                  leaks.locks,  leaks.files,       log.grown_fds, log.grown_mappings,
                  leaks.jobs,   log.settled_twice, log.unflagged, leaks.consumers,
                  leaks.results};
  for (std::size_t i = 0; i < kRoles; ++i) tally.pauses[i] = read_pauses(log.pauses[i]);
  tally.checked = leaks.done == 1 && leaks.lane_count > 0 && log.observed != 0 &&
                  leaks.last_sequence == log.observed;
  tally.fault_list = log.fault_list();
  return tally;
}

void append(std::string& text, const char* format, ...) __attribute__((format(printf, 2, 3)));
void append(std::string& text, const char* format, ...) {
  char line[400];
  va_list values;
  va_start(values, format);
  std::vsnprintf(line, sizeof line, format, values);
  va_end(values);
  text += line;
}

using Number = unsigned long long;  // as printf wants it

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double kUsualScale = 0.1;
#else
constexpr double kUsualScale = 1;
#endif

}  // namespace

void PauseTally::add(const PauseTally& other) {
  for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += other.buckets[i];
  longest_ns = std::max(longest_ns, other.longest_ns);
}

std::uint64_t PauseTally::quantile_ns(double fraction) const {
  const auto all = std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    below += buckets[i];
    if (static_cast<double>(below) >= fraction * static_cast<double>(all)) {
      return std::min(shm::bucket_ceiling(i), longest_ns);
    }
  }
  return longest_ns;
}

bool Tally::fine() const {
  return checked && fault_list.empty() &&
         std::all_of(faults.begin(), faults.end(), [](auto count) { return count == 0; });
}

void Tally::add(const Tally& other) {
  const auto add_to = [&](auto member) { this->*member += other.*member; };
  for (const auto member :
       {&Tally::rounds, &Tally::messages, &Tally::taken, &Tally::held, &Tally::joins,
        &Tally::evictions, &Tally::unrecorded, &Tally::towd_repairs, &Tally::weighings,
        &Tally::deliveries, &Tally::redeliveries, &Tally::results}) {
    add_to(member);
  }
  outcome.kills += other.outcome.kills;
  outcome.stops += other.outcome.stops;
  outcome.seconds += other.outcome.seconds;
  for (std::size_t i = 0; i < outcome.kills_in.size(); ++i) {
    outcome.kills_in[i] += other.outcome.kills_in[i];
  }
  for (std::size_t i = 0; i < faults.size(); ++i) faults[i] += other.faults[i];
  for (std::size_t i = 0; i < kRoles; ++i) pauses[i].add(other.pauses[i]);
  checked = checked && other.checked;
  fault_list += other.fault_list;
  seed = other.seed;
}

std::string Tally::text() const {
  std::string text;
  const double rate = static_cast<double>(outcome.kills) / std::max(outcome.seconds, 1e-9);
  append(text,
         "  %llu kills and %llu stops in %.1f s, %.0f kills/s: %llu starting, %llu waiting, "
         "%llu working, %llu ending\n",
         Number{outcome.kills}, Number{outcome.stops}, outcome.seconds, rate,
         Number{outcome.kills_in[0]}, Number{outcome.kills_in[1]}, Number{outcome.kills_in[2]},
         Number{outcome.kills_in[3]});
  append(text,
         "  %llu messages, %llu more taken by the killed, %llu held, %llu joins, "
         "%llu evictions, %llu out but unrecorded, %llu repairs by towd, %llu looks at fds and "
         "mappings\n",
         Number{messages}, Number{taken}, Number{held}, Number{joins}, Number{evictions},
         Number{unrecorded}, Number{towd_repairs}, Number{weighings});
  append(text,
         "  %llu deliveries to a group, %llu of them flagged as redelivered; %llu results, each "
         "published with its ack\n",
         Number{deliveries}, Number{redeliveries}, Number{results});
  text += "  pauses with a death in them, p99 and longest, ms:";
  for (std::size_t i = 0; i < kRoles; ++i) {
    if (pauses[i].longest_ns == 0) continue;
    append(text, " %s %.1f, %.1f;", to_text(static_cast<Role>(i)),
           static_cast<double>(pauses[i].quantile_ns(0.99)) / 1e6,
           static_cast<double>(pauses[i].longest_ns) / 1e6);
  }
  text.back() = '\n';
  text += "  ";
  for (std::size_t i = 0; i < faults.size(); ++i) {
    append(text, "%s %llu%s", kFaultNames[i], Number{faults[i]},
           i + 1 == faults.size() ? "\n" : ", ");
  }
  return text;
}

Tally run_round(Plan plan, std::uint64_t seed) {
  const test::TempDir directory;
  plan.bus = directory.path() + "/bus";
  plan.seed = seed;
  SharedLog* const log = SharedLog::map();
  if (log == nullptr) throw std::runtime_error("cannot map shared memory");
  Outcome outcome;
  {
    Chaos chaos(plan, *log);
    outcome = chaos.run();
  }
  Tally tally = tally_of(*log, outcome);
  tally.seed = seed;
  munmap(log, sizeof *log);
  return tally;
}

double scale() {
  const char* const text = std::getenv("TOWPATH_SOAK_SCALE");
  return text != nullptr ? std::atof(text) : kUsualScale;
}

std::uint64_t fresh_seed() {
  const char* const text = std::getenv("TOWPATH_SOAK_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device{}();
}

}  // namespace tow::soak
