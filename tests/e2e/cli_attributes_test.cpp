#include <gmock/gmock.h>

#include "cli.hpp"

namespace tow::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kAll =
    "-k EURUSD --tag quote --ttl 1h --delay 2h --priority 6 --correlation-id 17 "
    "--reply-topic replies --content-type application/json -H source=till -H 'text=a=b' "
    "--header count:=-5 -H ratio:=0.5 -H on:=true -H nothing:=null -H 'quoted:=\"x\"' "
    "-H source=again -H digest@bytes";

TEST_F(Cli, SendPublishesOneMessageOfItsArgumentOrOfStdin) {
  EXPECT_EQ(run("tow send t hello").out, "published message 1, 5 bytes\n");
  EXPECT_EQ(run("printf 'two\\nlines\\n' | tow send t").out, "published message 2, 10 bytes\n");
  EXPECT_EQ(run("printf x | tow send t -").out, "published message 3, 1 bytes\n");
  EXPECT_EQ(run("tow send t -q ''").out, "");
  EXPECT_EQ(run("tow send t -q -- -1").out, "");
  EXPECT_EQ(run("tow sub t --from 1 --format raw").out, "hellotwo\nlines\nx-1");
  EXPECT_EQ(
      json("tow send t hi --json"),
      Json({{"topic", "t"}, {"published", 1}, {"dropped", 0}, {"bytes", 2}, {"last_sequence", 6}}));
}

