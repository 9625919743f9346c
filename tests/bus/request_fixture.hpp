#pragma once
/// A service that answers in other processes, for the tests of requests.

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/temp_bus.hpp"
#include "towpath/towpath.hpp"

namespace tow::test {

using namespace std::chrono_literals;

/// A typed request.
struct Sum {
  std::uint64_t a = 0, b = 0;
};

class Service {
 public:
  Bus open() const { return at_.open(); }
  const TempBus& at() const { return at_; }

  /// A process that answers every request by `answer`, until it is killed.
  template <class Answer>
  Child serve(Answer answer, const ServerOptions& options = {}) const {
    return Child([this, answer, options] {
      auto server = open().server(kName, options).value();
      ++*ready_;
      server.run(answer).value();
    });
  }
  bool has_servers(int count) const {
    return eventually([&] { return *ready_ >= count; });
  }
  /// Topics of replies that are there.
  std::vector<std::string> reply_topics() const {
    std::vector<std::string> found;
    for (const std::string& topic : open().topics()) {
      if (topic.find(".reply.") != std::string::npos) found.push_back(topic);
    }
    return found;
  }

  static constexpr const char* kName = "sums";

 private:
  TempBus at_;
  Shared<std::atomic<int>> ready_;
};

}  // namespace tow::test
