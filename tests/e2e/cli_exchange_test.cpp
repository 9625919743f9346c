// tow exchange: making exchanges, binding queues, publishing, and what it says when it cannot.

#include "tests/e2e/cli.hpp"

namespace tow::test {
namespace {

using testing::Test;

TEST_F(Cli, ExchangeRoutesLinesToTheQueuesThatAreBound) {
  run("tow create errors; tow create all");
  EXPECT_EQ(run("tow exchange create logs --kind topic").out, "created topic exchange logs\n");
  EXPECT_EQ(run("tow exchange bind logs errors -k '*.error'").out, "bound 1 of 1\n");
  EXPECT_EQ(run("tow exchange bind logs all errors -k '#'").out, "bound 2 of 2\n");
  EXPECT_EQ(run("tow exchange unbind logs errors -k '#'").out, "unbound 1 of 1\n");
  const Outcome sent = run("printf 'a\\nb\\n' | tow exchange publish logs kernel.error");
  EXPECT_EQ(sent.code, 0) << sent.err;
  EXPECT_EQ(sent.out, "published 2 messages, 4 copies in queues\n");
  EXPECT_EQ(run("tow exchange publish logs kernel.info c").out,
            "published 1 messages, 1 copies in queues\n");
  EXPECT_EQ(run("tow sub errors --from oldest -n 2").out, "a\nb\n");
  EXPECT_EQ(run("tow sub all --from oldest -n 3").out, "a\nb\nc\n");
}

TEST_F(Cli, ExchangeLsShowsKindsAndBindings) {
  run("tow create q");
  run("tow exchange create x --kind headers --alternate rest; tow exchange create rest");
  run("tow exchange bind x q -H format=pdf -H pages:=3 -H x-match=any");
  run("tow exchange bind x rest --to-exchange");
  EXPECT_EQ(run("tow exchange ls --names").out, "rest\nx\n");
  EXPECT_EQ(json("tow exchange ls --names --json"), Json({"rest", "x"}));
  const Json listed = json("tow exchange ls --json")["exchanges"];
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[1],
            Json({{"exchange", "x"}, {"kind", "headers"}, {"bindings", 2}, {"alternate", "rest"}}));
  const Json bindings = json("tow exchange ls x --json")["bindings"];
  ASSERT_EQ(bindings.size(), 2U);
  EXPECT_EQ(bindings[0]["queue"], "q");
  EXPECT_EQ(bindings[0]["arguments"], Json({{"format", "pdf"}, {"pages", 3}, {"x-match", "any"}}));
  EXPECT_EQ(bindings[1]["exchange"], "rest");
  const Outcome text = run("tow exchange ls x");
  EXPECT_NE(text.out.find("exchange  rest"), std::string::npos) << text.out;
}

TEST_F(Cli, ExchangePublishCarriesHeadersAndRoutesByThem) {
  run("tow create pdf; tow exchange create reports --kind headers");
  run("tow exchange bind reports pdf -H format=pdf");
  EXPECT_EQ(json("tow exchange publish reports '' one -H format=pdf --json")["copies"], 1);
  const Json lost = json("tow exchange publish reports '' two -H format=zip --json");
  EXPECT_EQ(lost["copies"], 0);
  EXPECT_EQ(lost["unroutable"], 1);
  EXPECT_EQ(run("tow sub pdf --from oldest -n 1").out, "one\n");
}

TEST_F(Cli, TheEmptyNameIsTheDefaultExchange) {
  run("tow create tasks");
  EXPECT_EQ(json("tow exchange publish '' tasks work --json")["copies"], 1);
  EXPECT_EQ(run("tow sub tasks --from oldest -n 1").out, "work\n");
}

TEST_F(Cli, ExchangeSaysWhatIsMissingWithTheRightExitCode) {
  run("tow create q; tow exchange create x --kind topic");
  for (const std::string command :
       {"ls nowhere", "bind nowhere q", "unbind nowhere q", "rm nowhere", "publish nowhere k m",
        "bind x nobody", "unbind x q -k never"}) {
    EXPECT_EQ(run("tow exchange " + command + " < /dev/null").code, 3) << command;
  }
  for (const std::string command :
       {"", "nonsense", "create", "create y --kind other", "create y --table 1", "bind x",
        "publish x", "bind x q -H nothing", "create ''", "bind '' q"}) {
    const Outcome outcome = run("tow exchange " + command + " < /dev/null");
    EXPECT_EQ(outcome.code, 2) << command << ": " << outcome.err;
    EXPECT_EQ(outcome.err.substr(0, 5), "tow: ") << command;
  }
  EXPECT_NE(run("tow exchange bind").err.find("tow exchange bind --help"), std::string::npos);
  const Outcome other = run("tow exchange create x --kind fanout");
  EXPECT_EQ(other.code, 1);
  EXPECT_NE(other.err.find("exists with kind topic"), std::string::npos) << other.err;
  EXPECT_EQ(run("tow exchange publish x nobody.asked m --mandatory").code, 1);
  EXPECT_EQ(run("tow exchange rm x").out, "removed exchange x\n");
  EXPECT_EQ(run("tow exchange ls --names").out, "");
}

TEST_F(Cli, ExchangeTellsAFullQueueByExitCodeFour) {
  const Bus bus = Bus::open(at("default")).value();
  const auto queue = bus.topic("small", {.depth = 16}).value();
  const auto reader = queue.subscriber().value();  // which reads nothing
  run("tow exchange create x --kind fanout; tow exchange bind x small");
  EXPECT_EQ(run("seq 100 | tow exchange publish x k --timeout 1ms").code, 4);
  const Outcome failing = run("tow exchange publish x k more --when-full fail");
  EXPECT_EQ(failing.code, 1);
  EXPECT_NE(failing.err.find("topic small is full"), std::string::npos) << failing.err;
  EXPECT_EQ(json("tow exchange publish x k more --when-full drop --json")["dropped"], 1);
}

}  // namespace
}  // namespace tow::test
