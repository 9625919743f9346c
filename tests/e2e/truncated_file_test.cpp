// Files truncated under tow and towd: an error that names the file, and no death.

#include <signal.h>
#include <unistd.h>

#include "tests/e2e/cli.hpp"

namespace tow::test {
namespace {

class TruncatedUnder : public Cli, public testing::WithParamInterface<const char*> {
 protected:
  void cut(const std::string& path) const { ASSERT_EQ(truncate(path.c_str(), 0), 0) << path; }
  bool says(const std::string& name, const std::string& text) const {
    return read(name + ".err").find(text) != std::string::npos;
  }
};

TEST_P(TruncatedUnder, TowSubAndTowHzThatWait) {
  run("tow create --publishers one notes");
  Child sub = start("exec tow sub --required notes", "sub");
  Child hz = start("exec tow hz notes", "hz");
  ASSERT_TRUE(eventually_subscribers("notes", 1));
  ASSERT_TRUE(eventually([&] { return !read("hz.out").empty(); }));
  cut(topic_path("notes") + '/' + GetParam());
  EXPECT_EQ(sub.wait(), 1);
  EXPECT_TRUE(says("sub", std::string(GetParam()) + " was truncated")) << read("sub.err");
  if (std::string(GetParam()) == "readers/board") return;  // who only looks does not need it
  EXPECT_EQ(hz.wait(), 1);
  EXPECT_TRUE(says("hz", "was truncated")) << read("hz.err");
}

TEST_P(TruncatedUnder, TowPubThatPublishes) {
  run("tow create --publishers one notes");
  Child pub = start("exec tow pub notes --count 0 --rate 2000", "pub");
  ASSERT_TRUE(
      eventually_info("notes", [](const Json& info) { return info["last_sequence"] > 10; }));
  cut(topic_path("notes") + '/' + GetParam());
  EXPECT_EQ(pub.wait(), 1);
  EXPECT_TRUE(says("pub", "truncated")) << read("pub.err");
  EXPECT_EQ(run("tow ls").code, 1) << "the topic is listed with what is wrong";
  EXPECT_EQ(run("tow rm notes").code, 0);
  EXPECT_EQ(run("tow pub notes -n 1").code, 0) << "made anew";
}

INSTANTIATE_TEST_SUITE_P(Files, TruncatedUnder,
                         testing::Values("order", "lanes/0", "readers/board"), [](const auto& row) {
                           std::string name = row.param;
                           std::replace(name.begin(), name.end(), '/', '_');
                           return name;
                         });

TEST_F(TruncatedUnder, TowdGoesOnForTheOtherBuses) {
  run("tow create notes; tow --bus other create notes");
  Child towd = start("exec towd", "towd");
  ASSERT_TRUE(eventually([&] { return says("towd", "/default: watching"); }));
  ASSERT_TRUE(eventually([&] { return says("towd", "/other: watching"); }));
  Child victim = start("exec tow --bus other sub --required notes", "victim");
  ASSERT_TRUE(eventually(
      [&] { return Json::parse(run("tow --bus other ps --json").out)["processes"].size() == 1; }));
  cut(at("default/participants/" + std::to_string(geteuid())));
  cut(at("default/bus"));
  cut(at("default/topics/notes/order"));
  victim.kill();
  EXPECT_TRUE(eventually([&] { return says("towd", "died: pid"); }));
  ::kill(towd.pid(), SIGTERM);
  EXPECT_EQ(towd.wait(), 0);
}

}  // namespace
}  // namespace tow::test
