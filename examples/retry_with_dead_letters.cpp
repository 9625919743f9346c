/// Orders that fail: one is tried again and succeeds, one is rejected, one fails as often as it
/// may. The last two end up in the dead letters, a topic like any other.
///
///   retry_with_dead_letters [FOLDER]     the bus lives in FOLDER, or in a temporary one, removed
///   at
///                                        the end

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <towpath/towpath.hpp>

namespace {

using namespace std::chrono_literals;

/// Settles one order, as a service would that depends on another one.
void handle(tow::Delivery<>& order) {
  const std::string text(order.text());
  std::printf("attempt %u: %s\n", order.attempts() + 1, text.c_str());
  if (text == "an order without a customer") {
    order.reject("no customer").value();  // no attempt would be better
  } else if (text == "an order that nobody can handle" ||
             (text == "an order while the bank sleeps" && order.attempts() < 2)) {
    order.retry().value();  // at once, then after backoff, then after twice that, ...
  } else {
    order.ack().value();
  }
}

int run(const std::string& path) {
  auto bus = tow::Bus::open(path).value();
  auto orders = bus.topic("orders").value();
  auto group =
      orders.group("billing", {.max_attempts = 3, .backoff = 10ms, .dead_letter = "orders.dead"})
          .value();
  auto publisher = orders.publisher().value();
  publisher.publish("an order").value();
  publisher.publish("an order while the bank sleeps").value();
  publisher.publish("an order without a customer").value();
  publisher.publish("an order that nobody can handle").value();

  auto consumer = group.consumer().value();
  int deliveries = 0;
  while (group.info().lag != 0) {
    auto order = consumer.take(10s);
    if (!order) break;
    handle(order);
    ++deliveries;
  }

  int dead = 0;
  auto letters = bus.topic("orders.dead").value().subscriber({.start = tow::Start::oldest()});
  while (auto letter = letters.value().try_take()) {
    const tow::Headers headers = letter.headers();
    const auto* const reason = headers.find<std::string>("dead.reason");
    std::printf("given up (%s): %s\n", reason != nullptr ? reason->c_str() : "no reason",
                std::string(letter.text()).c_str());
    if (reason != nullptr && (*reason == "no customer" || *reason == "attempts")) ++dead;
  }
  return deliveries == 1 + 3 + 1 + 3 && dead == 2 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  char scratch[] = "/dev/shm/towpath-retry-XXXXXX";
  const std::string folder = argc > 1 ? argv[1] : mkdtemp(scratch);
  const std::string path = folder + "/bus";
  const int code = run(path);
  std::filesystem::remove_all(argc > 1 ? path : folder);
  return code;
} catch (const tow::BadResult& bad) {
  std::fprintf(stderr, "retry_with_dead_letters: %s\n", bad.what());
  return 1;
}
