// tow group, tow consume: groups as people make, read, move and remove them.

#include <signal.h>

#include "tests/e2e/cli.hpp"

namespace tow::test {
namespace {

using testing::Test;

TEST_F(Cli, GroupCreateMakesWhatInfoShows) {
  run("tow create orders --stamps all");
  EXPECT_EQ(run("tow group create orders workers").out,
            "created group workers of topic orders: shared, from message 1\n");
  const Json made = json(
      "tow group create orders billing --mode single-active --start oldest --max-attempts 5 "
      "--lease 30s --backoff 10ms --max-backoff 1s --ttl 1h --max-length 100 "
      "--overflow drop-oldest --by-priority --key-pattern 'eu.#' --tag paid "
      "--dead-letter orders.dead --json");
  EXPECT_EQ(made["created"], true);
  EXPECT_EQ(made["options"], Json({{"mode", "single-active"},
                                   {"max_attempts", 5},
                                   {"lease_ns", 30'000'000'000},
                                   {"backoff_ns", 10'000'000},
                                   {"max_backoff_ns", 1'000'000'000},
                                   {"time_to_live_ns", 3'600'000'000'000},
                                   {"max_length", 100},
                                   {"overflow", "drop-oldest"},
                                   {"by_priority", true},
                                   {"key_pattern", "eu.#"},
                                   {"tag", "paid"},
                                   {"dead_letter", "orders.dead"},
                                   {"drop_when_dead_letters_full", false}}));
  const Json shown = json("tow group info orders billing --json");
  EXPECT_EQ(shown["options"], made["options"]);
  EXPECT_EQ(shown["consumers"], Json::array());
  EXPECT_EQ(json("tow group create orders workers --json")["created"], false);
  const Outcome text = run("tow group info orders billing");
  EXPECT_NE(text.out.find("at most 5; backoff 10 ms to 1 s"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("at most 100, then drop-oldest"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("to orders.dead"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("tag           paid"), std::string::npos) << text.out;
}

TEST_F(Cli, GroupCreateStartsByTime) {
  run("tow create t --stamps all; seq 5 | tow pub t");
  EXPECT_EQ(run("tow group create t all --start time:1h").out,
            "created group all of topic t: shared, from message 1\n");
  EXPECT_EQ(run("tow group create t none --start time=0s").out,
            "created group none of topic t: shared, from message 6\n");
  EXPECT_EQ(run("tow sub t --from time:1h -n 5 | wc -l").out, "5\n");
  EXPECT_EQ(run("tow group create t x --start time:soon").code, 2);
}

TEST_F(Cli, PsListsConsumers) {
  run("tow create t; tow group create t g; tow send t x");
  Child consumer = start("exec tow consume t g --prefetch 1", "consumer");
  const auto holds = [&] {
    const Json shown = json("tow ps --json");
    for (const Json& process : shown["processes"]) {
      if (!process["holds"].empty()) return process["holds"][0];
    }
    return Json::object();
  };
  EXPECT_TRUE(eventually([&] { return holds().value("role", "") == "consumes"; }));
  EXPECT_EQ(holds()["group"], "g");
  EXPECT_EQ(holds()["topic"], "t");
  EXPECT_NE(run("tow ps").out.find("consumes t as g"), std::string::npos) << run("tow ps").out;
  kill(consumer.pid(), SIGINT);
  EXPECT_EQ(consumer.wait(), 0);
}

TEST_F(Cli, GroupLagIsShownByGroupLsInfoAndLs) {
  run("tow create a; tow create b; tow group create a one; tow group create b two");
  run("seq 5 | tow pub a; seq 2 | tow pub b");
  const Json groups = json("tow group ls --json")["groups"];
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0]["topic"], "a");
  EXPECT_EQ(groups[0]["group"], "one");
  EXPECT_EQ(groups[0]["mode"], "shared");
  EXPECT_EQ(groups[0]["lag"], 5);
  EXPECT_EQ(groups[0]["consumers"], 0);
  EXPECT_EQ(json("tow group ls b --json")["groups"].size(), 1U);
  EXPECT_NE(run("tow group ls b").out.find("b      two    shared  running    2"), std::string::npos)
      << run("tow group ls b").out;
  const Json info = json("tow info a --json");
  ASSERT_EQ(info["groups"].size(), 1U);
  EXPECT_EQ(info["groups"][0]["messages"]["ready"], 5);
  EXPECT_NE(run("tow info a").out.find("groups: 1"), std::string::npos);
  EXPECT_EQ(json("tow ls --json")["topics"][0]["group_lag"], 5);
  EXPECT_NE(run("tow ls").out.find("GROUP LAG"), std::string::npos);
}

TEST_F(Cli, ConsumeAcksWhatItPrintedAndNothingElse) {
  run("tow create t; tow group create t g; seq 10 | tow pub t");
  EXPECT_EQ(run("tow consume t g -n 3").out, "1\n2\n3\n");
  EXPECT_EQ(json("tow group info t g --json")["lag"], 7) << "what it prefetched went back";
  const Outcome rest = run("tow consume t g --timeout 10ms");
  EXPECT_EQ(rest.code, 0) << rest.err;
  EXPECT_EQ(rest.out, "4\n5\n6\n7\n8\n9\n10\n");
  EXPECT_EQ(json("tow group info t g --json")["lag"], 0);
  const Outcome none = run("tow consume t g --timeout 1ms");
  EXPECT_EQ(none.code, 4);
  EXPECT_NE(none.err.find("nothing received by group g of topic t"), std::string::npos) << none.err;
  run("tow send t last");
  EXPECT_EQ(run("tow consume t g -n 2 --timeout 10ms").code, 4) << "too few";
}

TEST_F(Cli, ConsumeWithoutAckGivesAllBack) {
  run("tow create t; tow group create t g; tow send t x -k eu -H n:=1; tow send t y");
  EXPECT_EQ(run("tow consume t g --no-ack --timeout 10ms").out, "x\ny\n");
  const Json info = json("tow group info t g --json");
  EXPECT_EQ(info["lag"], 2);
  EXPECT_EQ(info["messages"]["ready"], 2);
  const Outcome again = run("tow consume t g --no-ack -n 1 --json");
  const Json line = Json::parse(again.out, nullptr, false);
  EXPECT_EQ(line["payload"], "x");
  EXPECT_EQ(line["key"], "eu");
  EXPECT_EQ(line["attempts"], 0) << "a release is no failure";
  EXPECT_EQ(line["redelivered"], true);
  EXPECT_EQ(line["headers"][0]["value"], 1);
  EXPECT_NE(run("tow consume t g -n 1 -v").out.find("redelivered"), std::string::npos);
  EXPECT_NE(run("tow consume t g -n 1 --format hex").out.find("|y|"), std::string::npos);
}

TEST_F(Cli, ConsumeThatIsInterruptedAckedAllThatItPrinted) {
  run("tow create t; tow group create t g; seq 5 | tow pub t");
  Child consumer = start("exec tow consume t g --prefetch 2", "consumer");
  EXPECT_TRUE(eventually_info("t", [](const Json& info) { return info["groups"][0]["lag"] == 0; }));
  EXPECT_EQ(json("tow group info t g --json")["consumers"].size(), 1U);
  kill(consumer.pid(), SIGINT);
  EXPECT_EQ(consumer.wait(), 0);
  EXPECT_EQ(read("consumer.out"), "1\n2\n3\n4\n5\n");
  EXPECT_EQ(json("tow group info t g --json")["consumers"], Json::array());
}

TEST_F(Cli, ConsumeWhoseReaderEndsLosesNothing) {
  // More than the pipe between them takes.
  run("tow create t --depth 4096 --slot-bytes 128; tow group create t g");
  run("seq -f '%0100.0f' 4000 | tow pub t");
  run("tow consume t g --timeout 100ms --prefetch 1 | head -n 1");
  const std::size_t lag = json("tow group info t g --json")["lag"];
  EXPECT_GT(lag, 0U) << "it ended when its reader had";
  const Outcome rest = run("tow consume t g --timeout 10ms | wc -l");
  EXPECT_EQ(rest.out, std::to_string(lag) + "\n");
}

TEST_F(Cli, GroupSeekSaysWhatComesAgainAndWhatIsSkipped) {
  run("tow create t; tow group create t g; seq 10 | tow pub t; tow consume t g -n 6");
  const Json dry = json("tow group seek t g sequence=3 --dry-run --json");
  EXPECT_EQ(dry, Json({{"topic", "t"},
                       {"group", "g"},
                       {"from", 7},
                       {"to", 3},
                       {"again", 4},
                       {"skipped", 0},
                       {"exact", true},
                       {"dry_run", true}}));
  EXPECT_EQ(json("tow group info t g --json")["lag"], 4) << "nothing has moved";
  EXPECT_EQ(run("tow group seek t g sequence=3").out,
            "moved group g of topic t from message 7 to 3: 4 come again\n");
  EXPECT_EQ(run("tow group seek t g offset=+5").out,
            "moved group g of topic t from message 3 to 8: 5 are skipped\n");
  EXPECT_EQ(run("tow consume t g -n 1").out, "8\n");
  EXPECT_EQ(json("tow group seek t g newest --json")["skipped"], 2);
  EXPECT_EQ(json("tow group seek t g time=1h --json")["to"], 1);
  EXPECT_EQ(json("tow group seek t g oldest --json")["from"], 1);
  EXPECT_EQ(run("tow consume t g --timeout 10ms | wc -l").out, "10\n");
  EXPECT_EQ(run("tow group seek t g newest --dry-run").out,
            "would move group g of topic t from message 11 to 11: no message comes again or is "
            "skipped\n");
}

TEST_F(Cli, GroupPausesResumesAndIsRemoved) {
  run("tow create t; tow group create t g; seq 2 | tow pub t");
  EXPECT_EQ(run("tow group pause t g").out, "paused group g of topic t\n");
  EXPECT_EQ(run("tow consume t g --timeout 10ms").code, 4);
  EXPECT_EQ(json("tow group ls --json")["groups"][0]["paused"], true);
  EXPECT_EQ(run("tow group resume t g").out, "resumed group g of topic t\n");
  EXPECT_EQ(run("tow consume t g -n 1").out, "1\n");
  EXPECT_EQ(run("tow group rm t g").out, "removed group g of topic t; 1 messages were unsettled\n");
  EXPECT_EQ(json("tow group ls --json")["groups"], Json::array());
}

TEST_F(Cli, GroupSaysWhatIsMissingWithTheRightExitCode) {
  run("tow create t; tow group create t g");
  for (const std::string command :
       {"group ls no", "group info t no", "group info no g", "group create no g",
        "group seek t no oldest", "group pause t no", "group resume t no", "group rm t no",
        "consume t no", "consume no g", "dlq show no", "dlq redrive no", "dlq purge no"}) {
    const Outcome outcome = run("tow " + command);
    EXPECT_EQ(outcome.code, 3) << command << ": " << outcome.err;
    EXPECT_EQ(outcome.err.substr(0, 5), "tow: ") << command;
  }
  for (const std::string command :
       {"group", "group nonsense", "group info t", "group create t x --mode other",
        "group create t x --max-attempts 31", "group create t x --overflow reject",
        "group create t x --start never", "group create t x --ttl 1h", "group create t ''",
        "group seek t g", "group seek t g sequence=0", "group seek t g time=never",
        "group seek t g middle", "consume t g --prefetch 257", "consume t g --prefetch 0", "dlq",
        "dlq redrive t --to t"}) {
    const Outcome outcome = run("tow " + command);
    EXPECT_EQ(outcome.code, 2) << command << ": " << outcome.err;
    EXPECT_EQ(outcome.err.substr(0, 5), "tow: ") << command;
  }
  EXPECT_NE(run("tow consume t no").err.find("tow group create t no"), std::string::npos);
  const Outcome other = run("tow group create t g --mode ordered");
  EXPECT_EQ(other.code, 1);
  EXPECT_NE(other.err.find("exists with other options"), std::string::npos) << other.err;
  EXPECT_EQ(json("tow group ls --json")["groups"].size(), 1U) << "nothing was made by mistake";
}

}  // namespace
}  // namespace tow::test
