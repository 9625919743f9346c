// Words and files that no honest process writes: what they do is bounded, and an error of the
// topic.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/bus/notes.hpp"
#include "towpath/shm/participants.hpp"
#include "towpath/shm/ring.hpp"

namespace tow {
namespace {

using test::TempBus;
using testing::AnyOf;
using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

constexpr TopicOptions kOne{.publishers = Publishers::one, .depth = 16};
constexpr TopicOptions kMany{.publishers = Publishers::many, .depth = 16};
constexpr std::uint64_t kRingSlots = 32;  // of both

void set_slots(const std::string& lane, std::uint64_t sequence) {
  for (std::uint64_t slot = 0; slot < kRingSlots; ++slot) {
    test::overwrite(lane, sizeof(shm::LaneLayout) + slot * 64, sequence);
  }
}

class EverySlotLies : public testing::Test {
 protected:
  EverySlotLies() { set_slots(bus_.topic_path("notes") + "/lanes/0", shm::kBusy - 1); }
  TempBus bus_;
  Topic<Bytes> topic_ = bus_.open().topic("notes", kOne).value();
  Subscriber<Bytes> lossy_ = topic_.subscriber({.kind = SubscriberKind::lossy}).value();
};

TEST_F(EverySlotLies, AndATakeWithADeadlineEndsNevertheless) {
  const auto taken = lossy_.take(20ms);
  EXPECT_FALSE(taken);
}

TEST_F(EverySlotLies, AndATakeForEverSaysThatTheyAreDamaged) {
  const auto taken = lossy_.take();
  ASSERT_TRUE(taken.failed());
  EXPECT_EQ(taken.error(), Code::corrupt);
}

TEST_F(EverySlotLies, AndALookWithADescriptorEndsNevertheless) {
  ASSERT_TRUE(lossy_.fd());
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(lossy_.try_take());
}

/// As if the topic had got as far as `first` and the rest of a ring.
void advance(const TempBus& bus, const TopicOptions& options, std::uint64_t first) {
  const std::string files = bus.topic_path("notes");
  const std::uint64_t last = first + kRingSlots - 1;
  test::overwrite(files + "/order", offsetof(shm::OrderLayout, limit), last);
  const unsigned lane_bits = 10, slot_bits = 5;  // 1024 publishers, 32 slots
  for (std::uint64_t sequence = first; sequence != first + kRingSlots; ++sequence) {
    const std::uint64_t slot = sequence % kRingSlots;
    test::overwrite(files + "/lanes/0", sizeof(shm::LaneLayout) + slot * 64, sequence);
    if (options.publishers == Publishers::one) continue;
    const std::uint64_t word = (sequence / kRingSlots + 1) << (lane_bits + slot_bits) | slot;
    test::overwrite(files + "/order", sizeof(shm::OrderLayout) + slot * 64, word);
  }
}

constexpr std::uint64_t kFirsts[] = {1ULL << 50,
                                     (1ULL << 50) - kRingSlots,
                                     1ULL << 62,
                                     shm::kBusy - kRingSlots,
                                     shm::kBusy,
                                     shm::kBusy + 5 * kRingSlots,
                                     UINT64_MAX - (kRingSlots - 1),
                                     UINT64_MAX - 5};

TEST(HostileWords, SequencesThatNoTopicReachesAreRefusedToPublishersOrHarmless) {
  for (const TopicOptions& options : {kOne, kMany}) {
    for (const std::uint64_t first : kFirsts) {
      const TempBus bus;
      const auto topic = bus.open().topic("notes", options).value();
      advance(bus, options, first);
      const auto publisher = topic.publisher();
      const bool too_far = options.publishers == Publishers::one && first == 1ULL << 62;
      EXPECT_TRUE(!publisher || !too_far);
      const auto subscriber = topic.subscriber({.start = Start::oldest()});
      EXPECT_TRUE(subscriber);
      (void)topic.observer(Start::oldest()).take(2ms);
      (void)topic.info();
    }
  }
}

TEST(HostileWords, CursorsBeyondAllSequencesHoldNobodyUpLongerThanTheirReaderLives) {
  for (const std::uint64_t cursor : {std::uint64_t{0}, std::uint64_t{1} << 62, UINT64_MAX}) {
    const TempBus bus;
    const auto topic = bus.open().topic("notes", kOne).value();
    auto publisher = topic.publisher({.when_full = WhenFull::fail}).value();
    {
      auto subscriber = topic.subscriber().value();
      test::overwrite(bus.topic_path("notes") + "/readers/0", offsetof(shm::ReaderLayout, cursor),
                      cursor);
      for (int i = 0; i < 100; ++i) (void)publisher.publish("x");
    }
    EXPECT_TRUE(publisher.publish("x"));
  }
}

class InPlaceOfAFile : public testing::TestWithParam<const char*> {};

TEST_P(InPlaceOfAFile, AFifoHoldsNobodyUp) {
  const TempBus bus;
  const Bus mine = bus.open();
  {
    const auto topic = mine.topic("notes", kOne).value();
    auto publisher = topic.publisher().value();
    auto subscriber = topic.subscriber().value();
  }
  const std::string path = bus.topic_path("notes") + '/' + GetParam();
  ASSERT_EQ(unlink(path.c_str()), 0);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const auto topic = mine.topic("notes", kOne);
  if (topic) {  // a page or a lane: not for us
    (void)topic->publisher();
    (void)topic->subscriber();
    (void)topic->info();
  } else {
    EXPECT_EQ(topic.error(), Code::corrupt);
  }
  EXPECT_FALSE(mine.processes().empty());
  EXPECT_TRUE(mine.remove_topic("notes"));
}

TEST_P(InPlaceOfAFile, ALargerOneIsRefusedBeforeItIsTouched) {
  const std::string file = GetParam();
  if (file.starts_with("readers")) GTEST_SKIP() << "of these the beginning is looked at alone";
  const TempBus bus;
  const Bus mine = bus.open();
  (void)mine.topic("notes", kOne).value();
  const std::string path = bus.topic_path("notes") + '/' + file;
  const std::uint64_t bytes = 1ULL << 40;
  ASSERT_EQ(truncate(path.c_str(), static_cast<off_t>(bytes)), 0);
  test::overwrite(path, offsetof(shm::SegmentLayout, file_bytes), bytes);
  const auto topic = mine.topic("notes", kOne);
  ASSERT_FALSE(topic);
  EXPECT_EQ(topic.error(), Code::corrupt) << topic.error().message();
  EXPECT_TRUE(mine.remove_topic("notes"));
}

INSTANTIATE_TEST_SUITE_P(Files, InPlaceOfAFile,
                         testing::Values("order", "lanes/0", "readers/board", "readers/0"),
                         [](const auto& row) {
                           std::string name = row.param;
                           std::replace(name.begin(), name.end(), '/', '_');
                           return name;
                         });

TEST(HostileFiles, AFifoForAUserHoldsNobodyUp) {
  const TempBus bus;
  const Bus mine = bus.open();
  ASSERT_EQ(mkfifo((bus.name() + "/participants/12345").c_str(), 0600), 0);
  EXPECT_EQ(mine.processes().size(), 1U);
  EXPECT_TRUE(Bus::open(bus.name()));
}

TEST(HostileFiles, NobodySpeaksForAnotherUser) {
  const TempBus bus;
  const Bus mine = bus.open();
  const std::string own = bus.name() + "/participants/" + std::to_string(geteuid());
  std::filesystem::copy_file(own, bus.name() + "/participants/12345");
  std::filesystem::copy_file(own, bus.name() + "/participants/0" + std::to_string(geteuid()));
  EXPECT_EQ(mine.processes().size(), 1U);
}

TEST(HostileFiles, MadeForOthersAreNotSupervised) {
  const TempBus bus;
  const Bus mine = bus.open();
  const std::string own = bus.name() + "/participants/" + std::to_string(geteuid());
  const auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  for (int uid = 100'000; uid < 100'100; ++uid) {
    std::filesystem::copy_file(own, bus.name() + "/participants/" + std::to_string(uid));
  }
  const auto before = descriptors();
  EXPECT_TRUE(mine.supervise().value());
  EXPECT_LE(descriptors(), before + 1) << "one for the user there is";
}

TEST(HostileFiles, ProofOfLifeStaysWhereOthersMayWrite) {
  if (!test::is_root()) GTEST_SKIP() << "needs root, to become somebody else";
  const TempBus bus(0777);
  const Bus mine = bus.open({.file_mode = 0666});
  const std::string own = bus.name() + "/participants/0";
  test::Child child(
      [&] {
        EXPECT_NE(unlink(own.c_str()), 0);
        EXPECT_NE(rename(own.c_str(), (own + "x").c_str()), 0);
        const Bus other = bus.open();  // and joins all the same
      },
      test::kNobody);
  EXPECT_EQ(child.wait(), 0);
}

TEST(HostileFiles, OnlyOneNameStandsForATopic) {
  const TempBus bus;
  const Bus mine = bus.open();
  for (const char* const shadow : {"%41", "%2f", "a%62"}) {
    std::filesystem::create_directories(bus.topic_path(shadow));
    std::ofstream(bus.topic_path(shadow) + "/order") << "x";
  }
  EXPECT_THAT(mine.topics(), IsEmpty());
}

TEST(HostileFiles, PublishersPassOverALaneThatIsDamaged) {
  const TempBus bus;
  const Bus mine = bus.open();
  const auto topic = mine.topic("notes", kMany).value();
  auto subscriber = topic.subscriber().value();
  ASSERT_EQ(truncate((bus.topic_path("notes") + "/lanes/0").c_str(), 100), 0);
  auto publisher = topic.publisher().value();
  publisher.publish("x").value();
  EXPECT_EQ(subscriber.take(1s).text(), "x");
}

TEST(HostileLocks, ReadLocksNeitherFeignLifeNorKeepAnybodyOut) {
  const TempBus bus;
  const Bus mine = bus.open();
  const auto topic = mine.topic("notes", kOne).value();
  test::Child dead([&] {
    auto publisher = bus.open().topic("notes").value().publisher().value();
    publisher.publish("x").value();
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return topic.last_sequence() == 1; }));
  const std::string own = bus.name() + "/participants/" + std::to_string(geteuid());
  const int fd = open(own.c_str(), O_RDONLY | O_CLOEXEC);
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  for (const off_t byte : {0, 1, 2, 3, 4, 5}) {  // all that are not write-locked
    lock.l_start = byte;
    lock.l_len = 1;
    fcntl(fd, F_OFD_SETLK, &lock);
  }
  dead.kill();
  for (const off_t byte : {0, 1, 2, 3, 4, 5}) {  // and those of the dead
    lock.l_start = byte;
    fcntl(fd, F_OFD_SETLK, &lock);
  }
  EXPECT_TRUE(topic.publisher({.take_over_within = 10s})) << "the dead are dead";
  EXPECT_TRUE(Bus::open(bus.name())) << "the next free entry will do";
  close(fd);
}

}  // namespace
}  // namespace tow
