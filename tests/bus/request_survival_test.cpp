// What callers, servers and the bus see when one of them is killed.

#include <signal.h>

#include <optional>

#include "tests/bus/request_fixture.hpp"

namespace tow {
namespace {

using test::Child;
using test::Service;
using test::Shared;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr auto kHour = 1h;  // no test waits for it: the kernel's word ends the wait

/// Counts what it began, and then never answers.
struct Begun {
  std::atomic<int> requests{0};
};
auto never_answer(const Shared<Begun>& begun) {
  return [&begun](Request<>&) {
    ++begun->requests;
    test::sleep_until_killed();
  };
}

class RequestSurvival : public testing::Test {
 protected:
  const Service service_;
  const Shared<Begun> begun_;
};

TEST_F(RequestSurvival, CallerOfAServerKilledWhileHandlingGetsAnErrorThatNamesIt) {
  Child server = service_.serve(never_answer(begun_));
  auto client = service_.open().client(Service::kName).value();
  auto call = client.send("", kHour).value();
  ASSERT_TRUE(test::eventually([&] { return begun_->requests == 1; }));
  EXPECT_FALSE(call.wait(10ms)) << "a living server is waited for";
  const auto pid = server.pid();
  server.kill();
  const auto reply = call.get();
  EXPECT_EQ(reply.error().code, Code::server_died);
  EXPECT_THAT(reply.error().message(), HasSubstr(Service::kName));
  EXPECT_THAT(reply.error().message(), HasSubstr("pid " + std::to_string(pid)));
  Child next = service_.serve([](Request<>&) { return std::string("alive"); });
  EXPECT_EQ(client.call("", kHour).value().text(), "alive")
      << "the next server does not get what the dead one had begun";
}

TEST_F(RequestSurvival, CallerThatOnlyPollsGetsTheErrorToo) {
  Child server = service_.serve(never_answer(begun_));
  auto client = service_.open().client(Service::kName).value();
  auto call = client.send("", kHour).value();
  ASSERT_TRUE(test::eventually([&] { return begun_->requests == 1; }));
  server.kill();
  ASSERT_TRUE(test::eventually([&] { return call.ready(); }));
  EXPECT_EQ(call.get().error().code, Code::server_died);
}

TEST_F(RequestSurvival, CallerWhoseServerWasRepairedBeforeItLookedGetsTheError) {
  Child server = service_.serve(never_answer(begun_));
  auto client = service_.open().client(Service::kName).value();
  auto call = client.send("", kHour).value();
  ASSERT_TRUE(test::eventually([&] { return begun_->requests == 1; }));
  server.kill();
  EXPECT_EQ(service_.open().heal().participants, 0U) << "opening has healed already";
  EXPECT_EQ(call.get().error().code, Code::server_died);
}

Task await_death(Client<>& client, std::optional<Code>& code) {
  auto reply = co_await client.request("", kHour);
  if (!reply) code = reply.error().code;
}

TEST_F(RequestSurvival, CoroutineThatAwaitsAKilledServerIsResumedWithTheError) {
  Child server = service_.serve(never_answer(begun_));
  Child killer([&] {
    EXPECT_TRUE(test::eventually([&] { return begun_->requests == 1; }));
    kill(server.pid(), SIGKILL);
  });
  auto client = service_.open().client(Service::kName).value();
  std::optional<Code> code;
  run(await_death(client, code));
  EXPECT_EQ(code, Code::server_died);
  EXPECT_EQ(killer.wait(), 0);
}

TEST_F(RequestSurvival, RequestsThatADeadServerHadNotBegunAreAnsweredByAnother) {
  Child server = service_.serve(never_answer(begun_), {.concurrent = 8});
  auto client = service_.open().client(Service::kName).value();
  std::vector<PendingCall<>> calls;
  for (int i = 0; i < 5; ++i) calls.push_back(client.send(std::to_string(i), kHour).value());
  ASSERT_TRUE(test::eventually([&] { return begun_->requests == 1; }));
  server.kill();
  const Child next = service_.serve([](Request<>& request) { return std::string(request.text()); });
  EXPECT_EQ(calls[0].get().error().code, Code::server_died);
  for (std::size_t i = 1; i < 5; ++i) EXPECT_EQ(calls[i].get().value().text(), std::to_string(i));
}

TEST_F(RequestSurvival, ServiceWithSeveralAttemptsHasAnotherServerDoItAgain) {
  const ServerOptions options{.service = {.max_attempts = 3}};
  Child server = service_.serve(never_answer(begun_), options);
  ASSERT_TRUE(service_.has_servers(1));
  auto client = service_.open().client(Service::kName).value();
  auto call = client.send("again", kHour).value();
  ASSERT_TRUE(test::eventually([&] { return begun_->requests == 1; }));
  server.kill();
  const Child next = service_.serve(
      [](Request<>& request) {
        return std::string(request.text()) + (request.redelivered() ? " flagged" : "");
      },
      options);
  EXPECT_EQ(call.get().value().text(), "again flagged");
}

/// A server that is killed behind its reply and before its ack: servers themselves do both at once.
Child serve_without_ack(const Service& service, const Shared<Begun>& begun) {
  return Child([&] {
    const Bus bus = service.open();
    auto requests = bus.topic_as_bytes(Service::kName)
                        .value()
                        .group(kServers)
                        .value()
                        .consumer({.prefetch = 1})
                        .value();
    auto request = requests.take(test::kWatchdog);
    auto replies = bus.topic_as_bytes(request.reply_topic()).value().publisher().value();
    replies.publish("done", {.correlation_id = std::string(request.correlation_id())}).value();
    ++begun->requests;
    test::sleep_until_killed();
  });
}

TEST_F(RequestSurvival, ReplyOfAServerThatDiedBeforeItsAckArrives) {
  auto client = service_.open().client(Service::kName).value();
  for (const bool is_repaired : {false, true}) {
    auto call = client.send("", kHour).value();
    const int before = begun_->requests;
    Child server = serve_without_ack(service_, begun_);
    ASSERT_TRUE(test::eventually([&] { return begun_->requests == before + 1; }));
    server.kill();
    if (is_repaired) (void)service_.open();  // opening heals: the request is given up
    EXPECT_EQ(call.get().value().text(), "done") << "repaired: " << is_repaired;
  }
  Child next = service_.serve([](Request<>& request) { return std::string(request.text()); });
  EXPECT_EQ(client.call("next", kHour).value().text(), "next");
  EXPECT_EQ(client.late(), 0U) << "what was answered is not done again";
}

TEST_F(RequestSurvival, PartsOfAServerThatDiedArriveAndThenTheError) {
  Child server = service_.serve([this](Request<>& request) {
    request.reply_part("part").value();
    ++begun_->requests;
    test::sleep_until_killed();
  });
  auto client = service_.open().client(Service::kName).value();
  auto call = client.send("", kHour).value();
  ASSERT_TRUE(test::eventually([&] { return begun_->requests == 1; }));
  server.kill();
  EXPECT_EQ(call.next().value()->text(), "part");
  EXPECT_EQ(call.next().error().code, Code::server_died)
      << "a stream without its end is broken off";
}

TEST_F(RequestSurvival, WhenTheLastServerDiesCallersThatAskForItHearThatNobodyServes) {
  Child server = service_.serve(never_answer(begun_));
  auto client = service_.open().client(Service::kName, {.fail_without_server = true}).value();
  ASSERT_TRUE(service_.has_servers(1));
  auto handled = client.send("", kHour).value();
  ASSERT_TRUE(test::eventually([&] { return begun_->requests == 1; }));
  auto waiting = client.send("", kHour).value();
  EXPECT_FALSE(waiting.wait(10ms));
  server.kill();
  EXPECT_EQ(handled.get().error().code, Code::server_died);
  EXPECT_EQ(waiting.get().error().code, Code::no_server);
}

TEST_F(RequestSurvival, TopicOfADeadClientIsTakenAwayByTheNextWhoOpensTheBus) {
  Child client([&] {
    auto caller = service_.open().client(Service::kName).value();
    auto call = caller.send("", kHour).value();
    ++begun_->requests;
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return begun_->requests == 1; }));
  EXPECT_EQ(service_.reply_topics().size(), 1U);
  client.kill();
  EXPECT_TRUE(service_.reply_topics().empty());
}

TEST_F(RequestSurvival, ServerDropsAndCountsWhatItHasForADeadClientAndGoesOn) {
  const Bus bus = service_.open();
  auto server = bus.server(Service::kName).value();
  Child client([&] {
    auto caller = service_.open().client(Service::kName).value();
    auto call = caller.send("", kHour).value();
    ++begun_->requests;
    test::sleep_until_killed();
  });
  auto request = server.take(test::kWatchdog);
  ASSERT_TRUE(request);
  request.reply_part("it still lives").value();
  client.kill();
  (void)service_.open();
  EXPECT_EQ(request.reply("too late").error().code, Code::removed);
  EXPECT_TRUE(request.answered());
  EXPECT_EQ(server.dropped(), 1U);
  auto caller = service_.open().client(Service::kName).value();
  auto call = caller.send("", kHour).value();
  server.take(test::kWatchdog).reply("yours").value();
  EXPECT_EQ(call.get().value().text(), "yours");
}

TEST_F(RequestSurvival, StreamToADeadClientDoesNotWaitForIt) {
  constexpr std::uint64_t kDepth = 16;
  auto server = service_.open().server(Service::kName, {.wait_for_client = kHour}).value();
  Child client([&] {
    auto caller = service_.open().client(Service::kName, {.reply_depth = kDepth}).value();
    auto call = caller.send("", kHour).value();
    test::sleep_until_killed();
  });
  auto request = server.take(test::kWatchdog);
  ASSERT_TRUE(request);
  request.reply_part("first").value();
  client.kill();
  // Nobody opens the bus, so the client's topic stays, full of what nobody will read: only the
  // kernel's word lets the server go on before the hour is over.
  for (std::uint64_t i = 0; i < 64 * kDepth; ++i) request.reply_part("nobody reads it").value();
  request.finish().value();
  EXPECT_TRUE(request.answered());
  EXPECT_EQ(server.dropped(), 0U);
}

TEST_F(RequestSurvival, StreamToALivingClientThatTakesNothingWaitsForIt) {
  constexpr std::uint64_t kDepth = 16;
  auto server = service_.open().server(Service::kName, {.wait_for_client = 20ms}).value();
  auto caller = service_.open().client(Service::kName, {.reply_depth = kDepth}).value();
  auto call = caller.send("", kHour).value();
  auto request = server.take(test::kWatchdog);
  ASSERT_TRUE(request);
  Result<void> sent;
  for (std::uint64_t i = 0; sent && i < 64 * kDepth; ++i) sent = request.reply_part("unread");
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::timed_out);
  EXPECT_EQ(server.dropped(), 1U);
}

TEST_F(RequestSurvival, ClientsAndServersThatDieOverAndOverLeakNothing) {
  const Bus bus = service_.open();
  for (int round = 0; round < 10; ++round) {
    const Shared<Begun> begun;
    Child server = service_.serve(never_answer(begun));
    Child client([&] {
      auto caller = service_.open().client(Service::kName).value();
      (void)caller.call("", kHour);
      test::sleep_until_killed();
    });
    ASSERT_TRUE(test::eventually([&] { return begun->requests == 1; }));
    if (round % 2 == 0) {
      client.kill();
      server.kill();
    } else {
      server.kill();
      client.kill();
    }
    bus.heal();
    EXPECT_TRUE(service_.reply_topics().empty()) << "round " << round;
  }
  const auto info = bus.topic_as_bytes(Service::kName).value().info();
  EXPECT_TRUE(info.subscribers.empty()) << "pages of dead consumers";
  EXPECT_EQ(bus.topic_as_bytes(Service::kName).value().groups().size(), 1U);
}

}  // namespace
}  // namespace tow
