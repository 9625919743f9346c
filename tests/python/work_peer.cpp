// The other side of the tests of Python's groups, exchanges and services.

#include "work_peer.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "towpath/towpath.h"
#include "towpath/towpath.hpp"

namespace {

using namespace std::chrono_literals;
constexpr auto kLong = 30s;

void require(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

std::string upper(std::string_view text) {
  std::string made(text);
  std::transform(made.begin(), made.end(), made.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  return made;
}

/// Says by the topic "seen" what it got from the queue "jobs" until "end"; retries "again" once.
int consume(const tow::Bus& bus) {
  auto queue = bus.queue("jobs").value();
  auto consumer = queue.consumer().value();
  auto seen = bus.topic("seen").value().publisher().value();
  while (auto job = consumer.take(kLong)) {
    if (job.text() == "again" && job.attempts() == 0) {
      job.retry().value();
      continue;
    }
    const tow::Headers headers = job.headers();
    const std::string said = std::string(job.text()) + " " + std::string(job.key()) + " " +
                             std::string(job.content_type()) + " " +
                             std::to_string(headers.size()) + " " + std::to_string(job.priority()) +
                             (job.has_tag("t") ? " t" : "");
    const bool is_last = job.text() == "end";
    auto settlement = consumer.settle(job);
    settlement.publish(seen, said, {.key = job.key(), .headers = headers}).value();
    settlement.commit().value();
    if (is_last) return 0;
  }
  return 1;
}

/// Publishes to the exchange "x" one message with everything.
int publish(const tow::Bus& bus) {
  auto exchange = bus.exchange("x").value();
  require(exchange.kind() == tow::ExchangeKind::topic, "the exchange is of another kind");
  tow::Headers headers{
      {"integer", std::int64_t{-5}}, {"real", 2.5}, {"text", "caf\xC3\xA9"}, {"yes", true}};
  headers.add("null", nullptr);
  const auto reached =
      exchange.publisher().value().publish("kernel.error", std::string_view("out of memory"),
                                           {.tag = "t",
                                            .time_to_live = 1h,
                                            .priority = 2,
                                            .correlation_id = "id",
                                            .reply_topic = "answers",
                                            .content_type = "text/plain",
                                            .headers = headers});
  require(reached && *reached == 1, "another number of queues");
  return 0;
}

/// Serves "upper": "fail" fails, "stream" has three parts, "stop" is the last.
int serve(const tow::Bus& bus) {
  auto server = bus.server("upper").value();
  server
      .run([&](tow::Request<>& request) {
        if (request.text() == "stop") server.stop();
        if (request.text() == "fail") return (void)request.fail("as asked", 7);
        if (request.text() == "stream") {
          for (const char* const part : {"1", "2", "3"}) (void)request.reply_part(part);
          return (void)request.finish();
        }
        const std::string reply = upper(request.text());
        (void)request.reply(std::as_bytes(std::span(reply)),
                            {.headers = request.message().headers()});
      })
      .value();
  return 0;
}

void answer_in_c(void* context, tow_request* request) {
  const tow_view asked = tow_message_payload(tow_request_message(request));
  const std::string text(static_cast<const char*>(asked.data), asked.bytes);
  if (text == "stop") tow_server_stop(static_cast<tow_server*>(context));
  if (text == "fail") return (void)tow_request_fail(request, "as asked", 7);
  if (text == "stream") {
    for (const char* const part : {"1", "2", "3"}) (void)tow_request_reply_part(request, part, 1);
    return (void)tow_request_finish(request);
  }
  const std::string reply = upper(text);
  tow_attributes attributes;
  tow_attributes_init(&attributes);
  tow_headers* headers = nullptr;
  if (tow_message_headers(tow_request_message(request), &headers) == TOW_OK) {
    attributes.headers = headers;
  }
  (void)tow_request_reply(request, reply.data(), reply.size(), &attributes);
  tow_headers_free(headers);
}

int serve_in_c(const char* path) {
  tow_bus* bus = nullptr;
  tow_server* server = nullptr;
  require(tow_bus_open(path, nullptr, &bus) == TOW_OK &&
              tow_server_open(bus, "upper", nullptr, &server) == TOW_OK &&
              tow_server_run(server, answer_in_c, server) == TOW_OK,
          tow_error_text());
  tow_server_close(server);
  tow_bus_close(bus);
  return 0;
}

/// Asks the service "lower", which is Python's.
int call(const tow::Bus& bus) {
  auto client = bus.client("lower").value();
  auto reply = client.call(tow::bytes_of(std::string_view("ABC")), kLong,
                           {.headers = {{"n", std::int64_t{3}}}});
  require(reply && reply->text() == "abc", "another reply");
  const tow::Headers headers = reply->headers();
  const auto* const number = headers.find<std::int64_t>("n");
  require(number != nullptr && *number == 4, "other headers");
  reply = client.call("FAIL", kLong);
  require(!reply && reply.error() == tow::Code::request_failed && reply.error().os_errno == 9,
          "another failure");
  auto stream = client.send("STREAM", kLong).value();
  std::string parts;
  for (const auto& part : stream) parts += part.text();
  require(!stream.failure() && parts == "abc", "another stream");
  return 0;
}

}  // namespace

int work(const tow::Bus& bus, const char* path, const char* what) {
  const std::string_view verb = what;
  if (verb == "consume") return consume(bus);
  if (verb == "publish") return publish(bus);
  if (verb == "serve") return serve(bus);
  if (verb == "serve_in_c") return serve_in_c(path);
  if (verb == "call") return call(bus);
  return 2;
}
