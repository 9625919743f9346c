#pragma once
/// Processes in namespaces of their own.

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "tests/support/process.hpp"
#include "tests/support/temp_bus.hpp"

namespace tow::test {

/// Why such namespaces cannot be made here, or empty.
inline std::string obstacle_to(int namespaces) {
  if (!is_root()) return "needs root, to make namespaces";
  Child child([namespaces] { _exit(unshare(namespaces) == 0 ? 0 : 1); });
  return child.wait() == 0 ? "" : "this container may not make namespaces";
}

inline constexpr int kOwnWorld =
    CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS;

/// Shows the directory `from` as `to`, and nothing at `from`.
inline void move_sight(const std::string& from, const std::string& to) {
  ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  ASSERT_EQ(mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(mount("tmpfs", from.c_str(), "tmpfs", 0, nullptr), 0);
  ASSERT_EQ(mount("proc", "/proc", "proc", 0, nullptr), 0);
}

/// The first process of a world that shares nothing with ours but one directory, and sees that at
/// another place. Killing it ends that world.
inline Child container(const std::string& shared, const std::string& seen_as,
                       const std::function<void()>& body) {
  return Child([shared, seen_as, body] {
    ASSERT_EQ(unshare(kOwnWorld), 0);
    Child first([&] {
      move_sight(shared, seen_as);
      ASSERT_EQ(getpid(), 1);
      body();
    });
    EXPECT_EQ(first.wait(), 0);
  });
}

}  // namespace tow::test
