// The commands of tow that look, create and remove; exit codes and JSON of all of them.

#include "tests/e2e/cli.hpp"

#include <signal.h>

#include <set>

namespace tow::test {
namespace {

using testing::Test;

TEST_F(Cli, HelpOfEveryCommandShowsExamples) {
  const Outcome help = run("tow --help");
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.out.find("Exit codes:"), std::string::npos);
  for (const std::string command : {"ls", "info", "pub", "send", "sub", "hz", "create", "exchange",
                                    "ps", "rm", "heal", "doctor", "completion"}) {
    const Outcome outcome = run("tow " + command + " --help");
    EXPECT_EQ(outcome.code, 0) << command;
    EXPECT_NE(outcome.out.find("Examples:\n  "), std::string::npos) << command;
  }
  EXPECT_EQ(run("tow --version").out, "tow " + std::string(kVersion) + "\n");
}

TEST_F(Cli, WrongUsageExitsWithTwoAndSaysWhatIsWrong) {
  run("tow create there");
  for (const std::string command : {"",
                                    "nonsense",
                                    "ls --nonsense",
                                    "info",
                                    "sub there --format xml",
                                    "sub there --from never",
                                    "sub there --from last:0",
                                    "sub there --from 0",
                                    "sub there --timeout 5q",
                                    "sub there --timeout -1s",
                                    "sub there --max-lag 5",
                                    "sub there -n 0",
                                    "pub there --size big",
                                    "pub there --rate 0",
                                    "pub there --lines",
                                    "pub there --file x --count 1",
                                    "create new --depth 5",
                                    "create new --slot-bytes 65",
                                    "create new --publishers two",
                                    "create new --mode 9",
                                    "create ''",
                                    "rm",
                                    "completion csh"}) {
    const Outcome outcome = run("tow " + command + " < /dev/null");
    EXPECT_EQ(outcome.code, 2) << command << ": " << outcome.err;
    EXPECT_EQ(outcome.err.substr(0, 5), "tow: ") << command << ": " << outcome.err;
    EXPECT_EQ(outcome.out, "") << command;
  }
}

TEST_F(Cli, UnknownBusExitsWithThreeAndIsNotMade) {
  for (const std::string command : {"ls", "info t", "sub t", "sub t --required", "hz t", "rm t",
                                    "ps", "heal", "rm --bus nowhere"}) {
    const Outcome outcome = run("tow --bus nowhere " + command);
    EXPECT_EQ(outcome.code, command.ends_with("--bus nowhere") ? 2 : 3) << command << outcome.err;
  }
  const Outcome outcome = run("tow rm --bus nowhere");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_NE(outcome.err.find("nowhere"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(at("nowhere")));
}

TEST_F(Cli, UnknownTopicExitsWithThreeAndIsNotMade) {
  run("tow create there");
  for (const std::string command : {"info", "sub", "sub --required", "hz", "rm"}) {
    const Outcome outcome = run("tow " + command + " missing");
    EXPECT_EQ(outcome.code, 3) << command;
    EXPECT_EQ(outcome.err.substr(0, 5), "tow: ");
    EXPECT_NE(outcome.err.find("missing"), std::string::npos) << outcome.err;
  }
  EXPECT_EQ(run("tow ls --names").out, "there\n");
}

TEST_F(Cli, LsShowsEachTopic) {
  run("seq 5 | tow pub numbers; tow create 'free text/name'");
  EXPECT_EQ(run("tow ls --names").out, "free text/name\nnumbers\n");
  EXPECT_EQ(json("tow ls --names --json"), Json({"free text/name", "numbers"}));
  const Json topics = json("tow --json ls")["topics"];
  ASSERT_EQ(topics.size(), 2u);
  EXPECT_EQ(topics[1]["topic"], "numbers");
  EXPECT_EQ(topics[1]["messages"], 5);
  EXPECT_EQ(topics[1]["subscribers"], 0);
  EXPECT_GT(topics[1]["memory_bytes"], 4096);
  EXPECT_EQ(json("tow ls -l --json")["topics"][1]["options"]["depth"], 1024);
  const Outcome text = run("tow ls -l");
  EXPECT_NE(text.out.find("\nnumbers "), std::string::npos) << text.out;
}

TEST_F(Cli, BusIsNamedByOptionBeforeOrAfterTheCommandOrByTheEnvironment) {
  run("tow --bus a create first; tow create second --bus b; TOWPATH_BUS=c tow create third");
  EXPECT_EQ(run("tow ls --names --bus a").out, "first\n");
  EXPECT_EQ(run("TOWPATH_BUS=b tow ls --names").out, "second\n");
  EXPECT_EQ(run("TOWPATH_BUS=b tow ls --names --bus c").out, "third\n");
  EXPECT_EQ(run("tow ls --names --bus " + at("a")).out, "first\n") << "a path is a name";
}

TEST_F(Cli, CreateSetsEveryOption) {
  const Json made = json(
      "tow create t --publishers many --depth 2K --slot-bytes 128 --max-message 1M --pool 8M "
      "--lane-depth 256 --max-publishers 3 --max-subscribers 5 --stamps all --huge-pages "
      "--mode 0600 --json");
  EXPECT_EQ(made["created"], true);
  const Json options = json("tow info t --json")["options"];
  EXPECT_EQ(options["publishers"], "many");
  EXPECT_EQ(options["depth"], 2048);
  EXPECT_EQ(options["slot_bytes"], 128);
  EXPECT_EQ(options["max_message_bytes"], 1 << 20);
  EXPECT_EQ(options["pool_bytes"], 8 << 20);
  EXPECT_EQ(options["max_publishers"], 3);
  EXPECT_EQ(options["max_subscribers"], 5);
  EXPECT_EQ(options["stamps"], "all");
  EXPECT_EQ(options["huge_pages"], true);
  EXPECT_GE(options["lane_slot_count"], 256);
  EXPECT_LT(options["lane_slot_count"], options["slot_count"]);
}

TEST_F(Cli, CreateAcceptsATopicThatIsThereAndNamesBothSidesOfADifference) {
  EXPECT_EQ(json("tow create t --depth 64 --json")["created"], true);
  EXPECT_EQ(json("tow create t --depth 64 --json")["created"], false);
  const Outcome outcome = run("tow create t --depth 128");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("64"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("128"), std::string::npos) << outcome.err;
}

TEST_F(Cli, InfoShowsPublishersAndSubscribersWithTheirProcesses) {
  run("tow create t");
  Child subscriber = start("exec tow sub t --required", "sub");
  ASSERT_TRUE(eventually_subscribers("t", 1));
  const Json info = json("tow info t --json");
  const Json reader = info["subscribers"][0];
  EXPECT_EQ(reader["process"]["pid"], subscriber.pid());
  EXPECT_EQ(reader["process"]["command"], "tow");
  EXPECT_EQ(reader["process"]["alive"], true);
  EXPECT_EQ(reader["kind"], "required");
  EXPECT_EQ(reader["lag"], 0);
  EXPECT_TRUE(reader["p99_ns"].is_number());
  const Outcome text = run("tow info t");
  EXPECT_NE(text.out.find(std::to_string(subscriber.pid()) + "  tow"), std::string::npos)
      << text.out;
}

TEST_F(Cli, RmTakesTopicsAwayAndGoesOnAfterAMissingOne) {
  run("tow create a; tow create b");
  const Outcome outcome = run("tow rm a missing b");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(outcome.out, "removed a\nremoved b\n");
  EXPECT_EQ(run("tow ls --names").out, "");
}

TEST_F(Cli, RmOfABusIsRefusedWhileAProcessUsesIt) {
  run("tow create t");
  Child subscriber = start("exec tow sub t --required", "sub");
  ASSERT_TRUE(eventually_subscribers("t", 1));
  const Outcome refused = run("tow rm --bus default");
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find(std::to_string(subscriber.pid())), std::string::npos) << refused.err;
  subscriber.kill();
  EXPECT_EQ(run("TOWPATH_BUS=default tow rm").code, 2) << "the environment alone removes nothing";
  EXPECT_EQ(run("tow rm --bus default").code, 0);
  EXPECT_FALSE(std::filesystem::exists(at("default")));
}

TEST_F(Cli, HealReportsWhatADeadSubscriberLeft) {
  run("tow create t");
  Child subscriber = start("exec tow sub t --required", "sub");
  ASSERT_TRUE(eventually_subscribers("t", 1));
  EXPECT_EQ(json("tow heal --json")["participants"], 0) << "the living are left alone";
  subscriber.kill();
  const Json report = json("tow heal --json");
  EXPECT_EQ(report["participants"], 1);
  EXPECT_EQ(report["readers"], 1);
  EXPECT_EQ(json("tow info t --json")["subscribers"].size(), 0u);
  EXPECT_EQ(run("tow heal").out, "nothing to repair\n");
}

TEST_F(Cli, DoctorJudgesEachThingAndNamesARemedy) {
  const Outcome outcome = run("tow doctor --json");
  const Json report = Json::parse(outcome.out);
  EXPECT_EQ(outcome.code, report["failures"] == 0 ? 0 : 1);
  std::set<std::string> names;
  for (const Json& check : report["checks"]) {
    names.insert(check["check"]);
    EXPECT_NE(check["text"], "") << check;
    EXPECT_EQ(check["remedy"] == "", check["verdict"] == "ok") << check;
  }
  for (const std::string name :
       {"filesystem", "space", "O_TMPFILE", "OFD locks", "futex_waitv", "membarrier", "open files",
        "locked memory", "mappings", "huge pages", "RemoveIPC", "clock", "cycle counter",
        "frequency", "cores"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST_F(Cli, DoctorFailsWhereFewFilesMayBeOpen) {
  const Outcome outcome = run("ulimit -n 128; tow doctor");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.out.find("fail  open files"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("ulimit -n"), std::string::npos) << outcome.out;
}

TEST_F(Cli, CompletionPrintsTheScriptsThatAreInstalled) {
  const std::string folder = std::string(TOWPATH_SOURCE_DIR) + "/cli/completions/";
  for (const auto& [shell, file] :
       {std::pair{"bash", "tow.bash"}, {"zsh", "_tow"}, {"fish", "tow.fish"}}) {
    const Outcome outcome =
        run("tow completion " + std::string(shell) + " | diff - " + folder + file);
    EXPECT_EQ(outcome.code, 0) << "run: tow completion " << shell << " > cli/completions/" << file
                               << "\n"
                               << outcome.out;
  }
}

TEST_F(Cli, BashCompletesCommandsOptionsWordsAndTopics) {
  run("tow create numbers; tow create names; tow create other; tow --bus b create nested");
  const auto complete = [&](const std::string& words, int at) {
    return run("source <(tow completion bash)\nCOMP_WORDS=(" + words +
               ")\nCOMP_CWORD=" + std::to_string(at) + "\n_tow\necho \"${COMPREPLY[*]}\"")
        .out;
  };
  EXPECT_EQ(complete("tow in", 1), "info\n");
  EXPECT_EQ(complete("tow info n", 2), "names numbers\n");
  EXPECT_EQ(complete("tow --bus b info n", 4), "nested\n");
  EXPECT_EQ(complete("tow sub --form", 2), "--format\n");
  EXPECT_EQ(complete("tow sub --format r", 3), "raw\n");
  EXPECT_EQ(complete("tow send n", 2), "names numbers\n");
  EXPECT_EQ(complete("tow send other x --reply-topic n", 5), "names numbers\n");
  EXPECT_EQ(complete("tow send other x --corr", 4), "--correlation-id\n");
}

}  // namespace
}  // namespace tow::test
