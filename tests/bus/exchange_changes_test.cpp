// Tables of exchanges that change while others use them, in processes of their own, or that
// somebody damaged.

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "bus/src/binding_table.hpp"
#include "tests/bus/exchanges.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/process.hpp"
#include "towpath/exchange.hpp"
#include "towpath/shm/document.hpp"

namespace tow {
namespace {

using test::Child;
using test::Exchanges;
using test::expect_error;
using test::Names;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(Exchanges, WhoBindAtOnceLoseNothing) {
  constexpr int kBinders = 4, kEach = 60;
  queues({"q"});
  const Exchange x = bus_.exchange("x").value();
  std::vector<Child> binders;
  for (int binder = 0; binder < kBinders; ++binder) {
    binders.emplace_back([&, binder] {
      const Exchange mine = place_.open().exchange("x").value();
      for (int i = 0; i < kEach; ++i) {
        const std::string key = std::to_string(binder) + '.' + std::to_string(i);
        ASSERT_TRUE(mine.bind("q", key).value());
        if (i % 3 == 0) {
          ASSERT_TRUE(mine.unbind("q", key).value());
        }
      }
    });
  }
  for (Child& binder : binders) EXPECT_EQ(binder.wait(), 0);
  EXPECT_THAT(x.bindings().value(), SizeIs(kBinders * kEach * 2 / 3));
}

TEST_F(Exchanges, AHundredKilledBindersLoseNothingAndHoldNobodyUp) {
  queues({"q"});
  const Exchange x = bus_.exchange("x").value();
  std::vector<std::string> expected;
  for (int life = 0; life < 100; ++life) {
    const test::Shared<std::atomic<int>> bound;
    Child binder([&] {
      const Exchange mine = place_.open().exchange("x").value();
      for (int i = 0; i < 1000; ++i) {
        mine.bind("q", std::to_string(life) + '.' + std::to_string(i % 4)).value();
        bound->fetch_add(1);
        mine.unbind("q", std::to_string(life) + '.' + std::to_string(i % 4)).value();
      }
      test::sleep_until_killed();
    });
    ASSERT_TRUE(test::eventually([&] { return bound->load() > life % 7; }));
    binder.kill();
    // Whatever it was about: at most its last binding is there, and the next change goes through.
    const std::string key = "kept" + std::to_string(life % 10);
    (void)x.unbind("q", key).value();
    ASSERT_TRUE(x.bind("q", key).value());
    const auto bindings = x.bindings().value();
    for (const Binding& binding : bindings) {
      if (!binding.key.starts_with("kept")) {
        ASSERT_TRUE(binding.key.starts_with(std::to_string(life) + '.')) << binding.key;
        x.unbind("q", binding.key).value();
      }
    }
  }
  EXPECT_THAT(x.bindings().value(), SizeIs(10));
}

TEST_F(Exchanges, APublisherObeysEveryChangeThatReturnedBeforeItPublishes) {
  queues({"a", "b"});
  const Exchange x = bus_.exchange("x", {.kind = ExchangeKind::topic}).value();
  const Exchange y = bus_.exchange("y", {.kind = ExchangeKind::fanout}).value();
  x.bind_exchange("y", "#").value();
  auto publisher = x.publisher().value();
  const test::Shared<std::atomic<int>> turn;
  Child binder([&] {
    const Bus bus = place_.open();
    const Exchange mine = bus.exchange("x").value(), behind = bus.exchange("y").value();
    for (int round = 0; round < 100; ++round) {
      ASSERT_TRUE(test::eventually([&] { return turn->load() == 2 * round; }));
      round % 2 == 0 ? mine.bind("a", "k.#").value() : mine.unbind("a", "k.#").value();
      round % 4 < 2 ? behind.bind("b").value() : behind.unbind("b").value();
      turn->store(2 * round + 1);
    }
  });
  for (int round = 0; round < 100; ++round) {
    ASSERT_TRUE(test::eventually([&] { return turn->load() == 2 * round + 1; }));
    Names expected;
    if (round % 2 == 0) expected.insert("a");
    if (round % 4 < 2) expected.insert("b");
    ASSERT_EQ(route(publisher, "k.1"), expected) << "round " << round;
    turn->store(2 * round + 2);
  }
  EXPECT_EQ(binder.wait(), 0);
}

TEST_F(Exchanges, APublisherGoesOnWhileOthersBindAndUnbind) {
  queue("steady", {.depth = 4096});
  queue("coming", {.depth = 4096});
  const Exchange x = bus_.exchange("x", {.kind = ExchangeKind::fanout}).value();
  x.bind("steady").value();
  const test::Shared<std::atomic<bool>> done;
  Child binder([&] {
    const Exchange mine = place_.open().exchange("x").value();
    while (!done->load()) {
      mine.bind("coming").value();
      mine.unbind("coming").value();
    }
  });
  auto publisher = x.publisher().value();
  for (int i = 0; i < 3000; ++i) ASSERT_GE(publisher.publish("", std::to_string(i)).value(), 1U);
  done->store(true);
  EXPECT_EQ(binder.wait(), 0);
  for (int i = 0; i < 3000; ++i) {
    ASSERT_EQ(queues_.at("steady").try_take().text(), std::to_string(i));
  }
}

TEST_F(Exchanges, WhatADeadRemoverLeftIsRepairedByWhoeverOpensTheBus) {
  queues({"q"});
  bus_.exchange("x", {.kind = ExchangeKind::fanout}).value().bind("q").value();
  bus_.exchange("y", {.kind = ExchangeKind::fanout}).value().bind_exchange("x").value();
  const test::Shared<std::atomic<bool>> ended;
  Child remover([&] {
    const Bus bus = place_.open();
    const auto directory = shm::Directory::open(place_.name() + "/exchanges").value();
    const auto lock = shm::FileLock::take(directory, ".lock", std::chrono::hours(1)).value();
    auto document =
        shm::Document::open(directory, "x", shm::SegmentKind::exchange, shm::Access::read_write)
            .value();
    document.end(lock);
    ended->store(true);
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return ended->load(); }));
  EXPECT_THAT(bus_.exchanges(), testing::ElementsAre("y"));
  expect_error(bus_.exchange("x", {.create = false}), Code::not_found, "no exchange x",
               "tow exchange ls");
  expect_error(bus_.exchange("y").value().bind("q", "k"), Code::timed_out, "exchanges/.lock",
               "try again");
  remover.kill();
  bus_.heal();
  EXPECT_FALSE(std::filesystem::exists(place_.name() + "/exchanges/x"));
  EXPECT_THAT(bus_.exchange("y").value().bindings().value(), IsEmpty());
  EXPECT_TRUE(bus_.exchange("x").value().bind("q").value());
}

// --- hostile files ---

TEST_F(Exchanges, ADamagedFileIsAnErrorForItsUsersAndCanBeRemoved) {
  queues({"q"});
  const Exchange x = bus_.exchange("x", {.kind = ExchangeKind::fanout}).value();
  x.bind("q").value();
  auto publisher = x.publisher().value();
  const std::string path = place_.name() + "/exchanges/x";
  test::overwrite(path, offsetof(shm::DocumentLayout, current), std::uint64_t{77});
  expect_error(publisher.publish("", "m"), Code::corrupt, path, "create it anew");
  expect_error(x.bind("q", "k"), Code::corrupt, path, "create it anew");
  expect_error(x.bindings(), Code::corrupt, path, "create it anew");
  expect_error(bus_.exchange("x"), Code::corrupt, path, "create it anew");
  EXPECT_TRUE(bus_.remove_exchange("x"));
  bus_.exchange("x", {.kind = ExchangeKind::fanout}).value().bind("q").value();
  EXPECT_EQ(bus_.exchange("x").value().publisher().value().publish("", "m").value(), 1U);
}

TEST_F(Exchanges, ATruncatedFileHurtsItsUsersAlone) {
  queues({"q"});
  const Exchange x = bus_.exchange("x", {.kind = ExchangeKind::fanout}).value();
  const Exchange y = bus_.exchange("y", {.kind = ExchangeKind::fanout}).value();
  x.bind("q").value();
  y.bind("q").value();
  auto to_x = x.publisher().value(), to_y = y.publisher().value();
  ASSERT_EQ(truncate((place_.name() + "/exchanges/x").c_str(), 0), 0);
  expect_error(to_x.publish("", "m"), Code::corrupt, "exchanges/x", "");
  EXPECT_EQ(to_y.publish("", "m").value(), 1U);
  EXPECT_TRUE(bus_.remove_exchange("x"));
}

TEST_F(Exchanges, WhatIsNoTableIsRefusedNamingTheFile) {
  queues({"q"});
  bus_.exchange("x").value();
  const auto directory = shm::Directory::open(place_.name() + "/exchanges").value();
  BindingTable table{ExchangeKind::topic, "", {{{Binding::To::queue, "q", "k", {{"a", 1}}}, 1}}};
  const std::vector<std::byte> sound = encode(table);
  EXPECT_TRUE(decode(sound, "f"));
  // Cut short or lengthened anywhere, and each byte of the fixed part changed.
  for (std::size_t bytes = 0; bytes < sound.size(); ++bytes) {
    expect_error(decode(std::span(sound).first(bytes), "f"), Code::corrupt, "f holds", "anew");
  }
  std::vector<std::byte> odd = sound;
  odd.push_back(std::byte{0});
  expect_error(decode(odd, "f"), Code::corrupt, "f holds", "create it anew");
  for (const std::size_t at : {0, 1, 2, 3, 7}) {
    odd = sound;
    odd[at] = std::byte{200};
    expect_error(decode(odd, "f"), Code::corrupt, "f holds", "create it anew");
    shm::Document::create(directory, "bad" + std::to_string(at), {shm::SegmentKind::exchange, 4096},
                          odd)
        .value();
    expect_error(bus_.exchange("bad" + std::to_string(at)), Code::corrupt,
                 "exchanges/bad" + std::to_string(at), "create it anew");
  }
}

TEST_F(Exchanges, ADirectoryOrLinkInPlaceOfAnExchangeIsNotFollowed) {
  bus_.exchange("x").value();
  const std::string folder = place_.name() + "/exchanges/";
  ASSERT_EQ(mkdir((folder + "dir").c_str(), 0700), 0);
  ASSERT_EQ(symlink((folder + "x").c_str(), (folder + "link").c_str()), 0);
  ASSERT_EQ(mkfifo((folder + "pipe").c_str(), 0600), 0);
  for (const char* const name : {"dir", "link", "pipe"}) EXPECT_FALSE(bus_.exchange(name)) << name;
  EXPECT_THAT(bus_.exchanges(), testing::ElementsAre("x"));
}

// --- rights and space ---

TEST(ExchangeRights, WhoMayOnlyReadPublishesNothingAndCannotHoldUpThoseWhoBind) {
  if (!test::is_root()) GTEST_SKIP() << "needs root, to be somebody else";
  const test::TempBus place(0755);
  const Bus bus = place.open({.file_mode = 0644});
  (void)bus.topic("q").value();
  const Exchange x = bus.exchange("x").value();
  x.bind("q", "k").value();
  Child other(
      [&] {
        const Bus mine = Bus::open(place.name(), {.create = false, .observe = true}).value();
        const Exchange theirs = mine.exchange("x").value();
        EXPECT_THAT(theirs.bindings().value(), SizeIs(1));
        expect_error(theirs.bind("q", "l"), Code::no_permission, "look only", "observe");
        auto publisher = theirs.publisher().value();
        EXPECT_FALSE(publisher.publish("k", "m"));
        // No lock for reading on what those who bind lock.
        std::ifstream lock(place.name() + "/exchanges/.lock");
        EXPECT_FALSE(lock.good());
      },
      test::kNobody);
  EXPECT_EQ(other.wait(), 0);
  EXPECT_TRUE(x.bind("q", "l").value());
}

}  // namespace
}  // namespace tow
