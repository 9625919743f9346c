// A process that crashes with core dumps on.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "member.hpp"

namespace tow::test {
namespace {

namespace fs = std::filesystem;

/// 64 KiB that are nowhere but in the payload that they were written to.
constexpr std::size_t kBytes = 64 << 10;
constexpr std::uint64_t word_at(std::uint64_t index) { return (index + 1) * 0x9E37'79B9'7F4A'7C15; }

/// The kernel's pattern for core files when it is a name in the working directory, else empty.
std::string core_name() {
  std::ifstream file("/proc/sys/kernel/core_pattern");
  std::string pattern;
  std::getline(file, pattern);
  return pattern.find_first_of("|/%") == std::string::npos ? pattern : "";
}

/// True when two words that follow each other in the payload do so in the file.
bool has_payload(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(fs::file_size(path), '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  for (std::uint64_t index = 0; index + 1 < kBytes / 8; index += 512) {
    const std::uint64_t words[] = {word_at(index), word_at(index + 1)};
    const std::string_view text(reinterpret_cast<const char*>(words), sizeof words);
    if (bytes.find(text) != std::string::npos) return true;
  }
  return false;
}

/// Mappings of files below `path` that a fork or a core dump would include.
int unprotected_mappings(const std::string& path) {
  std::ifstream maps("/proc/self/smaps");
  int count = 0;
  bool ours = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') < line.find(' ')) ours = line.find(path) != std::string::npos;
    if (!ours || !line.starts_with("VmFlags:")) continue;
    const bool protected_ = line.find(" dd") != std::string::npos &&  // not in a core dump
                            line.find(" dc") != std::string::npos;    // not in a forked child
    if (!protected_) ++count;
  }
  return count;
}

class Core : public testing::Test {
 protected:
  /// Publishes and takes the payload, keeps it in place, and crashes in the directory `cores`.
  [[noreturn]] void crash(const std::string& cores) const {
#ifndef __SANITIZE_THREAD__  // whose own books would be most of a very large core
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &unlimited);
#endif
    prctl(PR_SET_DUMPABLE, 1);
    const TopicOptions options{.depth = 16, .max_message_bytes = kBytes};
    const auto topic = place_.open().topic("payloads", options).value();
    auto subscriber = topic.subscriber().value();
    auto publisher = topic.publisher().value();
    auto loan = publisher.loan(kBytes).value();
    auto* const words = reinterpret_cast<std::uint64_t*>(loan.bytes().data());
    for (std::uint64_t i = 0; i < kBytes / 8; ++i) words[i] = word_at(i);
    publisher.publish(std::move(loan)).value();
    const auto taken = subscriber.take();
    EXPECT_EQ(unprotected_mappings(place_.name()), 0);
    if (testing::Test::HasFailure() || chdir(cores.c_str()) != 0) _exit(1);
    signal(SIGABRT, SIG_DFL);
    std::abort();
  }
  const TempBus place_;
  const TempDir cores_;
};

TEST_F(Core, OfACrashHasNothingOfTheBusInItAndTheDeathIsProved) {
  Child child([&] { crash(cores_.path()); });
  EXPECT_EQ(child.wait(), -SIGABRT);
  const Bus bus = place_.open();
  EXPECT_EQ(bus.processes().size(), 1U) << "opening repaired what it left";
  const auto topic = bus.topic_as_bytes("payloads").value();
  EXPECT_TRUE(topic.info().subscribers.empty());
  auto publisher = topic.publisher().value();
  for (int i = 0; i < 100; ++i) publisher.publish("x").value();
  if (core_name().empty()) GTEST_SKIP() << "the kernel gives its core dumps to a program";
  int cores = 0;
  for (const auto& entry : fs::directory_iterator(cores_.path())) {
    ++cores;
    EXPECT_FALSE(has_payload(entry.path()));
  }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_EQ(cores, 1);
#endif
}

TEST(CoreSearch, FindsThePayloadWhereItIs) {
  const TempDir place;
  const std::string path = place.path() + "/core";
  std::ofstream file(path, std::ios::binary);
  file << "before";
  for (std::uint64_t i = 0; i < kBytes / 8; ++i) {
    const std::uint64_t word = word_at(i);
    file.write(reinterpret_cast<const char*>(&word), sizeof word);
  }
  file.close();
  EXPECT_TRUE(has_payload(path));
}

}  // namespace
}  // namespace tow::test
