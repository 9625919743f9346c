#pragma once
/// What an error must say.

#include <gmock/gmock.h>

#include <string>

#include "towpath/shm/result.hpp"

namespace tow::test {

/// The result is an error of that code, whose text names the thing and the remedy.
template <class T>
void expect_error(const Result<T>& result, Code code, const std::string& thing,
                  const std::string& remedy) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), code) << result.error().message();
  EXPECT_THAT(result.error().message(),
              testing::AllOf(testing::HasSubstr(thing), testing::HasSubstr(remedy)));
}

}  // namespace tow::test
