#include "towpath/shm/result.hpp"

#include <errno.h>
#include <gmock/gmock.h>

#include <set>
#include <string>
#include <thread>

namespace tow {
namespace {

using testing::HasSubstr;

TEST(Result, ErrorIsEightBytesAndSaysItsText) {
  const Error error = make_error(Code::not_found, "no such thing: look elsewhere");
  EXPECT_EQ(sizeof error, 8U);
  EXPECT_EQ(error, Code::not_found);
  EXPECT_EQ(error.message(), "no such thing: look elsewhere");
}

TEST(Result, ErrnoIsAppendedInWords) {
  const Error error = make_error(Code::no_permission, "open file", EACCES);
  EXPECT_EQ(error.os_errno, EACCES);
  EXPECT_EQ(error.message(), "open file (Permission denied)");
}

TEST(Result, TextIsKeptForFifteenFurtherErrorsAndThenFallsBackToTheCode) {
  const Error error = make_error(Code::no_space, "the disk is full", ENOSPC);
  for (int i = 0; i < 15; ++i) (void)make_error(Code::system, "another");
  EXPECT_EQ(error.message(), "the disk is full (No space left on device)");
  (void)make_error(Code::system, "the sixteenth");
  EXPECT_EQ(error.message(), "no_space: No space left on device");
}

TEST(Result, SerialNumbersOfDetailsGoRoundWithoutMixingTexts) {
  for (int i = 0; i < 70'000; ++i) {
    const Error error = make_error(Code::system, std::to_string(i));
    ASSERT_NE(error.detail, 0);
    ASSERT_EQ(error.message(), std::to_string(i));
  }
}

TEST(Result, ErrorOfAnotherThreadFallsBackToItsCode) {
  Error error;
  std::thread([&] { error = make_error(Code::evicted, "text of that thread"); }).join();
  EXPECT_EQ(error.message(), "evicted");
}

TEST(Result, EveryCodeHasANameOfItsOwn) {
  std::set<std::string_view> names;
  const auto last = static_cast<std::uint16_t>(Code::system);
  for (std::uint16_t code = 1; code <= last; ++code) names.insert(to_string(Code{code}));
  EXPECT_EQ(names.size(), last);
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(to_string(Code{999}), "unknown");
}

TEST(Result, HoldsAValueOrAnError) {
  Result<std::string> fine("text");
  EXPECT_TRUE(fine);
  EXPECT_EQ(fine.value(), "text");
  EXPECT_EQ(fine->size(), 4U);
  EXPECT_EQ(std::move(fine).value(), "text");
  Result<std::string> failed(make_error(Code::full, "no room"));
  EXPECT_FALSE(failed);
  EXPECT_EQ(failed.error(), Code::full);
  Result<void> nothing;
  EXPECT_TRUE(nothing.has_value());
  nothing.value();
}

TEST(Result, ValueOfAnErrorThrowsItsMessage) {
  const Result<int> failed(make_error(Code::full, "topic x is full: wait"));
  try {
    (void)failed.value();
    FAIL() << "nothing was thrown";
  } catch (const BadResult& thrown) {
    EXPECT_THAT(thrown.what(), HasSubstr("topic x is full"));
    EXPECT_EQ(thrown.error(), Code::full);
  }
  EXPECT_THROW(Result<void>(make_error(Code::stale, "old")).value(), BadResult);
}

}  // namespace
}  // namespace tow
