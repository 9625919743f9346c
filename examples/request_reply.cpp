/// A client and its server: one process asks for sums, another answers, once or as a stream.
///
///   request_reply [FOLDER]     the bus lives in FOLDER, or in a temporary one, removed at the end

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <towpath/towpath.hpp>

namespace {

using namespace std::chrono_literals;

void serve(const std::string& path) {
  auto bus = tow::Bus::open(path).value();
  auto server = bus.server("count").value();
  server
      .run([](tow::Request<>& request) {
        const int to = std::stoi(std::string(request.text()));  // throws: the request has failed
        for (int i = 1; i < to; ++i) request.reply_part(std::to_string(i)).value();
        request.reply(std::to_string(to)).value();
      })
      .value();
}

tow::Task ask(tow::Client<>& client, int to, int& answers) {
  auto reply = co_await client.request(std::to_string(to), 10s);
  if (reply && reply->text() == "1") ++answers;
}

}  // namespace

int main(int argc, char** argv) try {
  char scratch[] = "/dev/shm/towpath-request-XXXXXX";
  const std::string folder = argc > 1 ? argv[1] : mkdtemp(scratch);
  const std::string path = folder + "/bus";

  const pid_t child = fork();  // before any bus is opened: each process opens its own
  if (child == 0) {
    serve(path);
    return 0;
  }
  bool good = false;
  {
    auto bus = tow::Bus::open(path).value();
    auto client = bus.client("count").value();

    auto one = client.call("1", 10s).value();
    std::printf("one reply: %s\n", std::string(one.text()).c_str());

    auto call = client.send("5", 10s).value();
    std::string all;
    for (const auto& part : call) all += part.text();
    std::printf("a stream of replies: %s\n", all.c_str());

    auto failed = client.call("five", 10s);
    std::printf("a failure: %s\n", failed.error().message().c_str());

    int answers = 0;
    tow::run(ask(client, 1, answers), ask(client, 2, answers), ask(client, 3, answers));

    auto last = client.send("1000000000", 10s).value();
    last.wait(10s);  // it is being handled
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    auto part = last.next();
    while (part && *part) part = last.next();
    std::printf("a death: %s\n", part ? "" : part.error().message().c_str());
    good = all == "12345" && answers == 3 && !part && part.error() == tow::Code::server_died;
  }
  std::filesystem::remove_all(argc > 1 ? path : folder);
  return good ? 0 : 1;
} catch (const tow::BadResult& bad) {
  std::fprintf(stderr, "request_reply: %s\n", bad.what());
  return 1;
}
