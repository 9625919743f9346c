#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/bus/notes.hpp"
#include "tests/support/expect_error.hpp"
#include "towpath/shm/layout.hpp"

namespace tow {
namespace {

using test::Child;
using test::expect_error;
using test::TempBus;
using test::TempDir;
using testing::ElementsAreArray;
using testing::IsEmpty;
using namespace std::chrono_literals;

TEST(BadBus, UnknownOneIsNotFound) {
  const TempDir place;
  const std::string name = place.path() + "/none";
  expect_error(Bus::open(name, {.create = false}), Code::not_found, name, "TOWPATH_DIR");
  expect_error(Bus::open(name, {.observe = true}), Code::not_found, name, "start the program");
  EXPECT_THAT(test::tree_of(place.path()), IsEmpty()) << "asking makes nothing";
  expect_error(Bus::open(place.path() + "/no/such/parent"), Code::not_found,
               place.path() + "/no/such/parent", "TOWPATH_DIR");
}

TEST(BadBus, NamesThatAreNoneAreRefused) {
  expect_error(Bus::open(""), Code::invalid_name, "the empty one", "needs a name");
  expect_error(Bus::open("."), Code::invalid_name, "bus name .", "1 to 200 bytes");
  expect_error(Bus::open(".."), Code::invalid_name, "bus name ..", "1 to 200 bytes");
  expect_error(Bus::open(std::string(201, 'n')), Code::invalid_name, "nnn", "1 to 200 bytes");
  expect_error(Bus::open(std::string("a\0b", 3)), Code::invalid_name, "bus name", "NUL");
}

TEST(BadBus, NamesAreLookedUpInTheDirectoryOfTheEnvironment) {
  const TempDir place;
  Child child([&] {
    setenv("TOWPATH_DIR", (place.path() + "/buses").c_str(), 1);
    const auto bus = Bus::open("market").value();
    EXPECT_EQ(bus.path(), place.path() + "/buses/market");
    EXPECT_TRUE(Bus::open("market", {.create = false}));
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(BadBus, DirectoryThatIsNoBusIsNotFoundAndMadeOneOnRequest) {
  const TempDir place;
  expect_error(Bus::open(place.path(), {.create = false}), Code::not_found, place.path(),
               "start the program");
  EXPECT_TRUE(Bus::open(place.path())) << "as if its creator had died early";
}

TEST(BadBus, OtherVersionForeignTruncatedAndHalfMadeFilesAreRefused) {
  const TempBus bus;
  { (void)bus.open(); }
  const std::string file = bus.name() + "/bus";
  const auto spoil = [&](std::size_t offset, std::uint32_t value, Code code, const char* remedy) {
    std::uint32_t before = 0;
    std::ifstream(file).seekg(static_cast<long>(offset)).read(reinterpret_cast<char*>(&before), 4);
    test::overwrite(file, offset, value);
    expect_error(Bus::open(bus.name()), code, file, remedy);
    test::overwrite(file, offset, before);
    EXPECT_TRUE(Bus::open(bus.name()));
  };
  using shm::SegmentLayout;
  spoil(offsetof(SegmentLayout, version), 99, Code::version_mismatch, "layout version 99");
  spoil(offsetof(SegmentLayout, fingerprint), 99, Code::version_mismatch, "same build");
  spoil(offsetof(SegmentLayout, magic), 99, Code::corrupt, "move it out");
  spoil(offsetof(SegmentLayout, kind), 99, Code::corrupt, "move it out");
  spoil(offsetof(SegmentLayout, file_bytes), 99, Code::corrupt, "truncated");
  test::overwrite(file, 0, std::uint64_t{0});
  expect_error(Bus::open(bus.name()), Code::half_made, file, "delete the file");
}

TEST(BadTopic, UnknownOneIsNotFound) {
  const TempBus bus;
  const Bus mine = bus.open();
  for (const auto& result : {mine.topic("none", {.create = false}), mine.topic_as_bytes("none")}) {
    expect_error(result, Code::not_found, "no topic none on bus " + bus.name(), "tow ls");
  }
  expect_error(mine.remove_topic("none"), Code::not_found, "no topic none", "tow ls");
  const Bus looker = bus.open({.observe = true});
  expect_error(looker.topic("none"), Code::not_found, "no topic none", "tow ls");
  EXPECT_THAT(mine.topics(), IsEmpty());
}

TEST(BadTopic, EmptyAndTooLongNamesAreRefused) {
  const TempBus bus;
  const Bus mine = bus.open();
  expect_error(mine.topic(""), Code::invalid_name, "the empty one", "needs a name");
  expect_error(mine.topic(std::string(256, 'n')), Code::invalid_name, "nnn... is too long",
               "at most 255");
  expect_error(mine.topic(std::string(86, '/')), Code::invalid_name, "is too long", "at most 255");
  expect_error(mine.remove_topic(""), Code::invalid_name, "the empty one", "needs a name");
  expect_error(mine.topic_as_bytes(""), Code::invalid_name, "the empty one", "needs a name");
  EXPECT_TRUE(mine.topic(std::string(255, 'n')));
}

TEST(BadTopic, OddNamesComeBackAsTheyWere) {
  const TempBus bus;
  const Bus mine = bus.open();
  std::vector<std::string> names{"a/b",
                                 "..",
                                 ".",
                                 ".hidden",
                                 "../../etc",
                                 "%41",
                                 "%",
                                 "with spaces",
                                 "a\nb",
                                 "\x01\x7f",
                                 "\xff\xfe",
                                 "Gr\xc3\xbc\xc3\x9f"
                                 "e",
                                 "-rf",
                                 std::string("n\0l", 3),
                                 "plain.name-1_2",
                                 "*?[]{}$`'\""};
  for (const std::string& name : names) {
    const auto topic = mine.topic(name, {.max_message_bytes = 48, .pool_bytes = 64});
    ASSERT_TRUE(topic) << topic.error().message();
    EXPECT_EQ(topic->name(), name);
    topic->publisher().value().publish(name).value();
  }
  std::sort(names.begin(), names.end());
  Child child([&] {
    const Bus other = bus.open();
    EXPECT_THAT(other.topics(), ElementsAreArray(names));
    for (const std::string& name : names) {
      auto subscriber = other.topic(name).value().subscriber({.start = Start::oldest()}).value();
      EXPECT_EQ(subscriber.take(0s).text(), name);
    }
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(BadTopic, StrangeFilesInTheDirectoryAreNoTopics) {
  const TempBus bus;
  const Bus mine = bus.open();
  std::ofstream(bus.topic_path("file")) << "not a directory";
  mkdir(bus.topic_path("empty").c_str(), 0700);
  mkdir(bus.topic_path("odd name").c_str(), 0700);
  EXPECT_THAT(mine.topics(), IsEmpty());
  EXPECT_EQ(mine.topic("empty", {.create = false}).error(), Code::not_found);
  EXPECT_TRUE(mine.topic("empty")) << "as if its creator had died early";
  EXPECT_FALSE(mine.topic("file"));
}

class BadTopicFile : public testing::TestWithParam<const char*> {};

TEST_P(BadTopicFile, OfAnotherVersionTruncatedOrForeignIsNamedWithTheRemedy) {
  const TempBus bus;
  const Bus mine = bus.open();
  const TopicOptions options{.publishers = Publishers::one, .depth = 16};
  {
    const auto topic = mine.topic("notes", options).value();
    auto subscriber = topic.subscriber().value();
    topic.publisher().value().publish("x").value();
  }
  const std::string file = bus.topic_path("notes") + "/" + GetParam();
  const auto use = [&]() -> Result<void> {
    const auto topic = mine.topic("notes", options);
    if (!topic) return topic.error();
    const auto publisher = topic->publisher();
    if (!publisher) return publisher.error();
    return {};
  };
  ASSERT_TRUE(use());
  test::overwrite(file, offsetof(shm::SegmentLayout, version), std::uint32_t{42});
  expect_error(use(), Code::version_mismatch, file, "layout version 42");
  test::overwrite(file, offsetof(shm::SegmentLayout, version), shm::kLayoutVersion);
  test::overwrite(file, offsetof(shm::SegmentLayout, kind), std::uint32_t{42});
  expect_error(use(), Code::corrupt, file, "move it out");
  ASSERT_EQ(truncate(file.c_str(), 32), 0);
  expect_error(use(), Code::corrupt, file, "move it out");
  ASSERT_EQ(truncate(file.c_str(), 4096), 0);
  EXPECT_FALSE(use()) << "now its beginning is zeros";
  EXPECT_TRUE(mine.remove_topic("notes"));
  EXPECT_TRUE(use()) << "removed and made anew";
}

INSTANTIATE_TEST_SUITE_P(Files, BadTopicFile, testing::Values("order", "readers/board", "lanes/0"),
                         [](const auto& row) {
                           std::string name = row.param;
                           std::replace(name.begin(), name.end(), '/', '_');
                           return name;
                         });

TEST(BadReaderPage, IsPassedOverByTheNextSubscriber) {
  const TempBus bus;
  const auto topic = bus.open().topic("notes").value();
  { auto subscriber = topic.subscriber().value(); }
  test::overwrite(bus.topic_path("notes") + "/readers/0", 0, std::uint64_t{42});
  auto subscriber = topic.subscriber().value();
  topic.publisher().value().publish("x").value();
  EXPECT_EQ(subscriber.take(0s).text(), "x");
}

}  // namespace
}  // namespace tow
