// A filesystem that is full at each step of making a bus and a topic, or becomes so while they are
// used. The filesystem is a small tmpfs in a mount namespace of its own.

#include <errno.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "tests/bus/notes.hpp"

namespace tow {
namespace {

using test::Child;
using test::TempDir;
using testing::HasSubstr;
using namespace std::chrono_literals;

/// A tmpfs over `path`, for this process alone; its end is that of its mount namespace.
class SmallFilesystem {
 public:
  SmallFilesystem(const std::string& path, const std::string& options) : path_(path) {
    mounted_ = mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
               mount("tmpfs", path.c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  ~SmallFilesystem() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  SmallFilesystem(const SmallFilesystem&) = delete;
  bool mounted() const { return mounted_; }
  /// Frees space, as an administrator would.
  void grow() const {
    EXPECT_EQ(mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT, "size=64m,nr_inodes=1000"), 0);
  }

 private:
  std::string path_;
  bool mounted_ = false;
};

/// All steps from nothing to a message taken; stops at the first that fails.
Result<void> use_bus(const std::string& name, Publishers kind) {
  const auto bus = Bus::open(name);
  if (!bus) return bus.error();
  const auto topic = bus->topic(
      "notes",
      {.publishers = kind, .depth = 64, .max_message_bytes = 4096, .pool_bytes = 16 << 10});
  if (!topic) return topic.error();
  auto subscriber = topic->subscriber({.start = Start::oldest()});
  if (!subscriber) return subscriber.error();
  auto lossy = topic->subscriber({.kind = SubscriberKind::lossy});  // its page needs more space
  if (!lossy) return lossy.error();
  auto publisher = topic->publisher();
  if (!publisher) return publisher.error();
  for (int i = 0; i < 300; ++i) {  // what could be opened works to its last byte: no SIGBUS
    while (subscriber->try_take()) {
    }
    publisher->publish(std::string(4000, 'x')).value();
  }
  if (kind == Publishers::one) return {};
  auto second = topic->publisher();  // its lane needs more space
  if (!second) return second.error();
  if (auto published = second->publish("from the second"); !published) return published;
  const auto exchange = bus->exchange("exchange", {.kind = ExchangeKind::fanout});
  if (!exchange) return exchange.error();
  exchange->bind("notes").value();  // its space is reserved
  return {};
}

/// Tries with more and more of something until all goes well.
void try_with_growing(const std::string& path, Publishers kind,
                      const std::function<std::string(int)>& options) {
  int failures = 0;
  for (int amount = 1;; ++amount) {
    ASSERT_LT(amount, 400);
    const SmallFilesystem small(path, options(amount));
    ASSERT_TRUE(small.mounted());
    const auto result = use_bus(path + "/bus", kind);
    if (result) break;
    ++failures;
    ASSERT_EQ(result.error(), Code::no_space)
        << options(amount) << ": " << result.error().message();
    ASSERT_THAT(result.error().message(), HasSubstr(path));
    small.grow();
    const auto again = use_bus(path + "/bus", kind);
    ASSERT_TRUE(again) << options(amount)
                       << " left something that is in the way: " << again.error().message();
    ASSERT_TRUE(Bus::remove(path + "/bus"));
  }
  EXPECT_GT(failures, 5) << "there are more steps than that";
}

class FullFilesystem : public testing::TestWithParam<Publishers> {
 protected:
  /// In a mount namespace of its own.
  void run(const std::function<void(const std::string& path)>& body) {
    if (!test::is_root()) GTEST_SKIP() << "needs root, to mount";
    const TempDir place;
    constexpr int kMayNotMount = 77;
    Child child([&] {
      if (unshare(CLONE_NEWNS) != 0) _exit(kMayNotMount);
      body(place.path());
    });
    const int status = child.wait();
    if (status == kMayNotMount) GTEST_SKIP() << "this container may not mount";
    EXPECT_EQ(status, 0);
  }
};

TEST_P(FullFilesystem, OutOfSpaceAtAnyStepLeavesNothingInTheWay) {
  run([](const std::string& path) {
    try_with_growing(path, GetParam(),
                     [](int pages) { return "size=" + std::to_string(pages * 4) + "k"; });
  });
}

TEST_P(FullFilesystem, OutOfFilesAtAnyStepLeavesNothingInTheWay) {
  run([](const std::string& path) {
    try_with_growing(path, GetParam(),
                     [](int files) { return "size=64m,nr_inodes=" + std::to_string(files + 1); });
  });
}

/// Takes all the space that is left below `path`, until it ends.
class Filler {
 public:
  explicit Filler(const std::string& directory) : path_(directory + "/filler") {
    const int fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    const std::vector<char> page(shm::kPage);
    while (write(fd, page.data(), page.size()) > 0) {
    }
    close(fd);
  }
  ~Filler() { unlink(path_.c_str()); }
  Filler(const Filler&) = delete;

 private:
  std::string path_;
};

/// Those who are there go on to the last byte; nobody can come; once there is space they can.
void fill_up_under(const std::string& path, Publishers kind) {
  const std::string name = path + "/bus";
  const auto bus = Bus::open(name, {.file_mode = 0666}).value();
  const auto topic = bus.topic("notes", {.publishers = kind, .depth = 64}).value();
  auto subscriber = topic.subscriber().value();
  auto publisher = topic.publisher().value();
  const auto go_on = [&] {
    for (int i = 0; i < 300; ++i) {
      publisher.publish(std::string(4000, 'x')).value();
      ASSERT_TRUE(subscriber.take(0s));
    }
  };
  const auto newcomer = [&](bool may) {
    const Code code = Code::no_space;
    const auto expect = [&](const auto& result) {
      EXPECT_EQ(result.has_value(), may);
      if (!may) {
        EXPECT_EQ(result.error(), code) << result.error().message();
      }
    };
    expect(topic.subscriber());
    if (kind == Publishers::many) expect(topic.publisher());  // a second lane
    expect(bus.topic("another", {.depth = 64}));
    Child other([&] { expect(Bus::open(name)); }, test::kNobody);  // a participants' file
    EXPECT_EQ(other.wait(), 0);
  };
  {
    const Filler filler(path);
    go_on();
    newcomer(false);
    go_on();
  }
  newcomer(true);
  go_on();
}

TEST_P(FullFilesystem, KeepsNewcomersOutAndHarmsNobodyWhoIsThere) {
  run([](const std::string& path) {
    chmod(path.c_str(), 0777);
    const SmallFilesystem small(path, "size=4m,mode=0777");
    ASSERT_TRUE(small.mounted());
    fill_up_under(path, GetParam());
  });
}

INSTANTIATE_TEST_SUITE_P(Kinds, FullFilesystem, testing::Values(Publishers::one, Publishers::many),
                         [](const auto& kind) {
                           return kind.param == Publishers::one ? "one" : "many";
                         });

}  // namespace
}  // namespace tow
