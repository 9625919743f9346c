#include <gmock/gmock.h>

#include <functional>

#include "tests/bus/notes.hpp"

namespace tow {
namespace {

using test::Child;
using test::Note;
using test::TempBus;
using testing::AllOf;
using testing::HasSubstr;

struct Point {
  double x, y;
};

const TopicOptions kGiven{.publishers = Publishers::many,
                          .depth = 100,
                          .slot_bytes = 128,
                          .max_message_bytes = 5000,
                          .pool_bytes = 100'000,
                          .lane_depth = 50,
                          .max_publishers = 3,
                          .max_subscribers = 5,
                          .stamps = Stamps::all};

TEST(Options, AreStoredAndShown) {
  const TempBus bus;
  const auto info = bus.open().topic("notes", kGiven).value().info();
  EXPECT_EQ(info.name, "notes");
  EXPECT_EQ(info.publishers_kind, Publishers::many);
  EXPECT_EQ(info.asked_depth, 100U);
  EXPECT_GE(info.slot_count * 3 / 4, 100U) << "a quarter may be hidden by lazy cursors";
  EXPECT_GE(info.lane_slot_count, 50U);
  EXPECT_LT(info.lane_slot_count, info.slot_count);
  EXPECT_EQ(info.slot_bytes, 128U);
  EXPECT_EQ(info.max_message_bytes, 5000U);
  EXPECT_GE(info.pool_bytes, 100'000U);
  EXPECT_EQ(info.max_publishers, 3U);
  EXPECT_EQ(info.max_subscribers, 5U);
  EXPECT_EQ(info.stamps, Stamps::all);
  EXPECT_EQ(info.type_name, "bytes");
}

TEST(Options, SameOnesAndNoneOpenTheTopicFromAnotherProcess) {
  const TempBus bus;
  (void)bus.open().topic("notes", kGiven).value();
  Child child([&] {
    EXPECT_TRUE(bus.open().topic("notes", kGiven));
    EXPECT_TRUE(bus.open().topic("notes"));
    EXPECT_TRUE(bus.open().topic("notes", {.create = false}));
  });
  EXPECT_EQ(child.wait(), 0);
}

struct Change {
  const char* name;
  std::function<void(TopicOptions&)> make;
  const char* is;
  const char* asked;
};
void PrintTo(const Change& change, std::ostream* out) { *out << change.name; }

class OptionsMismatch : public testing::TestWithParam<Change> {};

TEST_P(OptionsMismatch, NamesTheOptionAndBothSides) {
  const TempBus bus;
  const Bus mine = bus.open();
  (void)mine.topic("notes", kGiven).value();
  TopicOptions other;
  GetParam().make(other);
  const auto refused = mine.topic("notes", other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Code::options_mismatch);
  EXPECT_THAT(refused.error().message(),
              AllOf(HasSubstr("topic notes exists"), HasSubstr(GetParam().is),
                    HasSubstr(GetParam().asked), HasSubstr("remove the topic")));
}

INSTANTIATE_TEST_SUITE_P(
    EachOption, OptionsMismatch,
    testing::Values(Change{"publishers", [](auto& o) { o.publishers = Publishers::one; },
                           "publishers is many", "asks for one"},
                    Change{"depth", [](auto& o) { o.depth = 99; }, "depth is 100", "asks for 99"},
                    Change{"slot_bytes", [](auto& o) { o.slot_bytes = 64; }, "slot_bytes is 128",
                           "asks for 64"},
                    Change{"max_message_bytes", [](auto& o) { o.max_message_bytes = 1; },
                           "max_message_bytes is 5000", "asks for 1"},
                    Change{"pool_bytes", [](auto& o) { o.pool_bytes = 64'000; },
                           "pool_bytes is 100032", "asks for 64000"},
                    Change{"lane_depth", [](auto& o) { o.lane_depth = 20; }, "lane_depth",
                           "asks for"},
                    Change{"max_publishers", [](auto& o) { o.max_publishers = 4; },
                           "max_publishers is 3", "asks for 4"},
                    Change{"max_subscribers", [](auto& o) { o.max_subscribers = 6; },
                           "max_subscribers is 5", "asks for 6"},
                    Change{"stamps", [](auto& o) { o.stamps = Stamps::none; }, "stamps is all",
                           "asks for none"},
                    Change{"huge_pages", [](auto& o) { o.huge_pages = true; }, "huge_pages is off",
                           "asks for on"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Options, SeveralDifferencesAreNamedTogether) {
  const TempBus bus;
  const Bus mine = bus.open();
  (void)mine.topic("notes", kGiven).value();
  const auto refused = mine.topic("notes", {.depth = 7 * 16, .max_subscribers = 9});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(),
              AllOf(HasSubstr("depth is 100"), HasSubstr("max_subscribers is 5")));
}

struct Range {
  const char* name;
  std::function<void(TopicOptions&)> make;
  const char* text;
};
void PrintTo(const Range& range, std::ostream* out) { *out << range.name; }

class OptionsRange : public testing::TestWithParam<Range> {};

TEST_P(OptionsRange, IsAnErrorThatSaysWhatIsAllowedAndMakesNothing) {
  const TempBus bus;
  const Bus mine = bus.open();
  TopicOptions options;
  GetParam().make(options);
  const auto refused = mine.topic("notes", options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Code::invalid_argument);
  EXPECT_THAT(refused.error().message(),
              AllOf(HasSubstr("topic notes"), HasSubstr(GetParam().text)));
  EXPECT_TRUE(mine.topics().empty());
}

INSTANTIATE_TEST_SUITE_P(
    EachOption, OptionsRange,
    testing::Values(
        Range{"shallow", [](auto& o) { o.depth = 15; }, "16 to 4194304"},
        Range{"deep", [](auto& o) { o.depth = (4ULL << 20) + 1; }, "16 to 4194304"},
        Range{"absurdly_deep", [](auto& o) { o.depth = UINT64_MAX; }, "16 to 4194304"},
        Range{"slot_bytes", [](auto& o) { o.slot_bytes = 100; }, "64, 128 or 256"},
        Range{"message", [](auto& o) { o.max_message_bytes = (1ULL << 30) + 1; }, "1 GiB"},
        Range{"absurd_message", [](auto& o) { o.max_message_bytes = UINT64_MAX; }, "1 GiB"},
        Range{"small_pool", [](auto& o) { o.pool_bytes = 1000; }, "smaller than the largest"},
        Range{"pool", [](auto& o) { o.pool_bytes = (16ULL << 30) + 1; }, "16 GiB"},
        Range{"absurd_pool", [](auto& o) { o.pool_bytes = UINT64_MAX; }, "16 GiB"},
        Range{"publishers", [](auto& o) { o.max_publishers = 1025; }, "1 to 1024"},
        Range{"subscribers", [](auto& o) { o.max_subscribers = 1025; }, "1 to 1024"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Types, MismatchNamesBothSidesAndTheRemedy) {
  const TempBus bus;
  (void)bus.open().topic<Note>("notes").value();
  Child child([&] {
    const auto refused = bus.open().topic<Point>("notes");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), Code::type_mismatch);
    EXPECT_THAT(refused.error().message(),
                AllOf(HasSubstr("topic notes carries"), HasSubstr("Note (24 bytes)"),
                      HasSubstr("Point (16 bytes)"), HasSubstr("same type")));
    EXPECT_EQ(bus.open().topic("notes").error(), Code::type_mismatch) << "bytes are a type, too";
    EXPECT_TRUE(bus.open().topic<Note>("notes"));
    EXPECT_TRUE(bus.open().topic_as_bytes("notes")) << "tools may look at everything";
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(Types, TopicOfBytesRefusesATypedUser) {
  const TempBus bus;
  (void)bus.open().topic("notes").value();
  EXPECT_EQ(bus.open().topic<Note>("notes").error(), Code::type_mismatch);
}

TEST(Types, SlotIsTheSmallestThatHoldsTheType) {
  const TempBus bus;
  const Bus mine = bus.open();
  struct Medium {
    char bytes[100];
  };
  struct Wide {
    char bytes[240];
  };
  EXPECT_EQ(mine.topic<Note>("small").value().info().slot_bytes, 64U);
  EXPECT_EQ(mine.topic<Medium>("medium").value().info().slot_bytes, 128U);
  EXPECT_EQ(mine.topic<Wide>("wide").value().info().slot_bytes, 256U);
  EXPECT_EQ(mine.topic<Note>("asked", {.slot_bytes = 256}).value().info().slot_bytes, 256U);
}

}  // namespace
}  // namespace tow
