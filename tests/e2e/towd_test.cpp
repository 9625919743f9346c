// towd as a service manager and a person run it.

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <sstream>
#include <thread>

#include "tests/e2e/cli.hpp"

namespace tow::test {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

class Towd : public Cli {
 protected:
  /// What `name`.err says so far.
  bool eventually_says(const std::string& name, const std::string& text) const {
    return eventually([&] { return read(name + ".err").find(text) != std::string::npos; });
  }
  static std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// How often the threads of a process have gone to sleep.
  static long sleeps_of(pid_t pid) {
    const std::string name = "\nvoluntary_ctxt_switches:";
    long sleeps = 0;
    for (const auto& thread :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
      const std::string status = text_of(thread.path() / "status");
      const std::size_t at = status.find(name);
      if (at != std::string::npos) sleeps += std::stol(status.substr(at + name.size()));
    }
    return sleeps;
  }
  /// A subscriber that is known to the bus.
  Child subscriber(const std::string& topic, const std::string& name) const {
    const std::size_t before = json("tow info --json " + topic)["subscribers"].size();
    Child child = start("exec tow sub --required --timeout 100s " + topic, name);
    EXPECT_TRUE(eventually_subscribers(topic, before + 1));
    return child;
  }
};

TEST_F(Towd, RepairsADeathAndSaysSo) {
  run("tow create quotes");
  const Child towd = start("exec towd", "towd");
  ASSERT_TRUE(eventually_says("towd", "default: watching"));
  Child victim = subscriber("quotes", "victim");
  const std::string pid = std::to_string(victim.pid());
  victim.kill();
  EXPECT_TRUE(eventually_says("towd", "died: pid " + pid +
                                          " (tow); freed 0 publishers' lanes and "
                                          "1 subscriptions"));
  EXPECT_EQ(run("tow heal").out, "nothing to repair\n");
  EXPECT_EQ(json("tow ps --json")["processes"].size(), 0U);
}

TEST_F(Towd, LetsSubscribersSleepAsLongAsItLives) {
  run("tow create quotes");
  Child towd = start("exec towd", "towd");
  ASSERT_TRUE(eventually_says("towd", "watching"));
  const Child sleeper = subscriber("quotes", "sleeper");
  const auto sleeps = [&] { return sleeps_of(sleeper.pid()); };
  ASSERT_TRUE(eventually([&] {  // six pieces of 50 ms go by
    const long before = sleeps();
    std::this_thread::sleep_for(300ms);
    return sleeps() == before;
  }));
  const long before = sleeps();
  kill(towd.pid(), SIGTERM);
  EXPECT_EQ(towd.wait(), 0);
  EXPECT_TRUE(eventually([&] { return sleeps() > before + 2; }))
      << "nobody woke it to see to itself";
}

TEST_F(Towd, EndsTheWaitOfCallersWhoseServerDied) {
  run("tow create quotes");  // a bus to watch
  const Child towd = start("exec towd", "towd");
  ASSERT_TRUE(eventually_says("towd", "watching"));
  Child server = start("exec tow serve slow -- sh -c 'touch begun; sleep 60'", "server");
  Child caller = start("exec tow call slow x --timeout 1h", "caller");
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(at("begun")); }));
  const long before = sleeps_of(caller.pid());
  ASSERT_TRUE(eventually([&] { return sleeps_of(caller.pid()) > before + 1; }))
      << "it does not look who handles its request";
  const std::string pid = std::to_string(server.pid());
  server.kill();
  EXPECT_TRUE(eventually_says("towd", "died: pid " + pid));
  EXPECT_EQ(caller.wait(), 1);
  EXPECT_THAT(read("caller.err"), HasSubstr("died while it handled the request"));
  EXPECT_THAT(read("caller.err"), HasSubstr("pid " + pid));
}

