// What a process pays: system calls on the path, private memory, and what others can see of it.

#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "tests/bus/notes.hpp"

namespace tow {
namespace {

using test::Child;
using test::Note;
using test::Shared;
using test::TempBus;
using test::TempDir;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

class Footprint : public testing::TestWithParam<Publishers> {
 protected:
  Topic<Note> topic(TopicOptions options = {}) const {
    options.publishers = GetParam();
    return bus_.open().topic<Note>("notes", options).value();
  }
  const TempBus bus_;
};

std::uint64_t status_kib(const std::string& pid, const std::string& field) {
  std::ifstream file("/proc/" + pid + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(field + ":")) return std::stoull(line.substr(field.size() + 1));
  }
  return 0;
}

struct Steps {
  std::atomic<int> ready{0}, go{0}, listener{0};
};

/// Lines of a trace between the first and the last call of getppid.
std::vector<std::string> between_markers(const std::string& file) {
  std::ifstream trace(file);
  std::vector<std::string> lines, between;
  bool inside = false;
  for (std::string line; std::getline(trace, line);) {
    if (line.find("getppid()") != std::string::npos) {
      if (inside) return between;
      inside = true;
    } else if (inside) {
      between.push_back(line);
    }
  }
  return {"the markers are missing"};
}

/// strace on `pid`, attached when this returns. Nothing where there is none, or it is forbidden.
std::optional<Child> trace(pid_t pid, const std::string& file) {
  Child tracer([&] {
    execlp("strace", "strace", "-f", "-e", "trace=all", "-o", file.c_str(), "-p",
           std::to_string(pid).c_str(), nullptr);
    _exit(127);
  });
  const bool attached = test::eventually([&] {
    return status_kib(std::to_string(pid), "TracerPid") != 0 ||
           waitpid(tracer.pid(), nullptr, WNOHANG) != 0;
  });
  if (!attached || status_kib(std::to_string(pid), "TracerPid") == 0) return std::nullopt;
  return tracer;
}

TEST_P(Footprint, NoSystemCallLiesBetweenTwoMessagesWhenNobodySleeps) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer makes calls of its own";
#endif
  const TempDir place;
  const Shared<Steps> steps;
  Child listener([&] {
    auto subscriber = topic().subscriber({.kind = SubscriberKind::lossy}).value();
    steps->listener = 1;
    while (steps->listener == 1) (void)subscriber.try_take();
  });
  ASSERT_TRUE(test::eventually([&] { return steps->listener == 1; }));
  Child subject([&] {
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    const auto notes = topic();
    auto publisher = notes.publisher().value();
    auto subscriber = notes.subscriber().value();
    const auto send = [&](std::uint64_t count) {
      for (std::uint64_t i = 0; i < count; ++i) {
        (void)publisher.publish(Note::of(1, i));
        if (!subscriber.try_take()) _exit(3);
      }
    };
    send(5000);
    steps->ready = 1;
    while (steps->go == 0) {
    }
    syscall(SYS_getppid);
    send(20'000);
    syscall(SYS_getppid);
  });
  ASSERT_TRUE(test::eventually([&] { return steps->ready == 1; }));
  auto tracer = trace(subject.pid(), place.path() + "/trace");
  if (!tracer) GTEST_SKIP() << "strace is missing, or may not attach";
  steps->go = 1;
  EXPECT_EQ(subject.wait(), 0);
  EXPECT_EQ(tracer->wait(), 0);
  steps->listener = 2;
  EXPECT_EQ(listener.wait(), 0);
  EXPECT_THAT(between_markers(place.path() + "/trace"), IsEmpty());
}

TEST_P(Footprint, JoinedProcessAddsAtMostOneMebibyteOfPrivateMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers keep books of their own";
#endif
  Child child([&] {
    const std::uint64_t before = status_kib("self", "RssAnon");
    const auto notes = topic();
    auto publisher = notes.publisher().value();
    auto subscriber = notes.subscriber().value();
    for (std::uint64_t i = 0; i < 10'000; ++i) {
      publisher.publish(Note::of(1, i)).value();
      ASSERT_TRUE(subscriber.take());
    }
    EXPECT_LE(status_kib("self", "RssAnon"), before + 1024) << "KiB";
  });
  EXPECT_EQ(child.wait(), 0);
}

/// Bytes of a topic's files that are really there.
std::uint64_t reserved_bytes(const std::string& path) {
  std::uint64_t bytes = 0;
  for (const std::string& file : test::tree_of(path)) {
    struct stat status {};
    EXPECT_EQ(stat((path + "/" + file).c_str(), &status), 0);
    if (S_ISREG(status.st_mode)) bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  return bytes;
}

TEST_P(Footprint, MemoryIsReservedBeforeTheFirstMessageAndNoneIsAddedLater) {
  const auto notes = topic({.depth = 1000});
  auto publisher = notes.publisher().value();
  auto subscriber = notes.subscriber().value();
  const std::uint64_t before = reserved_bytes(bus_.topic_path("notes"));
  EXPECT_EQ(notes.info().file_bytes, before);
  EXPECT_GT(before, 1000U * 64);
  for (std::uint64_t i = 0; i < 5000; ++i) {
    publisher.publish(Note::of(1, i), {.key = i % 2 == 0 ? "" : std::string(200, 'k')}).value();
    ASSERT_TRUE(subscriber.take(0s));
  }
  EXPECT_EQ(reserved_bytes(bus_.topic_path("notes")), before);
}

class StampKinds : public Footprint {
 protected:
  SubscriberInfo after_640(Stamps stamps) const {
    const auto notes = topic({.depth = 1024, .stamps = stamps});
    auto subscriber = notes.subscriber().value();
    auto publisher = notes.publisher().value();
    for (std::uint64_t i = 0; i < 640; ++i) {
      publisher.publish(Note::of(1, i)).value();
      EXPECT_TRUE(subscriber.take(0s));
    }
    (void)subscriber.try_take();  // finding nothing, it publishes its counters
    return notes.info().subscribers.at(0);
  }
};

TEST_P(StampKinds, AllMeasuresEveryMessage) {
  const auto info = after_640(Stamps::all);
  EXPECT_EQ(info.latency_samples, 640U);
  EXPECT_GT(info.p50_ns, 0);
  EXPECT_LE(info.p50_ns, info.p99_ns);
  EXPECT_LE(info.p99_ns, info.p999_ns);
}

TEST_P(StampKinds, SampledMeasuresEverySixtyFourth) {
  EXPECT_EQ(after_640(Stamps::sampled).latency_samples, 10U);
}

TEST_P(StampKinds, NoneMeasuresNothing) {
  const auto info = after_640(Stamps::none);
  EXPECT_EQ(info.latency_samples, 0U);
  EXPECT_EQ(info.p50_ns, 0);
}

TEST_P(Footprint, InfoShowsWhoIsThereAndHowFar) {
  const auto notes = topic({.depth = 64});
  const Shared<Steps> steps;
  Child reader([&] {
    auto subscriber = topic({.depth = 64}).subscriber({.kind = SubscriberKind::lossy}).value();
    steps->ready = 1;
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(subscriber.take());
    EXPECT_FALSE(subscriber.try_take());
    steps->ready = 2;
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return steps->ready == 1; }));
  {
    auto publisher = notes.publisher().value();
    for (std::uint64_t i = 0; i < 10; ++i) publisher.publish(Note::of(1, i)).value();
    ASSERT_TRUE(test::eventually([&] { return steps->ready == 2; }));
    for (std::uint64_t i = 0; i < 5; ++i) publisher.publish(Note::of(1, i)).value();
    const auto info = notes.info();
    EXPECT_EQ(info.last, 15U);
    EXPECT_EQ(info.oldest, 1U);
    ASSERT_EQ(info.publishers.size(), 1U);
    EXPECT_EQ(info.publishers[0].process.pid, static_cast<std::uint32_t>(getpid()));
    EXPECT_TRUE(info.publishers[0].process.alive);
    ASSERT_EQ(info.subscribers.size(), 1U);
    const SubscriberInfo& subscriber = info.subscribers[0];
    EXPECT_EQ(subscriber.process.pid, static_cast<std::uint32_t>(reader.pid()));
    EXPECT_THAT(subscriber.process.command, HasSubstr("tests_bus"));
    EXPECT_EQ(subscriber.kind, SubscriberKind::lossy);
    EXPECT_EQ(subscriber.received, 10U);
    EXPECT_EQ(subscriber.lag, 5U);
    EXPECT_EQ(subscriber.cursor, 11U);
  }
  EXPECT_TRUE(notes.info().publishers.empty());
}

INSTANTIATE_TEST_SUITE_P(Kinds, Footprint, testing::Values(Publishers::one, Publishers::many),
                         [](const auto& kind) {
                           return kind.param == Publishers::one ? "one" : "many";
                         });
INSTANTIATE_TEST_SUITE_P(Kinds, StampKinds, testing::Values(Publishers::one, Publishers::many),
                         [](const auto& kind) {
                           return kind.param == Publishers::one ? "one" : "many";
                         });

}  // namespace
}  // namespace tow
