// tow dlq: dead letters are counted, shown, sent back and purged.

#include "tests/e2e/cli.hpp"

namespace tow::test {
namespace {

using testing::Test;

constexpr const char* kThree =
    "tow create orders; tow create orders.dead\n"
    "tow group create orders workers --dead-letter orders.dead\n"
    "for n in 1 2 3; do tow send orders.dead order$n -k customer -H n:=$n -H dead.topic=orders "
    "-H dead.group=workers -H dead.reason=rejected -H dead.attempts:=3 --priority 5; done";

TEST_F(Cli, DlqLsCountsWhatLiesThere) {
  run(kThree);
  const Json rows = json("tow dlq ls --json")["dead_letters"];
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["dead_letter"], "orders.dead");
  EXPECT_EQ(rows[0]["topic"], "orders");
  EXPECT_EQ(rows[0]["group"], "workers");
  EXPECT_EQ(rows[0]["messages"], 3);
  run("tow create other; tow group create other g --dead-letter never.needed");
  EXPECT_EQ(json("tow dlq ls --json")["dead_letters"].size(), 2U);
  EXPECT_NE(run("tow dlq ls").out.find("never.needed         0"), std::string::npos)
      << run("tow dlq ls").out;
}

TEST_F(Cli, DlqShowPrintsHeadersAndPayload) {
  run(kThree);
  const Outcome text = run("tow dlq show orders.dead -n 1");
  EXPECT_NE(text.out.find("  dead.reason=rejected\n"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("\norder1\n"), std::string::npos) << text.out;
  EXPECT_EQ(text.out.find("order2"), std::string::npos) << text.out;
  EXPECT_EQ(run("tow dlq show orders.dead --json | wc -l").out, "3\n");
}

TEST_F(Cli, DlqRedriveSendsEachBackAsItWasOnce) {
  run(kThree);
  const Outcome one = run("tow dlq redrive orders.dead --count 1");
  EXPECT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(one.out, "redrove 1 dead letters of orders.dead\n");
  EXPECT_EQ(json("tow dlq ls --json")["dead_letters"][0]["messages"], 2);
  EXPECT_EQ(run("tow dlq show orders.dead --json | wc -l").out, "2\n");
  EXPECT_EQ(json("tow dlq redrive orders.dead --json"),
            Json({{"topic", "orders.dead"}, {"redriven", 2}, {"left", 0}}));
  EXPECT_EQ(json("tow dlq redrive orders.dead --json")["redriven"], 0) << "each once";
  EXPECT_EQ(run("tow consume orders workers --no-ack -n 3").out, "order1\norder2\norder3\n");
  const Json line = json("tow consume orders workers -n 1 --json");
  EXPECT_EQ(line["key"], "customer");
  EXPECT_EQ(line["priority"], 5);
  ASSERT_EQ(line["headers"].size(), 1U) << line;
  EXPECT_EQ(line["headers"][0]["name"], "n");
}

TEST_F(Cli, DlqRedriveLeavesWhatCannotGoBackAndSaysWhy) {
  run("tow create dead; tow create other; tow group create other g");
  run("tow send dead stray; tow send dead lost -H dead.topic=gone; "
      "tow send dead good -H dead.topic=other");
  const Outcome outcome = run("tow dlq redrive dead");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.out, "redrove 1 dead letters of dead; 2 stay\n");
  EXPECT_NE(outcome.err.find("no header dead.topic"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("gone"), std::string::npos) << outcome.err;
  EXPECT_EQ(json("tow dlq redrive dead --to other --json")["redriven"], 2);
  EXPECT_EQ(run("tow consume other g -n 3").out, "good\nstray\nlost\n");
  EXPECT_EQ(run("tow ls --names").out, "dead\nother\n") << "no topic was made by mistake";
}

TEST_F(Cli, DlqRedriveServesTopicsOfOnePublisherAndKeepsTags) {
  run("tow create one --publishers one; tow group create one g --tag paid; tow create dead");
  run("tow send dead a -H dead.topic=one --tag paid; "
      "tow send dead b -H dead.topic=one --tag secret; tow send dead c -H dead.topic=one");
  const Outcome outcome = run("tow dlq redrive dead");
  EXPECT_EQ(outcome.out, "redrove 3 dead letters of dead\n") << outcome.err;
  EXPECT_EQ(run("tow consume one g --timeout 10ms").out, "a\n") << "a filter knows it again";
}

TEST_F(Cli, DlqRedriveKeepsTheTagOfWhatAGroupGaveUp) {
  run("tow create t; tow group create t g --tag paid --dead-letter dead");
  run("tow send t x --tag paid --ttl 1ns");
  EXPECT_EQ(run("tow consume t g --timeout 10ms").code, 4) << "it expired";
  EXPECT_EQ(json("tow dlq ls --json")["dead_letters"][0]["messages"], 1);
  EXPECT_EQ(run("tow dlq redrive dead").out, "redrove 1 dead letters of dead\n");
  EXPECT_EQ(run("tow consume t g -n 1").out, "x\n");
}

TEST_F(Cli, DlqLettersThatCannotBeMovedAreShownWithTheRemedy) {
  run("tow create t; tow group create t g --dead-letter dead; tow create dead --max-message 16");
  run("tow send t 'longer than sixteen bytes' --ttl 1ns; tow send t short --ttl 1ns");
  EXPECT_EQ(run("tow consume t g --timeout 10ms").code, 4);
  const Json letters = json("tow dlq ls --json")["dead_letters"][0];
  EXPECT_EQ(letters["messages"], 1) << "what follows is moved";
  EXPECT_EQ(letters["not_moved"], 1);
  const std::string left = json("tow group info t g --json")["left_dead"];
  EXPECT_NE(left.find("message 1 cannot be moved"), std::string::npos) << left;
  EXPECT_EQ(letters["left_dead"], left);
  EXPECT_NE(run("tow group info t g").out.find(left), std::string::npos);
  run("tow rm dead");
  EXPECT_EQ(run("tow consume t g --timeout 200ms").code, 4);
  EXPECT_EQ(json("tow dlq ls --json")["dead_letters"][0]["not_moved"], 0);
}

TEST_F(Cli, DlqRedriveTellsAFullTopicByExitCodeFour) {
  run("tow create small --depth 16; tow group create small g; tow create dead");
  run("seq 200 | tow pub dead -H dead.topic=small");
  const Outcome outcome = run("tow dlq redrive dead --timeout 1ms");
  EXPECT_EQ(outcome.code, 4) << outcome.err;
  EXPECT_LT(json("tow info small --json")["last_sequence"], 200);
  run("tow group rm small g");
  EXPECT_EQ(run("tow dlq redrive dead").code, 0);
  EXPECT_EQ(json("tow info small --json")["last_sequence"], 200) << "each went back once";
}

TEST_F(Cli, DlqPurgeIsDoneWithAll) {
  run(kThree);
  EXPECT_EQ(run("tow dlq purge orders.dead").out, "purged 3 dead letters of orders.dead\n");
  EXPECT_EQ(json("tow dlq purge orders.dead --json")["purged"], 0);
  EXPECT_EQ(json("tow dlq ls --json")["dead_letters"][0]["messages"], 0);
  const Outcome none = run("tow dlq show orders.dead");
  EXPECT_EQ(none.code, 0);
  EXPECT_EQ(none.out, "");
}

}  // namespace
}  // namespace tow::test
