#pragma once
/// tow as a person runs it: the built binary, a shell, a directory of buses of its own.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/process.hpp"
#include "tests/support/temp_bus.hpp"

namespace tow::test {

using Json = nlohmann::json;

struct Outcome {
  int code = -1;
  std::string out, err;
};

class Cli : public testing::Test {
 protected:
  Cli() {
    const std::string tow = std::filesystem::path(TOWPATH_TOW).parent_path();
    const std::string towd = std::filesystem::path(TOWPATH_TOWD).parent_path();
    const char* const path = std::getenv("PATH");
    setenv("PATH", (tow + ':' + towd + ':' + (path == nullptr ? "" : path)).c_str(), 1);
    setenv("TOWPATH_DIR", directory_.path().c_str(), 1);
    unsetenv("TOWPATH_BUS");
  }

  /// Where a file of the test lies.
  std::string at(const std::string& name) const { return directory_.path() + '/' + name; }
  /// The files of a topic on the bus `default`.
  std::string topic_path(const std::string& topic) const { return at("default/topics/" + topic); }
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(at(name), std::ios::binary) << bytes;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(at(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  /// Starts a command of the shell; what it prints goes to the files `name`.out and `name`.err.
  /// With a leading `exec`, signals reach tow itself.
  Child start(const std::string& command, const std::string& name) const {
    return Child([line = "cd " + directory_.path() + "\n{\n" + command + "\n} > " + name +
                         ".out 2> " + name + ".err"] {
      execl("/bin/bash", "bash", "-o", "pipefail", "-c", line.c_str(), nullptr);
    });
  }
  Outcome run(const std::string& command) const {
    const int code = start(command, "run").wait();
    return {code, read("run.out"), read("run.err")};
  }
  /// The JSON that a command prints; it must end well.
  Json json(const std::string& command) const {
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.code, 0) << command << ": " << outcome.err;
    return Json::parse(outcome.out, nullptr, false);
  }
  /// Waits until `tow info` of a topic says so.
  bool eventually_info(const std::string& topic, const std::function<bool(const Json&)>& so) const {
    return eventually([&] {
      const Outcome outcome = run("tow info --json " + topic);
      return outcome.code == 0 && so(Json::parse(outcome.out));
    });
  }
  bool eventually_subscribers(const std::string& topic, std::size_t count) const {
    return eventually_info(topic,
                           [&](const Json& info) { return info["subscribers"].size() == count; });
  }

  TempDir directory_;
};

}  // namespace tow::test
