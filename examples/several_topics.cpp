/// One thread, several topics: first with wait_any(), then with coroutines.
///
///   several_topics [FOLDER]     the bus lives in FOLDER, or in a temporary one, removed at the end

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <towpath/towpath.hpp>

namespace {

using namespace std::chrono_literals;

constexpr std::array kTopics = {"orders", "fills", "alerts"};
constexpr std::size_t kRounds = 400;  // messages of each topic
using Counts = std::array<std::size_t, kTopics.size()>;
using Subscribers = std::vector<tow::Subscriber<>>;

void publish(const std::string& path) {
  auto bus = tow::Bus::open(path).value();
  std::vector<tow::Publisher<>> publishers;
  for (const char* name : kTopics) {
    auto topic = bus.topic(name).value();
    topic.wait_for_subscribers(1, 10s).value();
    publishers.push_back(topic.publisher().value());
  }
  for (std::size_t i = 0; i < kRounds; ++i) {
    publishers[0].publish("buy 100 ACME").value();
    publishers[1].publish("bought 100 ACME at 12.50").value();
    publishers[2].publish("ACME is up 3 %").value();
    if (i % 16 == 0) usleep(500);  // now and then everybody sleeps
  }
}

/// Takes half of all messages, from whichever topic has one.
Counts count_with_wait_any(Subscribers& subscribers) {
  std::vector<tow::SubscriberBase*> all;
  for (auto& subscriber : subscribers) all.push_back(&subscriber);
  Counts counts{};
  for (std::size_t taken = 0; taken < kTopics.size() * kRounds / 2; ++taken) {
    const auto ready = tow::wait_any(all, 10s);
    if (!ready || !subscribers[*ready].try_take()) break;
    ++counts[*ready];
  }
  return counts;
}

/// Takes what is left of one topic; while there is nothing, the thread runs the other tasks.
tow::Task count_rest(tow::Subscriber<>& subscriber, std::size_t& total) {
  while (total < kRounds) {
    auto message = co_await subscriber.next();
    if (!message) break;
    ++total;
  }
}

}  // namespace

int main(int argc, char** argv) try {
  char scratch[] = "/dev/shm/towpath-several-XXXXXX";
  const std::string folder = argc > 1 ? argv[1] : mkdtemp(scratch);
  const std::string path = folder + "/bus";

  const pid_t child = fork();  // before any bus is opened: each process opens its own
  if (child == 0) {
    publish(path);
    return 0;
  }
  Counts by_wait_any{}, total{};
  {
    auto bus = tow::Bus::open(path).value();
    Subscribers subscribers;
    for (const char* name : kTopics) {
      subscribers.push_back(bus.topic(name).value().subscriber().value());
    }
    total = by_wait_any = count_with_wait_any(subscribers);
    tow::run(count_rest(subscribers[0], total[0]), count_rest(subscribers[1], total[1]),
             count_rest(subscribers[2], total[2]));
  }
  int status = 0;
  waitpid(child, &status, 0);

  bool good = status == 0;
  for (std::size_t i = 0; i < kTopics.size(); ++i) {
    std::printf("%-7s %zu by wait_any, %zu by co_await\n", kTopics[i], by_wait_any[i],
                total[i] - by_wait_any[i]);
    good = good && total[i] == kRounds;
  }
  std::filesystem::remove_all(argc > 1 ? path : folder);
  return good ? 0 : 1;
} catch (const tow::BadResult& bad) {
  std::fprintf(stderr, "several_topics: %s\n", bad.what());
  return 1;
}
