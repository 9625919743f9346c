// What becomes of a process's lock byte, which proves that it lives, when the process makes other
// processes, becomes another program, or closes descriptors that are not its own.

#include <gtest/gtest.h>
#include <linux/close_range.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "member.hpp"

extern "C" char** environ;

namespace tow::test {
namespace {

using namespace std::chrono_literals;

class Descriptors : public testing::Test {
 protected:
  Descriptors() { (void)small_topic(bus_); }
  ~Descriptors() override {
    if (steps_->pid != 0) kill(static_cast<pid_t>(steps_->pid), SIGKILL);  // a grandchild
  }
  const TempBus place_;
  const std::string bus_ = place_.name();
  const Shared<Steps> steps_;
};

void close_all() { syscall(SYS_close_range, 3, ~0U, 0); }

[[noreturn]] void become_sleep() {
  execlp("sleep", "sleep", "1000", nullptr);
  _exit(127);
}

TEST_F(Descriptors, OfAProcessThatBecomesAnotherProgramAreFreeAtOnce) {
  const Bus looker = looker_at(bus_);
  Child child = blocker(bus_, *steps_, [&] {
    while (steps_->go == 0) std::this_thread::yield();
    become_sleep();
  });
  EXPECT_TRUE(lives(looker));
  steps_->go = 1;
  EXPECT_TRUE(eventually([&] { return dead(looker); }));
  EXPECT_EQ(kill(child.pid(), 0), 0) << "the process itself goes on";
  expect_nobody_in_the_way(bus_);
}

/// How a member starts a program, which outlives it.
struct Starter {
  const char* name;
  pid_t (*start)();
};
void PrintTo(const Starter& starter, std::ostream* out) { *out << starter.name; }

pid_t start_by_fork() {
  const pid_t pid = fork();
  if (pid == 0) become_sleep();
  return pid;
}

pid_t start_by_fork_and_close_all() {
  const pid_t pid = fork();
  if (pid == 0) {
    close_all();
    become_sleep();
  }
  return pid;
}

pid_t start_by_vfork() {
  const pid_t pid = vfork();  // NOLINT: as old programs do
  if (pid == 0) {
    close_all();
    become_sleep();
  }
  return pid;
}

pid_t start_by_spawn() {
  pid_t pid = 0;
  const char* const arguments[] = {"sleep", "1000", nullptr};
  posix_spawnp(&pid, "sleep", nullptr, nullptr, const_cast<char**>(arguments), environ);
  return pid;
}

class StartedProgram : public Descriptors, public testing::WithParamInterface<Starter> {};

TEST_P(StartedProgram, NeitherEndsItsParentsMembershipNorKeepsIt) {
  const Bus looker = looker_at(bus_);
  Child parent = blocker(bus_, *steps_, [&] {
    steps_->pid = static_cast<std::uint64_t>(GetParam().start());
    sleep_until_killed();
  });
  ASSERT_TRUE(eventually([&] { return steps_->pid != 0; }));
  EXPECT_TRUE(lives(looker));
  EXPECT_EQ(looker.heal().participants, 0U);
  parent.kill();
  EXPECT_TRUE(eventually([&] { return dead(looker); }));
  EXPECT_EQ(kill(static_cast<pid_t>(steps_->pid), 0), 0) << "what it started still runs";
  expect_nobody_in_the_way(bus_);
}

const Starter kStarters[] = {{"fork", start_by_fork},
                             {"fork_and_close_range", start_by_fork_and_close_all},
                             {"vfork_and_close_range", start_by_vfork},
                             {"spawn", start_by_spawn}};

INSTANTIATE_TEST_SUITE_P(By, StartedProgram, testing::ValuesIn(kStarters),
                         [](const auto& starter) { return starter.param.name; });

/// A child that no fork handler knows of, and that runs on until told.
void live_behind_the_back_of(Steps& steps) {
  steps.pid = static_cast<std::uint64_t>(syscall(SYS_getpid));
  while (steps.go == 0) {
  }
  syscall(SYS_exit_group, 0);
}

void make_by_system_call(Steps& steps) {
  if (syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0) == 0) {
    live_behind_the_back_of(steps);
  }
  sleep_until_killed();
}

[[maybe_unused]] void make_by_vfork(Steps& steps) {
  if (vfork() == 0) live_behind_the_back_of(steps);  // NOLINT: the parent waits until it is killed
}

struct Maker {
  const char* name;
  void (*make)(Steps&);
};
void PrintTo(const Maker& maker, std::ostream* out) { *out << maker.name; }

class UnseenChild : public Descriptors, public testing::WithParamInterface<Maker> {};

TEST_P(UnseenChild, KeepsItsParentAliveToOthersUntilItEnds) {
  const Bus looker = looker_at(bus_);
  Child parent = blocker(bus_, *steps_, [&] { GetParam().make(*steps_); });
  ASSERT_TRUE(eventually([&] { return steps_->pid != 0; }));
  parent.kill();
  EXPECT_TRUE(lives(looker)) << "it holds a copy of the descriptor";
  steps_->go = 1;
  EXPECT_TRUE(eventually([&] { return dead(looker); }));
  expect_nobody_in_the_way(bus_);
  steps_->pid = 0;
}

const Maker kMakers[] = {
    {"a_system_call", make_by_system_call},
#ifndef __SANITIZE_THREAD__  // it makes a fork of a vfork
    {"vfork", make_by_vfork},
#endif
};

INSTANTIATE_TEST_SUITE_P(By, UnseenChild, testing::ValuesIn(kMakers),
                         [](const auto& maker) { return maker.param.name; });

TEST_F(Descriptors, ClosedByTheirOwnProcessMakeItDeadToOthersAndItsHandlesStale) {
  const Bus looker = looker_at(bus_);
  Child child([&] {
    const Bus bus = Bus::open(bus_).value();
    const auto topic = small_topic(bus_);
    auto subscriber = topic.subscriber().value();
    auto publisher = topic.publisher().value();
    publisher.publish(1).value();
    close_all();
    steps_->ready = 1;
    while (steps_->go == 0) std::this_thread::yield();
    Result<void> result;
    for (int i = 0; i < 1000 && result; ++i) result = publisher.publish(2);
    EXPECT_EQ(result.error(), Code::stale);
    EXPECT_EQ(topic.publisher().error(), Code::stale);
    EXPECT_EQ(topic.subscriber().error(), Code::stale);
    EXPECT_EQ(bus.topic("other").error(), Code::stale);
    const auto taken = subscriber.take(0s);
    ASSERT_TRUE(taken.failed()) << "publishers have gone on without it";
    EXPECT_EQ(taken.error(), Code::stale);
  });
  ASSERT_TRUE(eventually([&] { return steps_->ready == 1; }));
  const auto seen = looker.processes();
  ASSERT_EQ(seen.size(), 2U) << "the child opened the bus twice";
  for (const auto& process : seen) EXPECT_FALSE(process.alive);
  expect_nobody_in_the_way(bus_);
  EXPECT_TRUE(looker.processes().empty());
  steps_->go = 1;
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Descriptors, HandlesOfAForkedChildAreStaleAndHarmNobody) {
  const Bus bus = Bus::open(bus_).value();
  const auto topic = small_topic(bus_);
  auto subscriber = topic.subscriber().value();
  auto publisher = topic.publisher().value();
  publisher.publish(1).value();
  Child child([&] {
    EXPECT_EQ(topic.publisher().error(), Code::stale);
    EXPECT_EQ(topic.subscriber().error(), Code::stale);
    EXPECT_EQ(bus.topic("other").error(), Code::stale);
    EXPECT_EQ(bus.processes().size(), 2U);
    EXPECT_EQ(bus.heal().participants, 0U);
  });
  EXPECT_EQ(child.wait(), 0);
  // The memory of the bus is not mapped in a child, so a publisher or subscriber ends it.
  const rlimit no_core{};
  Child publishing([&] {
    setrlimit(RLIMIT_CORE, &no_core);
    (void)publisher.publish(2);
  });
  Child taking([&] {
    setrlimit(RLIMIT_CORE, &no_core);
    (void)subscriber.try_take();
  });
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_EQ(publishing.wait(), -SIGSEGV);
  EXPECT_EQ(taking.wait(), -SIGSEGV);
#else
  EXPECT_NE(publishing.wait(), 0) << "reported by the sanitizer";
  EXPECT_NE(taking.wait(), 0);
#endif
  publisher.publish(3).value();
  EXPECT_EQ(*subscriber.take(0s), 1U);
  EXPECT_EQ(*subscriber.take(0s), 3U);
}

TEST_F(Descriptors, BelowTheFirstThousandMayAllBeClosed) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 4096) GTEST_SKIP() << "the limit of descriptors leaves no room above";
  const Bus looker = looker_at(bus_);
  Child child([&] {
    auto subscriber = small_topic(bus_).subscriber().value();
    syscall(SYS_close_range, 3, 1023, 0);
    steps_->ready = 1;
    EXPECT_EQ(*subscriber.take(), 7U);
  });
  ASSERT_TRUE(eventually([&] { return steps_->ready == 1; }));
  EXPECT_TRUE(lives(looker));
  small_topic(bus_).publisher().value().publish(7).value();
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(Descriptors, OfAForkedChildAreItsOwnOnceItOpensTheBus) {
  auto mine = small_topic(bus_).subscriber().value();
  Child child([&] {
    auto publisher = small_topic(bus_).publisher().value();
    publisher.publish(1).value();
    steps_->ready = 1;
    sleep_until_killed();
  });
  ASSERT_TRUE(eventually([&] { return steps_->ready == 1; }));
  EXPECT_EQ(looker_at(bus_).processes().size(), 2U);
  child.kill();
  EXPECT_EQ(*mine.take(), 1U);
  EXPECT_EQ(looker_at(bus_).heal().participants, 1U);
}

}  // namespace
}  // namespace tow::test
