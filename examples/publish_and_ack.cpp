/// Each order makes one invoice: an order is acked and its invoice published together, or neither.
/// Four processes write invoices; three of them are killed, wherever they are.
///
///   publish_and_ack [FOLDER]     the bus lives in FOLDER, or in a temporary one, removed at the
///   end

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <towpath/towpath.hpp>
#include <vector>

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kOrders = 1000;  // no more than the topic's depth
constexpr std::size_t kWorkers = 4;
constexpr int kPatience = 30'000;  // looks, each a millisecond apart

struct Order {
  std::uint64_t number, cents;
};
struct Invoice {
  std::uint64_t order, cents;
};

void work(const std::string& path) {
  auto bus = tow::Bus::open(path).value();
  auto consumer = bus.topic<Order>("orders").value().group("billing").value().consumer().value();
  auto invoices = bus.topic<Invoice>("invoices").value().publisher().value();
  while (auto order = consumer.take(10s)) {
    usleep(100);
    auto settlement = consumer.settle(order);
    settlement.publish(invoices, Invoice{order->number, order->cents * 119 / 100}).value();
    settlement.commit().value();
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

/// Publishes the orders, kills all workers but the last, and counts the invoices of each order.
bool lead(const std::string& path, const std::array<pid_t, kWorkers>& workers) {
  auto bus = tow::Bus::open(path).value();
  auto orders = bus.topic<Order>("orders").value();
  auto group = orders.group("billing").value();
  auto invoices = bus.topic<Invoice>("invoices").value().subscriber().value();
  if (!eventually([&] { return group.info().consumers.size() == kWorkers; })) return false;

  auto publisher = orders.publisher().value();
  for (std::uint64_t i = 1; i <= kOrders; ++i) publisher.publish({i, i * 100}).value();
  std::vector<int> count(kOrders + 1);
  std::size_t killed = 0;
  for (std::uint64_t i = 1; i <= kOrders; ++i) {
    const auto invoice = invoices.take(30s);
    if (!invoice) return false;
    ++count[invoice->order];
    if (i % (kOrders / kWorkers) == 0 && killed + 1 < kWorkers) kill(workers[killed++], SIGKILL);
  }
  const bool settled = eventually([&] { return group.info().lag == 0; });
  bool exact = !invoices.try_take();
  for (std::uint64_t i = 1; i <= kOrders; ++i) exact = exact && count[i] == 1;
  std::printf("%zu orders, %zu of %zu workers killed, %s\n", std::size_t{kOrders}, killed, kWorkers,
              exact ? "each has one invoice" : "their invoices are wrong");
  orders.remove_group("billing").value();  // its consumers end
  return settled && exact;
}

}  // namespace

int main(int argc, char** argv) try {
  char scratch[] = "/dev/shm/towpath-settle-XXXXXX";
  const std::string folder = argc > 1 ? argv[1] : mkdtemp(scratch);
  const std::string path = folder + "/bus";

  std::array<pid_t, kWorkers> workers{};
  for (pid_t& worker : workers) {
    worker = fork();  // before any bus is opened: each process opens its own
    if (worker != 0) continue;
    work(path);
    return 0;
  }
  const bool good = lead(path, workers);
  int failed = 0, status = 0;
  while (wait(&status) > 0) failed += WIFEXITED(status) && status != 0 ? 1 : 0;

  std::filesystem::remove_all(argc > 1 ? path : folder);
  return good && failed == 0 ? 0 : 1;
} catch (const tow::BadResult& bad) {
  std::fprintf(stderr, "publish_and_ack: %s\n", bad.what());
  return 1;
}