TEST_F(Cli, SendMakesATopicInWhichItsPayloadFits) {
  EXPECT_EQ(run("head -c 100000 /dev/zero | tr '\\0' x > large").code, 0);
  EXPECT_EQ(run("tow send t \"$(cat large)\" -H h=$(head -c 30000 large)").code, 0);
  EXPECT_EQ(json("tow sub t --from 1 --json")["bytes"], 100'000);
}

TEST_F(Cli, EveryAttributeIsShownAsItWasSent) {
  write("bytes", std::string("\0\xff", 2));
  for (const std::string command : {"tow send t hi -q ", "echo hi | tow pub t -q "}) {
    ASSERT_EQ(run(command + kAll).code, 0);
  }
  for (const std::string at : {"1", "2"}) {
    const Json line = json("tow sub t --json -n 1 --from " + at);
    EXPECT_EQ(line["key"], "EURUSD");
    EXPECT_EQ(line["tag_hash"].get<std::string>().size(), 16u);
    EXPECT_LE(line["expires_in_s"], 3600.0);
    EXPECT_EQ(line["expired"], false);
    EXPECT_LE(line["due_in_s"], 7200.0);
    EXPECT_EQ(line["priority"], 6);
    EXPECT_EQ(line["correlation_id"], "17");
    EXPECT_EQ(line["reply_topic"], "replies");
    EXPECT_EQ(line["content_type"], "application/json");
    EXPECT_EQ(line["headers"], Json::parse(R"([{"name":"source","type":"text","value":"till"},
                              {"name":"text","type":"text","value":"a=b"},
                              {"name":"count","type":"integer","value":-5},
                              {"name":"ratio","type":"real","value":0.5},
                              {"name":"on","type":"boolean","value":true},
                              {"name":"nothing","type":"null","value":null},
                              {"name":"quoted","type":"text","value":"x"},
                              {"name":"source","type":"text","value":"again"},
                              {"name":"digest","type":"bytes","value":"00ff",
                               "encoding":"hex"}])"));
  }
  for (const std::string format : {"-v", "--format hex"}) {
    EXPECT_THAT(run("tow sub t --from 1 -n 1 " + format).out,
                AllOf(HasSubstr("#1  2 bytes  key EURUSD  tag "), HasSubstr("  expires in "),
                      HasSubstr("  due in "),
                      HasSubstr("  priority 6  correlation-id 17  reply-topic replies  "
                                "content-type application/json\n"
                                "  source=till\n  text=a=b\n  count:=-5\n  ratio:=0.5\n"
                                "  on:=true\n  nothing:=null\n  quoted=x\n  source=again\n"
                                "  digest@ 2 bytes\n")));
  }
  EXPECT_EQ(run("tow sub t --from 1 -n 1").out, "hi\n") << "text alone shows the payload alone";
}

TEST_F(Cli, MessageWithoutAttributesShowsNone) {
  run("tow send t hi");
  EXPECT_EQ(run("tow sub t --from 1 -v").out, "#1  2 bytes\nhi\n");
  EXPECT_EQ(json("tow sub t --from 1 --json").size(), 7u);
}

TEST_F(Cli, ExpiredMessageIsShownAsExpired) {
  run("tow send t old --ttl 1ns");
  const Json line = json("tow sub t --from 1 --json");
  EXPECT_EQ(line["expired"], true);
  EXPECT_LT(line["expires_in_s"], 0.0);
  EXPECT_THAT(run("tow sub t --from 1 -v").out, HasSubstr("  expired "));
}

TEST_F(Cli, ControlCharactersOfAttributesDoNotReachTheTerminal) {
  run("tow send t hi -k $'\\e[1m' -H $'n\\x07=v\\x1b'");
  EXPECT_EQ(run("tow sub t --from 1 -v").out, "#1  2 bytes  key \\x1b[1m\n  n\\x07=v\\x1b\nhi\n");
}

TEST_F(Cli, TextOfAHeaderThatIsNoUtf8IsShownAsHexInJson) {
  run("tow send t hi -H $'n=\\xff'");
  EXPECT_EQ(json("tow sub t --from 1 --json")["headers"],
            Json::parse(R"([{"name":"n","type":"text","value":"ff","encoding":"hex"}])"));
}

TEST_F(Cli, BadAttributesExitWithTwoAndNameTheOptionAndWhatIsAllowed) {
  const std::string longer = "$(head -c 256 /dev/zero | tr '\\0' x)";
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"--key " + longer, {"--key: ", "256 bytes", "at most 255"}},
      {"--tag " + longer, {"--tag: ", "at most 255"}},
      {"--correlation-id " + longer, {"--correlation-id: ", "at most 255"}},
      {"--reply-topic " + longer, {"--reply-topic: ", "at most 255"}},
      {"--content-type " + longer, {"--content-type: ", "at most 255"}},
      {"--ttl soon", {"--ttl: ", "write 250us"}},
      {"--ttl 900000h", {"--ttl: ", "100 years"}},
      {"--delay -5s", {"--delay: ", "write 250us"}},
      {"--delay 1e30", {"--delay: ", "100 years"}},
      {"--priority 8", {"--priority: ", "0 to 7"}},
      {"--priority high", {"--priority: ", "0 to 7"}},
      {"--header novalue", {"--header: ", "novalue", "name=text"}},
      {"--header =5", {"--header: ", "name=text"}},
      {"--header n:=", {"--header: ", "name:=5"}},
      {"--header n:=[1]", {"--header: ", "single value"}},
      {"--header n:=99999999999999999999", {"--header: ", "out of range"}},
      {"--header n:=9223372036854775808", {"--header: ", "out of range"}},
      {"--header n@absent", {"--header: ", "absent", "No such file"}},
      {"--header " + longer + "=x", {"--header: ", "256 bytes", "at most 255"}},
      {"--header a=$(head -c 65532 /dev/zero | tr '\\0' x)", {"headers", "at most 65535"}}};
  for (const std::string command : {"send", "pub"}) {
    for (const auto& [options, words] : cases) {
      const Outcome outcome = run("echo hi | tow " + command + " t " + options);
      EXPECT_EQ(outcome.code, 2) << options << ": " << outcome.err;
      for (const std::string& word : words) EXPECT_THAT(outcome.err, HasSubstr(word)) << options;
    }
  }
  EXPECT_EQ(run("tow sub t --from oldest").out, "") << "nothing was published";
}

}  // namespace
}  // namespace tow::test
