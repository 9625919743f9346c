/// Work queues behind an exchange, as RabbitMQ has them: a topic exchange sends log messages to the
/// queues whose patterns match, and what nobody asked for to an alternate exchange.
///
///   exchanges [FOLDER]          the bus lives in FOLDER, or in a temporary one, removed at the end

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <towpath/towpath.hpp>

namespace {

/// Prints and counts what is in a queue.
int drain(const std::string& name, tow::Subscriber<>& queue) {
  int count = 0;
  while (auto message = queue.try_take()) {
    std::printf("%-9s %-22s %.*s\n", name.c_str(), std::string(message.key()).c_str(),
                static_cast<int>(message.text().size()), message.text().data());
    ++count;
  }
  return count;
}

int run(const std::string& path) {
  auto bus = tow::Bus::open(path).value();
  auto errors = bus.topic("errors").value().subscriber().value();
  auto payments = bus.topic("payments").value().subscriber().value();
  auto rest = bus.topic("rest").value().subscriber().value();

  auto unmatched = bus.exchange("unmatched", {.kind = tow::ExchangeKind::fanout}).value();
  unmatched.bind("rest").value();
  auto logs = bus.exchange("logs", {.kind = tow::ExchangeKind::topic, .alternate = "unmatched"});
  logs.value().bind("errors", "*.error").value();
  logs.value().bind("payments", "payment.#").value();

  auto publisher = logs.value().publisher().value();
  publisher.publish("payment.info", "42 paid").value();
  publisher.publish("payment.error", "43 declined").value();  // to both, to each once
  publisher.publish("kernel.error", "out of memory").value();
  publisher.publish("kernel.info", "started").value();  // nobody asked for it

  const bool ok =
      drain("errors", errors) == 2 && drain("payments", payments) == 2 && drain("rest", rest) == 1;
  return ok ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const bool own = argc < 2;
  const std::string folder =
      own ? "/dev/shm/towpath-example-exchanges-" + std::to_string(getpid()) : argv[1];
  std::filesystem::create_directories(folder);
  const int code = run(folder + "/bus");
  if (own) std::filesystem::remove_all(folder);
  return code;
}
