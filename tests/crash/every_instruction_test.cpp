// Every operation on shared memory is killed at every instruction; see harness.hpp.

#include <gmock/gmock.h>

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "coverage.hpp"
#include "harness.hpp"
#include "stepper.hpp"

namespace tow::crash {

void PrintTo(const Operation& operation, std::ostream* out) { *out << operation.name; }

namespace {

class EveryInstruction : public testing::TestWithParam<Operation> {};

TEST_P(EveryInstruction, MayBeTheLast) {
  const Counts before = counts();
  EXPECT_EQ(kill_everywhere(GetParam()), "");
  const Counts& now = counts();
  // How often the C library runs an instruction may depend on where its memory lies.
  EXPECT_LE(now.missed - before.missed, (now.kills - before.kills) / 20)
      << "places that a second run did not come to";
  std::printf("  %llu instructions, %llu states, %llu kills\n",
              static_cast<unsigned long long>(now.instructions - before.instructions),
              static_cast<unsigned long long>(now.states - before.states),
              static_cast<unsigned long long>(now.kills - before.kills));
}

/// When all tests have run: nothing may have been left out.
class Everything : public testing::Environment {
 public:
  void TearDown() override {
    const auto& run = *testing::UnitTest::GetInstance();
    if (run.test_to_run_count() != run.total_test_count()) return;
    EXPECT_THAT(lines_not_killed_at(executed()), testing::IsEmpty())
        << "lines that change shared memory, which no operation of operations.cpp runs: add one";
    print_counts();
  }

 private:
  static void print_counts() {
    const Counts& done = counts();
    std::printf(
        "crash: %llu operations, %llu kill points (instructions), %llu distinct states "
        "recovered, %llu real kills, %llu interruptions, by %s\n",
        static_cast<unsigned long long>(done.operations),
        static_cast<unsigned long long>(done.instructions),
        static_cast<unsigned long long>(done.states), static_cast<unsigned long long>(done.kills),
        static_cast<unsigned long long>(done.interruptions), to_text(technique()));
  }
};
const auto* const everything = testing::AddGlobalTestEnvironment(new Everything);

/// Where ptrace is not allowed the children step themselves: that works here, too.
TEST(TrapFlag, StepsAndKillsAsPtraceDoes) {
  const char* const wanted[] = {"publish, one", "publish, many", "take all there is, one", "leave"};
  const Technique usual = technique();
  choose_technique(Technique::trap_flag);
  for (const Operation& operation : operations()) {
    if (std::find(std::begin(wanted), std::end(wanted), operation.name) == std::end(wanted)) {
      continue;
    }
    const Counts before = counts();
    EXPECT_EQ(kill_everywhere(operation), "") << operation.name;
    EXPECT_GT(counts().kills, before.kills) << operation.name;
    EXPECT_GT(counts().instructions, before.instructions + 100) << operation.name;
  }
  choose_technique(usual);
}

std::string camel_case(const testing::TestParamInfo<Operation>& info) {
  std::string name;
  bool upper = true;
  for (const char c : info.param.name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) {
      upper = true;
      continue;
    }
    name += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = false;
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Of, EveryInstruction, testing::ValuesIn(operations()), camel_case);

}  // namespace
}  // namespace tow::crash
