/// Towpath in an event loop that has other work: a subscriber's descriptor beside a pipe, in epoll.
///
///   epoll [FOLDER]     the bus lives in FOLDER, or in a temporary one, and is removed at the end

#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <towpath/towpath.hpp>

namespace {

using namespace std::chrono_literals;

constexpr int kMessages = 1000;

/// Publishes in bursts, then says so on the pipe.
void publish(const std::string& path, int done) {
  auto bus = tow::Bus::open(path).value();
  auto topic = bus.topic("log").value();
  auto publisher = topic.publisher().value();
  topic.wait_for_subscribers(1, 10s).value();
  for (int i = 1; i <= kMessages; ++i) {
    publisher.publish("line " + std::to_string(i)).value();
    if (i % 50 == 0) usleep(1000);
  }
  if (write(done, "!", 1) != 1) std::perror("write");
}

void watch(int epoll, int descriptor) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = descriptor}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) std::perror("epoll_ctl");
}

/// Counts messages until the pipe speaks and nothing is left.
int serve(const std::string& path, int done) {
  auto bus = tow::Bus::open(path).value();
  auto subscriber = bus.topic("log").value().subscriber().value();
  const int messages = subscriber.fd().value();
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, messages);
  watch(epoll, done);

  int count = 0, wakeups = 0;
  bool publisher_done = false;
  while (count < kMessages || !publisher_done) {
    epoll_event event{};
    if (epoll_wait(epoll, &event, 1, 10'000) != 1) break;  // ten seconds of silence
    ++wakeups;
    if (event.data.fd == messages) {
      // Take until nothing is left; only then does the descriptor speak again.
      while (auto message = subscriber.try_take()) {
        if (message.text() == "line " + std::to_string(count + 1)) ++count;
      }
    } else {
      char byte = 0;
      publisher_done = read(done, &byte, 1) == 1;
      if (!publisher_done) break;  // it died
    }
  }
  close(epoll);
  std::printf("%d messages and the end of the publisher in %d wake-ups\n", count, wakeups);
  return publisher_done ? count : 0;
}

}  // namespace

int main(int argc, char** argv) try {
  char scratch[] = "/dev/shm/towpath-epoll-XXXXXX";
  const std::string folder = argc > 1 ? argv[1] : mkdtemp(scratch);
  const std::string path = folder + "/bus";
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) return 1;

  const pid_t child = fork();  // before any bus is opened: each process opens its own
  if (child == 0) {
    publish(path, pipe_ends[1]);
    return 0;
  }
  close(pipe_ends[1]);
  const int count = serve(path, pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);

  std::filesystem::remove_all(argc > 1 ? path : folder);
  return count == kMessages && status == 0 ? 0 : 1;
} catch (const tow::BadResult& bad) {
  std::fprintf(stderr, "epoll: %s\n", bad.what());
  return 1;
}
