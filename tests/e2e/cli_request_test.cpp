// tow call and tow serve: requests, replies, and what they say when there are none.

#include "tests/e2e/cli.hpp"

namespace tow::test {
namespace {

TEST_F(Cli, CallPrintsWhatTheCommandOfAServerSays) {
  Child server = start("exec tow serve upper -- tr a-z A-Z", "server");
  const Outcome called = run("tow call upper hello --timeout 60s");
  EXPECT_EQ(called.code, 0) << called.err;
  EXPECT_EQ(called.out, "HELLO\n");
  EXPECT_EQ(run("printf 'from stdin' | tow call upper --timeout 60s").out, "FROM STDIN\n");
  EXPECT_EQ(json("tow call upper hello --timeout 60s --json")["payload"], "HELLO");
}

TEST_F(Cli, ServeEndsAfterItsCountAndSaysHowManyThereWere) {
  Child server = start("tow serve upper -n 2 -- tr a-z A-Z", "server");
  EXPECT_EQ(run("tow call upper a --timeout 60s").out, "A\n");
  EXPECT_EQ(run("tow call upper b --timeout 60s").out, "B\n");
  EXPECT_EQ(server.wait(), 0);
  EXPECT_EQ(read("server.out"), "answered 2 requests, failed 0\n");
}

TEST_F(Cli, CallFailsWithTheLastLineThatTheCommandComplained) {
  Child server =
      start("exec tow serve broken -- sh -c 'echo first >&2; echo no paper >&2; exit 5'", "server");
  const Outcome called = run("tow call broken x --timeout 60s");
  EXPECT_EQ(called.code, 1);
  EXPECT_EQ(called.out, "");
  EXPECT_EQ(called.err, "tow: service broken failed: no paper (code 5)\n");
}

TEST_F(Cli, CallOfAServiceThatNobodyServesSaysSo) {
  const Outcome waited = run("tow call upper x --timeout 20ms");
  EXPECT_EQ(waited.code, 4);
  EXPECT_NE(waited.err.find("nobody serves"), std::string::npos) << waited.err;
  const Outcome at_once = run("tow call upper x --no-wait --timeout 60s");
  EXPECT_EQ(at_once.code, 1);
  EXPECT_NE(at_once.err.find("nobody serves upper"), std::string::npos) << at_once.err;
}

TEST_F(Cli, CallOfAServerThatIsKilledEndsWithAnError) {
  // It kills the server that runs it.
  Child server = start("exec tow serve fatal -- sh -c 'kill -9 $PPID; sleep 60'", "server");
  const Outcome called = run("tow call fatal x --timeout 1h");
  EXPECT_EQ(called.code, 1);
  EXPECT_NE(called.err.find("died while it handled the request"), std::string::npos) << called.err;
}

TEST_F(Cli, ServeOfACommandThatIsNotThereSaysSo) {
  Child server = start("tow serve odd -n 1 -- no-such-command", "server");
  const Outcome called = run("tow call odd x --timeout 60s");
  EXPECT_EQ(called.code, 1) << called.out;
  EXPECT_EQ(server.wait(), 1);
  EXPECT_NE(read("server.err").find("start no-such-command"), std::string::npos);
}

TEST_F(Cli, RequestsGoThroughACommandWithoutLoss) {
  Child server = start("exec tow serve same -- cat", "server");
  write("large", std::string(60000, 'x'));
  const Outcome called = run("tow call same -o raw --timeout 60s < large | cmp - large");
  EXPECT_EQ(called.code, 0) << called.out << called.err;
}

}  // namespace
}  // namespace tow::test
