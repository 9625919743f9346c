#include <unistd.h>

#include <set>
#include <stdexcept>
#include <thread>

#include "tests/bus/request_fixture.hpp"

namespace tow {
namespace {

using test::Child;
using test::Service;
using test::Sum;
using testing::HasSubstr;
using namespace std::chrono_literals;

std::string echo(Request<>& request) { return "echo " + std::string(request.text()); }

void count_up(Request<>& request) {
  for (int i = 1; i <= 5; ++i) request.reply_part(std::to_string(i)).value();
  request.finish().value();
}

TEST(Requests, AreAnsweredByAServerOfAnotherProcess) {
  const Service service;
  const Child server = service.serve(echo);
  auto client = service.open().client(Service::kName).value();
  for (int i = 0; i < 1000; ++i) {
    const std::string text = std::to_string(i);
    const auto reply = client.call(text, 60s);
    ASSERT_TRUE(reply) << reply.error().message();
    ASSERT_EQ(reply->text(), "echo " + text);
  }
  EXPECT_EQ(client.in_flight(), 0U);
  EXPECT_EQ(client.late(), 0U);
}

TEST(Requests, OfATypeAreAnsweredWithValuesOfAType) {
  const Service service;
  const Bus bus = service.open();
  auto server = bus.server<Sum, std::uint64_t>(Service::kName).value();
  auto client = bus.client<Sum, std::uint64_t>(Service::kName).value();
  auto call = client.send({.a = 2, .b = 40}, 60s).value();
  auto request = server.take(60s);
  ASSERT_TRUE(request);
  request.reply(request->a + request->b).value();
  EXPECT_EQ(*call.get().value(), 42U);
  EXPECT_EQ(bus.client<std::uint64_t>(Service::kName).error().code, Code::type_mismatch);
}

TEST(Requests, LargeOnesAndTheirRepliesArriveWhole) {
  const Service service;
  const Child server = service.serve(echo);
  auto client = service.open().client(Service::kName).value();
  for (const std::size_t bytes : {0, 1, 48, 112, 113, 4000, 60000}) {
    const std::string text(bytes, 'x');
    ASSERT_EQ(client.call(text, 60s).value().text(), "echo " + text);
  }
}

TEST(Requests, ManyInFlightFindTheirRepliesWhateverTheirOrder) {
  const Service service;
  std::vector<Child> servers;
  for (int i = 0; i < 3; ++i) servers.push_back(service.serve(echo));
  auto client = service.open().client(Service::kName).value();
  std::vector<PendingCall<>> calls;
  for (int i = 0; i < 500; ++i) calls.push_back(client.send(std::to_string(i), 60s).value());
  EXPECT_EQ(client.in_flight(), 500U);
  for (int i = 499; i >= 0; --i) {
    ASSERT_EQ(calls[static_cast<std::size_t>(i)].get().value().text(), "echo " + std::to_string(i));
  }
  calls.clear();
  EXPECT_EQ(client.in_flight(), 0U);
}

TEST(Requests, OfSeveralClientsAreSharedByAllServers) {
  const Service service;
  const auto who = [](Request<>&) { return std::to_string(getpid()); };
  std::vector<Child> servers;
  for (int i = 0; i < 2; ++i) servers.push_back(service.serve(who));
  ASSERT_TRUE(service.has_servers(2));
  auto first = service.open().client(Service::kName).value();
  auto second = service.open().client(Service::kName).value();
  EXPECT_NE(first.reply_topic(), second.reply_topic());
  std::set<std::string> pids;
  EXPECT_TRUE(test::eventually([&] {
    auto a = first.send("?", 60s).value();
    auto b = second.send("?", 60s).value();
    pids.emplace(a.get().value().text());
    pids.emplace(b.get().value().text());
    return pids.size() == 2;
  }));
}

TEST(Requests, AnsweredWithAStreamEndWithItsEndMark) {
  const Service service;
  const Child server = service.serve(count_up);
  auto client = service.open().client(Service::kName).value();
  auto call = client.send("", 60s).value();
  std::string all;
  for (const auto& part : call) all += part.text();
  EXPECT_EQ(all, "12345");
  EXPECT_FALSE(call.failure());
  EXPECT_FALSE(call.next().value()) << "behind the end there is nothing, however often one asks";
  EXPECT_EQ(call.get().error().code, Code::no_reply);
}

TEST(Requests, AStreamLongerThanTheReplyTopicWaitsForItsReader) {
  const Service service;
  constexpr int kParts = 2000;
  const Child server = service.serve(
      [](Request<>& request) {
        for (int i = 0; i < kParts; ++i) request.reply_part(std::to_string(i)).value();
        request.reply("last").value();
      },
      {.wait_for_client = 60s});
  auto client = service.open().client(Service::kName, {.reply_depth = 16}).value();
  auto call = client.send("", 60s).value();
  for (int i = 0; i < kParts; ++i) ASSERT_EQ(call.next().value()->text(), std::to_string(i));
  EXPECT_EQ(call.next().value()->text(), "last");
  EXPECT_FALSE(call.next().value());
}

TEST(Requests, ThatTheCallerCancelsTellTheServerAtItsNextReply) {
  const Service service;
  const Bus bus = service.open();
  auto server = bus.server(Service::kName).value();
  auto client = bus.client(Service::kName).value();
  auto call = client.send("", 60s).value();
  auto request = server.take(60s);
  ASSERT_TRUE(request);
  request.reply_part("first").value();
  EXPECT_EQ(call.get().value().text(), "first");
  EXPECT_FALSE(request.cancelled());
  call.cancel();
  EXPECT_TRUE(request.cancelled());
  EXPECT_EQ(request.reply_part("second").error().code, Code::cancelled);
  EXPECT_TRUE(request.answered());
  EXPECT_EQ(call.next().error().code, Code::cancelled);
  EXPECT_EQ(client.call("next", 0ns).error().code, Code::timed_out);
  EXPECT_TRUE(server.take(0ns).timed_out()) << "what nobody waits for is not begun";
}

TEST(Requests, ThatFailSayWhyInTheServersWords) {
  const Service service;
  const Child server = service.serve([](Request<>& request) {
    if (request.text() == "throw") throw std::runtime_error("out of ink");
    if (request.text() == "code") request.fail("no such account", 42).value();
  });
  auto client = service.open().client(Service::kName).value();
  const auto thrown = client.call("throw", 60s);
  EXPECT_EQ(thrown.error().code, Code::request_failed);
  EXPECT_THAT(thrown.error().message(), HasSubstr("out of ink"));
  const auto coded = client.call("code", 60s);
  EXPECT_EQ(coded.error().os_errno, 42);
  EXPECT_THAT(coded.error().message(), HasSubstr("no such account (code 42)"));
  EXPECT_THAT(client.call("nothing", 60s).error().message(), HasSubstr("without an answer"));
}

TEST(Requests, TooLargeARepliesLeavesTheRequestToBeAnsweredOtherwise) {
  const Service service;
  const Bus bus = service.open();
  auto server = bus.server(Service::kName).value();
  auto client = bus.client(Service::kName, {.max_reply_bytes = 100}).value();
  auto call = client.send("", 60s).value();
  auto request = server.take(60s);
  EXPECT_EQ(request.reply(std::string(101, 'x')).error().code, Code::too_large);
  EXPECT_FALSE(request.answered());
  request.reply("small").value();
  EXPECT_EQ(call.get().value().text(), "small");
  EXPECT_EQ(server.dropped(), 0U);
}

TEST(Requests, WithoutAServerWaitUntilTheirTimeIsOverAndSayThatNobodyServes) {
  const Service service;
  auto client = service.open().client(Service::kName).value();
  const auto reply = client.call("anybody?", 5ms);
  EXPECT_EQ(reply.error().code, Code::timed_out);
  EXPECT_THAT(reply.error().message(), HasSubstr("nobody serves"));
  auto later = client.send("later", 60s).value();
  const Child server = service.serve(echo);
  EXPECT_EQ(later.get().value().text(), "echo later") << "who comes late answers what waited";
}

TEST(Requests, WithoutAServerFailAtOnceWhereThatIsAskedFor) {
  const Service service;
  auto client = service.open().client(Service::kName, {.fail_without_server = true}).value();
  const auto reply = client.call("anybody?");
  EXPECT_EQ(reply.error().code, Code::no_server);
  EXPECT_THAT(reply.error().message(), HasSubstr(Service::kName));
  auto server = service.open().server(Service::kName).value();
  EXPECT_TRUE(server.take(0ns).timed_out()) << "the request was withdrawn";
}

TEST(Requests, WithdrawnForWantOfAServerLeaveRoomForOthers) {
  const Service service;
  auto client = service.open().client(Service::kName, {.service = {.depth = 16}}).value();
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(client.call("anybody?", 1us).error().code, Code::timed_out) << i;
  }
  auto server = service.open().server(Service::kName).value();
  EXPECT_TRUE(server.take(0ns).timed_out());
}

TEST(Requests, ThatTakeTooLongNameTheServerThatHasThem) {
  const Service service;
  const Child server = service.serve([](Request<>&) { test::sleep_until_killed(); });
  ASSERT_TRUE(service.has_servers(1));
  auto client = service.open().client(Service::kName).value();
  auto call = client.send("", 200ms).value();
  const auto reply = call.get();
  EXPECT_EQ(reply.error().code, Code::timed_out);
  EXPECT_THAT(reply.error().message(), HasSubstr("pid " + std::to_string(server.pid())));
}

TEST(Requests, OfAClientThatTakesNoneAreGivenUpAndCounted) {
  const Service service;
  const Bus bus = service.open();
  auto server = bus.server(Service::kName, {.wait_for_client = 1ms}).value();
  auto client = bus.client(Service::kName, {.reply_depth = 16}).value();
  auto call = client.send("", 60s).value();
  auto request = server.take(60s);
  Result<void> sent;
  for (int i = 0; i < 1000 && sent; ++i) sent = request.reply_part("part");
  EXPECT_EQ(sent.error().code, Code::timed_out);
  EXPECT_EQ(server.dropped(), 1U);
  while (true) {
    auto part = call.next();
    if (part) continue;
    EXPECT_EQ(part.error().code, Code::no_reply) << part.error().message();
    break;
  }
}

TEST(Requests, StayUnansweredWhereTheServerWaitsForItsClientInPieces) {
  const Service service;
  const Bus bus = service.open();
  auto server = bus.server(Service::kName, {.wait_for_client = 60s}).value();
  auto client = bus.client(Service::kName, {.reply_depth = 16}).value();
  auto call = client.send("", 60s).value();
  auto request = server.take(60s);
  server.wait_for_client(1ms, false);
  int parts = 0;
  while (parts < 1000 && request.reply_part("part")) ++parts;
  EXPECT_EQ(request.reply("last").error(), Code::timed_out);
  EXPECT_FALSE(request.answered());
  EXPECT_EQ(server.dropped(), 0U);
  for (int i = 0; i < parts; ++i) EXPECT_EQ(call.get().value().text(), "part");
  request.reply("last").value();
  EXPECT_EQ(call.get().value().text(), "last");

  auto late = client.send("", 60s).value();
  request = server.take(60s);
  while (request.reply_part("part")) {
  }
  server.wait_for_client(1ms, true);
  EXPECT_EQ(request.reply("last").error(), Code::timed_out);
  EXPECT_TRUE(request.answered());
  EXPECT_EQ(server.dropped(), 1U);
}

TEST(Requests, EndByTheTimeThatTheyAreGivenAnew) {
  const Service service;
  const Bus bus = service.open();
  auto server = bus.server(Service::kName).value();
  auto client = bus.client(Service::kName).value();
  auto call = client.send("", 0s).value();
  call.end_within(60s);
  EXPECT_FALSE(call.wait(1ms));
  server.take(60s).reply("in time").value();
  EXPECT_EQ(call.get().value().text(), "in time");
  auto other = client.send("", 60s).value();
  other.end_within(0s);
  EXPECT_EQ(other.get().error(), Code::timed_out);
  other.cancel();
  other.end_within(60s);  // of no call any more
}

TEST(Requests, CarryAttributesBothWays) {
  const Service service;
  const Bus bus = service.open();
  auto server = bus.server(Service::kName).value();
  auto client = bus.client(Service::kName).value();
  auto call = client
                  .send(bytes_of(std::string_view("body")), 60s,
                        {.content_type = "text/plain", .headers = {{"user", "ann"}}})
                  .value();
  auto request = server.take(60s);
  EXPECT_EQ(request.content_type(), "text/plain");
  EXPECT_EQ(*request.headers().find<std::string>("user"), "ann");
  request.reply(bytes_of(std::string_view("yes")), {.headers = {{"cost", std::int64_t{3}}}})
      .value();
  const auto reply = call.get().value();
  EXPECT_EQ(*reply.headers().find<std::int64_t>("cost"), 3);
}

Task ask(Client<>& client, int from, int to, int& answers) {
  for (int i = from; i < to; ++i) {
    auto reply = co_await client.request(std::to_string(i), 60s);
    if (reply && reply->text() == "echo " + std::to_string(i)) ++answers;
  }
}

TEST(Requests, AreAwaitedByCoroutinesOfOneClient) {
  const Service service;
  const Child server = service.serve(echo);
  auto client = service.open().client(Service::kName).value();
  int answers = 0;
  run(ask(client, 0, 100, answers), ask(client, 100, 200, answers), ask(client, 200, 300, answers));
  EXPECT_EQ(answers, 300);
  { const Task never_run = ask(client, 0, 1, answers); }
  EXPECT_EQ(client.in_flight(), 0U);
}

TEST(Requests, OfAClientThatEndsLeaveNothing) {
  const Service service;
  const Bus bus = service.open();
  auto server = bus.server(Service::kName).value();
  {
    auto client = bus.client(Service::kName).value();
    EXPECT_EQ(service.reply_topics().size(), 1U);
    (void)client.call("", 0ns);
  }
  EXPECT_TRUE(service.reply_topics().empty());
  EXPECT_THAT(test::tree_of(bus.path() + "/topics"),
              testing::Not(testing::Contains(HasSubstr(".removed"))));
}

TEST(Requests, AreAnsweredUntilTheServerIsStopped) {
  const Service service;
  auto server = service.open().server(Service::kName).value();
  std::thread running([&] { server.run(echo).value(); });
  auto client = service.open().client(Service::kName).value();
  EXPECT_EQ(client.call("a", 60s).value().text(), "echo a");
  server.stop();
  running.join();
  EXPECT_EQ(server.answered(), 1U);
}

}  // namespace
}  // namespace tow