TEST_F(Towd, RemovesWhatARemovedTopicLeftOnceItsLastReaderIsGone) {
  run("tow create quotes");
  const Child towd = start("exec towd", "towd");
  ASSERT_TRUE(eventually_says("towd", "watching"));
  Child reader = start("exec tow sub --required quotes", "reader");
  ASSERT_TRUE(eventually_subscribers("quotes", 1));
  reader.stop();
  run("tow rm quotes");
  const auto topics = [&] {
    return std::distance(std::filesystem::directory_iterator(at("default/topics")), {});
  };
  EXPECT_EQ(topics(), 1);
  kill(reader.pid(), SIGCONT);
  EXPECT_EQ(reader.wait(), 1) << "the topic was removed";
  EXPECT_TRUE(eventually([&] { return topics() == 0; }));
  EXPECT_TRUE(eventually_says("towd", "removed the files of 1 removed topics"));
}

TEST_F(Towd, RunsAsHardenedAsItsUnitSays) {
  if (!is_root()) GTEST_SKIP() << "needs root, to make a mount namespace";
  run("tow create quotes");
  // What the unit asks systemd for: no capabilities and no way to get any, a read-only system, a
  // private /tmp.
  const Child towd = start(
      "exec unshare --mount bash -c 'mount --make-rprivate / && mount --bind / / &&\n"
      "mount -o remount,bind,ro / && mount -t tmpfs none /tmp && cd / &&\n"
      "exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all --ambient-caps=-all towd'",
      "towd");
  ASSERT_TRUE(eventually_says("towd", "watching")) << read("towd.err");
  Child victim = subscriber("quotes", "victim");
  const std::string pid = std::to_string(victim.pid());
  victim.kill();
  EXPECT_TRUE(eventually_says("towd", "died: pid " + pid)) << read("towd.err");
  const std::string status = text_of("/proc/" + std::to_string(towd.pid()) + "/status");
  EXPECT_THAT(status, HasSubstr("CapEff:\t0000000000000000"));
  EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
}

TEST_F(Towd, FindsABusThatIsMadeLater) {
  const Child towd = start("exec towd", "towd");
  run("tow --bus late create ticks");
  EXPECT_TRUE(eventually_says("towd", "/late: watching"));
  run("tow --bus late rm ticks; tow --bus late rm");
  EXPECT_TRUE(eventually_says("towd", "/late: removed"));
}

TEST_F(Towd, AnotherStandsByAndTakesOver) {
  run("tow create quotes");
  Child first = start("exec towd --bus default", "first");
  ASSERT_TRUE(eventually_says("first", "watching"));
  Child victim = subscriber("quotes", "victim");
  victim.kill();
  ASSERT_TRUE(eventually_says("first", "died"));  // it acts from here on
  const Child second = start("exec towd --bus default", "second");
  ASSERT_TRUE(eventually_says("second", "watching"));
  first.kill();
  Child next = subscriber("quotes", "next");
  const std::string pid = std::to_string(next.pid());
  next.kill();
  EXPECT_TRUE(eventually_says("second", "died: pid " + pid));
}

TEST_F(Towd, StartedAgainRepairsWhatHappenedMeanwhile) {
  run("tow create quotes");
  Child towd = start("exec towd", "towd");
  ASSERT_TRUE(eventually_says("towd", "watching"));
  Child victim = subscriber("quotes", "victim");
  const std::string pid = std::to_string(victim.pid());
  towd.kill();
  victim.kill();
  const Child again = start("exec towd", "again");
  EXPECT_TRUE(eventually_says("again", "died: pid " + pid));
}

TEST_F(Towd, SeesTheEndOfAProcessOfAnotherPidNamespace) {
  if (!is_root()) GTEST_SKIP() << "needs root, to make a namespace";
  run("tow create quotes");
  const Child towd = start("exec towd --log-level debug", "towd");
  ASSERT_TRUE(eventually_says("towd", "watching"));
  Child hidden =
      start("exec unshare --pid --fork --kill-child tow sub --required quotes", "hidden");
  ASSERT_TRUE(eventually_subscribers("quotes", 1));
  EXPECT_TRUE(eventually_says("towd", "seen by its lock byte only"));
  hidden.kill();
  EXPECT_TRUE(eventually_says("towd", "1 subscriptions"));
}

