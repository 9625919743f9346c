/// Bookings of many accounts, worked off by several processes, those of one account strictly in
/// order, although one process is killed in the middle of a booking.
///
///   ordered_by_key [FOLDER]     the bus lives in FOLDER, or in a temporary one, removed at the end

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <set>
#include <string>
#include <towpath/towpath.hpp>
#include <vector>

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kAccounts = 20;
constexpr std::uint64_t kBookings = 30;  // of each account
constexpr std::size_t kWorkers = 3;
constexpr int kPatience = 30'000;  // looks, each a millisecond apart

struct Booking {
  std::uint64_t account, number;
};
struct Booked {
  std::uint64_t account, number, worker;
};

tow::Group<Booking> bookkeepers(const tow::Topic<Booking>& bookings) {
  return bookings.group("bookkeepers", {.mode = tow::GroupMode::ordered}).value();
}

void work(const std::string& path, std::uint64_t self) {
  auto bus = tow::Bus::open(path).value();
  auto booked = bus.topic<Booked>("booked").value().publisher().value();
  auto consumer = bookkeepers(bus.topic<Booking>("bookings").value()).consumer().value();
  while (auto booking = consumer.take(10s)) {
    usleep(200);
    const bool fatal = booking->account == 7 && booking->number == kBookings / 2;
    if (fatal && !booking.redelivered()) raise(SIGKILL);
    booked.publish({booking->account, booking->number, self}).value();
    booking.ack().value();
  }
}

template <class Condition>
bool eventually(Condition&& condition) {
  for (int look = 0; look < kPatience; ++look) {
    if (condition()) return true;
    usleep(1000);
  }
  return false;
}

/// Publishes the bookings, and looks at the order in which they were made.
bool lead(const std::string& path) {
  auto bus = tow::Bus::open(path).value();
  auto bookings = bus.topic<Booking>("bookings").value();
  auto group = bookkeepers(bookings);
  auto booked = bus.topic<Booked>("booked").value().subscriber().value();
  if (!eventually([&] { return group.info().consumers.size() == kWorkers; })) return false;

  auto publisher = bookings.publisher().value();
  for (std::uint64_t number = 1; number <= kBookings; ++number) {
    for (std::uint64_t account = 0; account < kAccounts; ++account) {
      publisher.publish({account, number}, {.key = std::to_string(account)}).value();
    }
  }
  std::vector<std::uint64_t> last(kAccounts);
  std::set<std::uint64_t> workers;
  std::uint64_t disorder = 0;
  for (std::uint64_t i = 0; i < kAccounts * kBookings; ++i) {
    const auto next = booked.take(30s);
    if (!next) return false;
    if (next->number != last[next->account] + 1) ++disorder;
    last[next->account] = next->number;
    workers.insert(next->worker);
  }
  std::printf("%zu bookings of %zu accounts by %zu workers, out of order: %zu\n",
              kAccounts * std::size_t{kBookings}, kAccounts, workers.size(), std::size_t{disorder});
  const bool settled = eventually([&] { return group.info().lag == 0; });
  bookings.remove_group("bookkeepers").value();  // its consumers end
  return settled && disorder == 0;
}

}  // namespace

int main(int argc, char** argv) try {
  char scratch[] = "/dev/shm/towpath-ordered-XXXXXX";
  const std::string folder = argc > 1 ? argv[1] : mkdtemp(scratch);
  const std::string path = folder + "/bus";

  for (std::uint64_t self = 0; self < kWorkers; ++self) {
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
  std::fprintf(stderr, "ordered_by_key: %s\n", bad.what());
  return 1;
}
