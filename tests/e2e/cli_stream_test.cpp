// tow pub, sub and hz: bytes, formats, start positions, waiting, signals.

#include <signal.h>
#include <sys/stat.h>

#include <random>

#include "tests/e2e/cli.hpp"

namespace tow::test {
namespace {

/// Bytes of every value, with the lengths of lines as they come.
std::string random_bytes(std::size_t count) {
  std::mt19937_64 random(7);
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST_F(Cli, LinesOfAnyBytesComeBackExactly) {
  const std::string text =
      "plain\n\n  spaces \ncarriage\r\n" + std::string("nul\0in\n", 7) + random_bytes(20000) + "\n";
  write("in", text);
  const Outcome published = run("tow pub t < in");
  EXPECT_EQ(published.code, 0) << published.err;
  EXPECT_EQ(run("tow sub t --from oldest").out, text);
}

TEST_F(Cli, LastLineWithoutNewlineIsAMessage) {
  EXPECT_EQ(json("printf 'a\\nb' | tow pub t --json")["published"], 2);
  EXPECT_EQ(run("tow sub t --from oldest").out, "a\nb\n");
}

TEST_F(Cli, WholeFileComesBackExactly) {
  write("in", random_bytes(3'000'001));
  EXPECT_EQ(run("tow pub t --file in").code, 0) << "the topic is made large enough";
  EXPECT_EQ(run("tow sub t --from oldest --format raw | cmp - in").code, 0);
  EXPECT_EQ(run("tow pub t --file - < in; tow sub t --from 2 --format raw | cmp - in").code, 0);
  EXPECT_EQ(json("tow pub t --file /dev/null --json")["published"], 1) << "no bytes are a message";
}

TEST_F(Cli, LinesOfAFileComeBackThroughALivePipeline) {
  run("seq 100000 > in; tow create t --depth 64");
  Child subscriber = start("exec tow sub t --required -n 100000", "sub");
  ASSERT_TRUE(eventually_subscribers("t", 1));
  const Json published = json("tow pub t --file in --lines --json");
  EXPECT_EQ(published["published"], 100000);
  EXPECT_EQ(published["last_sequence"], 100000);
  EXPECT_EQ(subscriber.wait(), 0);
  EXPECT_EQ(read("sub.out"), read("in"));
  EXPECT_EQ(read("sub.err"), "");
}

TEST_F(Cli, LineIsPublishedAsSoonAsItIsThere) {
  ASSERT_EQ(mkfifo(at("fifo").c_str(), 0600), 0);
  Child publisher = start("exec tow pub t < fifo", "pub");
  std::ofstream fifo(at("fifo"));
  fifo << "first\nsec" << std::flush;
  EXPECT_TRUE(eventually_info("t", [](const Json& info) { return info["last_sequence"] == 1; }));
  fifo << "ond\n";
  fifo.close();
  EXPECT_EQ(publisher.wait(), 0);
  EXPECT_EQ(run("tow sub t --from oldest").out, "first\nsecond\n");
}

TEST_F(Cli, EachFormatShowsTheMessage) {
  run("printf 'hi' | tow pub t --key k; printf '\\377\\0' | tow pub t --file -");
  EXPECT_EQ(run("tow sub t --from 1 -n 1 --format text").out, "hi\n");
  EXPECT_EQ(run("tow sub t --from 1 --format raw").out, std::string("hi\xff\0", 4));
  EXPECT_EQ(run("tow sub t --from 1 --format hex").out,
            "#1  2 bytes  key k\n"
            "00000000  68 69                                             |hi|\n"
            "#2  2 bytes\n"
            "00000000  ff 00                                             |..|\n");
  EXPECT_EQ(json("tow sub t --from 1 -n 1 --format json"), Json({{"topic", "t"},
                                                                 {"sequence", 1},
                                                                 {"bytes", 2},
                                                                 {"missed", 0},
                                                                 {"key", "k"},
                                                                 {"encoding", "utf-8"},
                                                                 {"payload", "hi"}}))
      << "attributes that were not given are not there";
  const Json binary = json("tow sub t --from 2 --json");
  EXPECT_EQ(binary["encoding"], "hex");
  EXPECT_EQ(binary["payload"], "ff00");
}

TEST_F(Cli, SubStartsWhereItIsTold) {
  run("seq 9 | tow pub t");
  EXPECT_EQ(run("tow sub t --from oldest -n 2").out, "1\n2\n");
  EXPECT_EQ(run("tow sub t --from last:2").out, "8\n9\n");
  EXPECT_EQ(run("tow sub t --from 7").out, "7\n8\n9\n");
  EXPECT_EQ(run("tow sub t --from oldest --required").out, "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
  const Outcome beyond = run("tow sub t --from 10");
  EXPECT_EQ(beyond.code, 4);
  EXPECT_NE(beyond.err.find("nothing received from t"), std::string::npos);
}

TEST_F(Cli, SubOfAnEmptyTopicSaysThatNothingWasReceived) {
  run("tow create t");
  EXPECT_EQ(run("tow sub t --from oldest").code, 4);
  EXPECT_EQ(run("tow sub t --timeout 20ms").code, 4);
  EXPECT_EQ(run("tow sub t --required --timeout 20ms").code, 4);
  EXPECT_EQ(run("tow hz t --timeout 20ms").code, 4);
}

TEST_F(Cli, TimeoutBeforeTheCountWasReachedExitsWithFour) {
  run("seq 3 | tow pub t");
  const Outcome outcome = run("tow sub t --from oldest -f -n 5 --timeout 20ms");
  EXPECT_EQ(outcome.code, 4);
  EXPECT_EQ(outcome.out, "1\n2\n3\n");
  EXPECT_EQ(run("tow sub t --from oldest -f --timeout 20ms").code, 0);
}

TEST_F(Cli, FollowingSubPrintsWhatComesUntilASignalEndsIt) {
  run("echo old | tow pub t");
  for (const int signal : {SIGINT, SIGTERM}) {
    Child subscriber = start("exec tow sub t --from last:1 -f", "sub");
    ASSERT_TRUE(eventually([&] { return !read("sub.out").empty(); }));
    run("echo new | tow pub t");
    ASSERT_TRUE(eventually([&] { return read("sub.out").ends_with("new\n"); }));
    kill(subscriber.pid(), signal);
    EXPECT_EQ(subscriber.wait(), 0) << read("sub.err");
    EXPECT_EQ(read("sub.err"), "");
  }
}

TEST_F(Cli, SignalMakesARequiredSubscriberLeaveTheBus) {
  run("tow create t");
  Child subscriber = start("exec tow sub t --required", "sub");
  ASSERT_TRUE(eventually_subscribers("t", 1));
  kill(subscriber.pid(), SIGTERM);
  EXPECT_EQ(subscriber.wait(), 0);
  EXPECT_EQ(json("tow info t --json")["subscribers"].size(), 0u);
  EXPECT_EQ(run("tow heal").out, "nothing to repair\n");
}

TEST_F(Cli, ReaderThatHasEnoughEndsSubQuietly) {
  run("tow create t --depth 64K; seq 60000 | tow pub t");
  const Outcome outcome = run("tow sub t --from oldest | head -n 1");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, "1\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(Cli, FullDiskUnderStdoutIsAFailure) {
  run("seq 9 | tow pub t");
  const Outcome outcome = run("tow sub t --from oldest > /dev/full");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("write to stdout"), std::string::npos) << outcome.err;
}

TEST_F(Cli, LookingLeavesNoTrace) {
  run("seq 100 | tow pub t; tow sub t --required --from oldest");
  // The second word of a line is the sum of a file; the first look counts dead entries as well.
  const std::string sums = "cd default; find . -type f -exec cksum {} + | sort -k3; find . | sort";
  const std::string before = run(sums).out;
  run("tow ls; tow ls -l; tow info t; tow sub t --from oldest; tow sub t --timeout 5ms; "
      "tow hz t -n 1; tow doctor; tow completion bash");
  EXPECT_EQ(run(sums).out, before);
  Child follower = start("exec tow sub t --from oldest -f", "sub");
  ASSERT_TRUE(eventually([&] { return read("sub.out").ends_with("100\n"); }));
  EXPECT_EQ(run(sums).out, before) << "nor while it looks";
  EXPECT_EQ(json("tow info t --json")["subscribers"].size(), 0u);
}

/// A topic of 16 or so messages whose required subscriber, this process, reads nothing.
class FullTopic : public Cli {
 protected:
  FullTopic() : bus_(Bus::open("default").value()) {
    const auto topic = bus_.topic("t", {.depth = 16}).value();
    subscriber_.emplace(topic.subscriber().value());
  }
  Bus bus_;
  std::optional<Subscriber<Bytes>> subscriber_;
};

TEST_F(FullTopic, FailingPublisherExitsWithOneAndSaysWhoIsInTheWay) {
  const Outcome outcome = run("tow pub t --count 100 --when-full fail");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("full"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find(std::to_string(getpid())), std::string::npos) << outcome.err;
}

TEST_F(FullTopic, DroppingPublisherCountsWhatItDropped) {
  const Json report = json("tow pub t --count 100 --when-full drop --json");
  EXPECT_GE(report["published"], 16);
  EXPECT_GT(report["dropped"], 0);
  EXPECT_EQ(report["published"].get<int>() + report["dropped"].get<int>(), 100);
  EXPECT_EQ(json("tow info t --json")["dropped"], report["dropped"]);
}

TEST_F(FullTopic, WaitingPublisherTimesOutWithFour) {
  const Outcome outcome = run("tow pub t --count 100 --timeout 60ms");
  EXPECT_EQ(outcome.code, 4);
  EXPECT_NE(outcome.err.find(std::to_string(getpid())), std::string::npos) << outcome.err;
}

TEST_F(FullTopic, SendFailsDropsOrTimesOutAsItIsTold) {
  run("tow pub t --count 100 --when-full drop");
  const Outcome failed = run("tow send t x --when-full fail");
  EXPECT_EQ(failed.code, 1);
  EXPECT_NE(failed.err.find("topic t is full"), std::string::npos) << failed.err;
  EXPECT_EQ(run("tow send t x --when-full drop").out, "dropped: the topic is full\n");
  EXPECT_EQ(json("tow send t x --when-full drop --json")["dropped"], 1);
  EXPECT_EQ(run("tow send t x --timeout 20ms").code, 4);
}

TEST_F(FullTopic, WaitingPublisherEndsCleanlyOnASignal) {
  Child publisher = start("exec tow pub t --count 100 --json", "pub");
  ASSERT_TRUE(eventually_info("t", [](const Json& info) { return info["last_sequence"] >= 16; }));
  kill(publisher.pid(), SIGINT);
  EXPECT_EQ(publisher.wait(), 0) << read("pub.err");
  EXPECT_GE(Json::parse(read("pub.out"))["published"], 16);
}

TEST_F(FullTopic, WaitingPublisherGoesOnOnceThereIsRoom) {
  Child publisher = start("exec tow pub t --count 100 --json", "pub");
  std::uint64_t received = 0;
  while (received < 100 && subscriber_->take(kWatchdog)) ++received;
  EXPECT_EQ(received, 100u);
  EXPECT_EQ(publisher.wait(), 0);
  EXPECT_EQ(Json::parse(read("pub.out"))["published"], 100);
}

TEST_F(Cli, GeneratedMessagesHaveTheAskedSizeAndNumber) {
  const Json report = json("tow pub t --count 3 --size 1K --json");
  EXPECT_EQ(report["published"], 3);
  EXPECT_EQ(report["bytes"], 3072);
  EXPECT_EQ(run("tow sub t --from 3 --format raw").out.substr(0, 4), "3 cd");
  EXPECT_EQ(json("tow pub u --count 2 --size 0 --json")["bytes"], 0);
}

TEST_F(Cli, RateSpacesMessages) {
  const Json report = json("tow pub t --count 21 --rate 200 --json");
  EXPECT_GE(report["seconds"], 0.1);
  EXPECT_EQ(report["published"], 21);
}

TEST_F(Cli, MessageAboveTheLimitOfTheTopicIsRefused) {
  run("tow create t --max-message 100");
  const Outcome outcome = run("head -c 101 /dev/zero | tow pub t --file -");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("101"), std::string::npos) << outcome.err;
  EXPECT_EQ(run("head -c 5000000 /dev/zero | tow pub t").code, 1) << "a line without end";
  EXPECT_EQ(json("tow info t --json")["last_sequence"], 0);
}

TEST_F(Cli, TypedTopicTakesOnlyMessagesOfItsSize) {
  const Bus bus = Bus::open("default").value();
  ASSERT_TRUE(bus.topic<double>("t"));
  const Outcome outcome = run("echo abc | tow pub t");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("double"), std::string::npos) << outcome.err;
  EXPECT_EQ(run("printf 12345678 | tow pub t --file -").code, 0);
  EXPECT_EQ(run("tow sub t --from oldest --format raw").out, "12345678");
}

TEST_F(Cli, SecondPublisherOfAnExclusiveTopicIsRefusedOrTakesOver) {
  run("tow create t --publishers one; mkfifo fifo");
  Child first = start("exec tow pub t < fifo", "first");
  std::ofstream fifo(at("fifo"));
  ASSERT_TRUE(eventually_info("t", [](const Json& info) { return !info["publishers"].empty(); }));
  const Outcome refused = run("echo x | tow pub t");
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find(std::to_string(first.pid())), std::string::npos) << refused.err;
  Child standby = start("echo later | exec tow pub t --take-over 1h", "standby");
  fifo << "sooner\n" << std::flush;
  ASSERT_TRUE(eventually_info("t", [](const Json& info) { return info["last_sequence"] == 1; }));
  first.kill();
  EXPECT_EQ(standby.wait(), 0) << read("standby.err");
  EXPECT_EQ(run("tow sub t --from oldest").out, "sooner\nlater\n");
}

TEST_F(Cli, HzShowsRateAndBytes) {
  run("tow create t");
  Child publisher = start("exec tow pub t --count 0 --rate 500 --size 100", "pub");
  ASSERT_TRUE(eventually_info("t", [](const Json& info) { return info["last_sequence"] > 0; }));
  const Json line = json("tow hz t -n 1 --json");
  EXPECT_GT(line["seen"], 0);
  EXPECT_GT(line["messages_per_second"], 0);
  EXPECT_EQ(line["mean_bytes"], 100);
  EXPECT_NE(run("tow hz t -n 1").out.find(" msg/s "), std::string::npos);
  kill(publisher.pid(), SIGINT);
  EXPECT_EQ(publisher.wait(), 0);
}

}  // namespace
}  // namespace tow::test