TEST_F(Towd, LeavesAStoppedProcessAlone) {
  run("tow create quotes");
  const Child towd = start("exec towd", "towd");
  ASSERT_TRUE(eventually_says("towd", "watching"));
  Child stopped = subscriber("quotes", "stopped");
  stopped.stop();
  Child victim = subscriber("quotes", "victim");
  victim.kill();
  ASSERT_TRUE(eventually_says("towd", "died"));
  const Json processes = json("tow ps --json")["processes"];
  ASSERT_EQ(processes.size(), 1U);
  EXPECT_EQ(processes[0]["state"], "stopped");
  EXPECT_EQ(processes[0]["holds"][0]["role"], "subscribes");
}

TEST_F(Towd, SpeaksToItsServiceManager) {
  const int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  at("notify").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(manager, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const timeval patience{kWatchdog.count(), 0};
  setsockopt(manager, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const auto next = [&] {
    std::array<char, 100> text{};
    const ssize_t bytes = recv(manager, text.data(), text.size(), 0);
    return std::string(text.data(), bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  };
  Child towd = start("export NOTIFY_SOCKET=$PWD/notify WATCHDOG_USEC=100000; exec towd", "towd");
  EXPECT_EQ(next(), "READY=1");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(next(), "WATCHDOG=1");
  kill(towd.pid(), SIGTERM);
  std::string last = next();
  while (last == "WATCHDOG=1") last = next();
  EXPECT_EQ(last, "STOPPING=1");
  EXPECT_EQ(towd.wait(), 0);
  close(manager);
}

TEST_F(Towd, NamesWhatIsWrongInItsFile) {
  const auto refused = [&](const std::string& text) {
    write("towd.toml", text);
    const Outcome outcome = run("towd --config towd.toml");
    EXPECT_EQ(outcome.code, 1) << text;
    return outcome.err;
  };
  EXPECT_EQ(refused("bus = 1\n"),
            "towd: towd.toml:1: there is no setting bus; buses, directories, look_every_ms, "
            "log_level\n");
  EXPECT_EQ(refused("\nbuses = [1]\n"),
            "towd: towd.toml:2: buses must be a list of names, such as [\"market\"]\n");
  EXPECT_EQ(refused("look_every_ms = 0\n"),
            "towd: towd.toml:1: look_every_ms must be a number from 1 to 1000\n");
  EXPECT_EQ(refused("log_level = \"loud\"\n"),
            "towd: log level loud is none of debug, info, warning, error\n");
  EXPECT_EQ(refused("buses = [\n").substr(0, 15), "towd: towd.toml");
  EXPECT_EQ(run("towd --config nowhere.toml").code, 1);
}

TEST_F(Towd, ReadsItsFile) {
  run("tow --bus a create t; tow --bus b create t");
  write("towd.toml", "buses = [\"a\"]\nlook_every_ms = 5\nlog_level = \"debug\"\n");
  const Child towd = start("exec towd --config towd.toml", "towd");
  ASSERT_TRUE(eventually_says("towd", "/a: watching"));
  // One that comes and goes between two looks is not seen: again, until one is.
  EXPECT_TRUE(test::eventually([&] {
    run("tow --bus b ls; tow --bus a create u");
    return read("towd.err").find("/a: pid") != std::string::npos;
  }));
  EXPECT_EQ(read("towd.err").find("/b: "), std::string::npos);
}

TEST_F(Towd, UsesNoTimeWhileNobodyDies) {
  run("tow create quotes");
  const Child towd = start("exec towd", "towd");
  ASSERT_TRUE(eventually_says("towd", "watching"));
  const Child one = subscriber("quotes", "one");
  const Child two = subscriber("quotes", "two");
  const auto ticks = [&] {  // user and system, in hundredths of a second
    std::ifstream file("/proc/" + std::to_string(towd.pid()) + "/stat");
    const std::string all{std::istreambuf_iterator<char>(file), {}};
    std::istringstream fields(all.substr(all.rfind(')') + 2));
    std::string skipped;
    for (int i = 3; i < 14; ++i) fields >> skipped;
    long user = 0, system = 0;
    fields >> user >> system;
    return user + system;
  };
  const long before = ticks();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  EXPECT_LE(ticks() - before, 2);
}

}  // namespace
}  // namespace tow::test
