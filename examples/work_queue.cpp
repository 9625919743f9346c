/// A work queue: three processes share its jobs. One of them is killed in the middle
/// of a job, and another does it again.
///
///   work_queue [FOLDER]     the bus lives in FOLDER, or in a temporary one, removed at the end

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <set>
#include <string>
#include <towpath/towpath.hpp>

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kJobs = 300;
constexpr std::uint64_t kDeadly = 100;  // kills who begins it first
constexpr std::size_t kWorkers = 3;
constexpr int kPatience = 30'000;  // looks, each a millisecond apart

struct Job {
  std::uint64_t number;
};
struct Done {
  std::uint64_t job;
  std::uint32_t worker, attempts;
};

void do_it(const Job& job, bool begun_before) {
  usleep(500);
  if (job.number == kDeadly && !begun_before) raise(SIGKILL);
}

void work(const std::string& path, std::uint32_t self) {
  auto bus = tow::Bus::open(path).value();
  auto done = bus.topic<Done>("done").value().publisher().value();
  // [snippet]
  auto consumer = bus.queue<Job>("jobs").value().consumer().value();  // in any number of processes
  while (auto job = consumer.take(10s)) {
    do_it(*job, job.redelivered());
    // [/snippet]
    done.publish({job->number, self, job.attempts()}).value();
    // [snippet]
    job.ack().value();  // who dies before leaves it to another
  }
  // [/snippet]
}

template <class Condition>
bool eventually(Condition&& condition) {
  for (int look = 0; look < kPatience; ++look) {
    if (condition()) return true;
    usleep(1000);
  }
  return false;
}

/// Publishes the jobs, and counts who did them.
bool lead(const std::string& path) {
  auto bus = tow::Bus::open(path).value();
  auto jobs = bus.queue<Job>("jobs").value();  // from here on it keeps what is published
  auto results = bus.topic<Done>("done").value().subscriber().value();
  if (!eventually([&] { return jobs.info().consumers.size() == kWorkers; })) return false;

  auto publisher = jobs.publisher().value();
  for (std::uint64_t i = 1; i <= kJobs; ++i) publisher.publish({i}).value();
  std::set<std::uint64_t> done;
  std::array<int, kWorkers> count{};
  std::uint32_t again = 0;
  while (done.size() < kJobs) {
    const auto result = results.take(30s);
    if (!result) return false;
    done.insert(result->job);
    ++count[result->worker];
    if (result->attempts != 0) ++again;
  }
  std::printf("%zu jobs done: %d, %d and %d; begun a second time: %u\n", done.size(), count[0],
              count[1], count[2], again);
  const bool settled = eventually([&] { return jobs.info().lag == 0; });
  bus.remove_topic("jobs").value();  // its consumers end
  return settled && again == 1;
}

}  // namespace

int main(int argc, char** argv) try {
  char scratch[] = "/dev/shm/towpath-work-XXXXXX";
  const std::string folder = argc > 1 ? argv[1] : mkdtemp(scratch);
  const std::string path = folder + "/bus";

  for (std::uint32_t self = 0; self < kWorkers; ++self) {
    if (fork() != 0) continue;  // before any bus is opened: each process opens its own
    work(path, self);
    return 0;
  }
  const bool good = lead(path);
  int killed = 0, failed = 0, status = 0;
  while (wait(&status) > 0) (WIFSIGNALED(status) ? killed : failed) += status != 0 ? 1 : 0;

  std::filesystem::remove_all(argc > 1 ? path : folder);
  return good && killed == 1 && failed == 0 ? 0 : 1;
} catch (const tow::BadResult& bad) {
  std::fprintf(stderr, "work_queue: %s\n", bad.what());
  return 1;
}
