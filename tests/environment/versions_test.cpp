// Two versions of the layout side by side. newer_towpath is the whole library with the next one.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "member.hpp"
#include "towpath/shm/layout.hpp"

namespace tow::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

std::string version(int number) { return std::to_string(number); }
constexpr int kOurs = static_cast<int>(shm::kLayoutVersion), kTheirs = kOurs + 1;

class Versions : public testing::Test {
 protected:
  std::string ours() const { return place_.path() + "/ours"; }
  std::string theirs() const { return place_.path() + "/theirs"; }
  std::string output() const {
    std::ifstream file(place_.path() + "/output");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// The newer program at work on a bus; `input` is where it reads, or -1 for an empty one.
  Child start_newer(const std::string& bus, const std::string& topic, int input = -1) const {
    return Child([=, this] {
      const std::string path = place_.path() + "/output";
      dup2(input >= 0 ? input : open("/dev/null", O_RDONLY), STDIN_FILENO);
      dup2(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
      execl(TOWPATH_NEWER, "newer_towpath", bus.c_str(), topic.c_str(), nullptr);
      _exit(127);
    });
  }
  void expect_newer_works_on(const std::string& bus) const {
    EXPECT_EQ(start_newer(bus, "numbers").wait(), 0) << output();
    EXPECT_THAT(output(), HasSubstr("done"));
  }
  const TempDir place_;
};

/// Publishes and takes `count` numbers.
void work(Publisher<std::uint64_t>& publisher, Subscriber<std::uint64_t>& subscriber,
          std::uint64_t& next, int count) {
  for (int i = 0; i < count; ++i) {
    publisher.publish(++next).value();
    ASSERT_EQ(*subscriber.take(0s), next);
  }
}

TEST_F(Versions, NewerOneIsToldOfAnOlderBusAndDoesNotTouchIt) {
  const auto topic = small_topic(ours());
  auto publisher = topic.publisher().value();
  auto subscriber = topic.subscriber().value();
  std::uint64_t next = 0;
  work(publisher, subscriber, next, 100);
  const auto before = tree_of(ours());
  EXPECT_EQ(start_newer(ours(), "numbers").wait(), 1);
  EXPECT_THAT(output(), AllOf(HasSubstr(ours() + "/bus"), HasSubstr("version " + version(kOurs)),
                              HasSubstr("this program has " + version(kTheirs))));
  EXPECT_EQ(tree_of(ours()), before);
  work(publisher, subscriber, next, 100);
}

TEST_F(Versions, OlderOneIsToldOfANewerBusAndDoesNotTouchIt) {
  expect_newer_works_on(theirs());
  const auto before = tree_of(theirs());
  const auto refused = [&](const auto& result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), Code::version_mismatch);
    EXPECT_THAT(result.error().message(),
                AllOf(HasSubstr(theirs() + "/bus"), HasSubstr("version " + version(kTheirs)),
                      HasSubstr("this program has " + version(kOurs))));
  };
  refused(Bus::open(theirs()));
  refused(Bus::open(theirs(), {.create = false, .observe = true}));
  refused(Bus::remove(theirs()));
  EXPECT_EQ(tree_of(theirs()), before);
  expect_newer_works_on(theirs());
}

TEST_F(Versions, BusesOfBothWorkSideBySide) {
  std::array<int, 2> input{};
  ASSERT_EQ(pipe(input.data()), 0);
  Child newer = start_newer(theirs(), "numbers", input[0]);
  ASSERT_TRUE(eventually([&] { return output() == "half\n"; })) << "it stays on its bus";
  const auto topic = small_topic(ours());
  auto publisher = topic.publisher().value();
  auto subscriber = topic.subscriber().value();
  std::uint64_t next = 0;
  work(publisher, subscriber, next, 1000);
  EXPECT_EQ(Bus::open(theirs()).error(), Code::version_mismatch) << "also while it is in use";
  EXPECT_EQ(Bus::open(ours()).value().heal().participants, 0U);
  ASSERT_EQ(write(input[1], "\n", 1), 1);
  work(publisher, subscriber, next, 1000);
  EXPECT_EQ(newer.wait(), 0) << output();
  for (const int fd : input) close(fd);
}

TEST_F(Versions, TopicOfANewerOneOnOurBusIsRefusedAloneAndByName) {
  expect_newer_works_on(theirs());
  const auto topic = small_topic(ours());
  fs::copy(theirs() + "/topics/numbers", ours() + "/topics/strange", fs::copy_options::recursive);
  fs::copy(theirs() + "/participants/" + version(static_cast<int>(geteuid())),
           ours() + "/participants/4294967294");
  const Bus bus = Bus::open(ours()).value();
  const auto strange = bus.topic<std::uint64_t>("strange");
  ASSERT_FALSE(strange);
  EXPECT_EQ(strange.error(), Code::version_mismatch);
  EXPECT_THAT(strange.error().message(),
              AllOf(HasSubstr("topics/strange/order"), HasSubstr("version " + version(kTheirs))));
  EXPECT_EQ(bus.heal().participants, 0U) << "a file of participants that cannot be read";
  auto publisher = topic.publisher().value();
  auto subscriber = topic.subscriber().value();
  std::uint64_t next = 0;
  work(publisher, subscriber, next, 100);
}

}  // namespace
}  // namespace tow::test
