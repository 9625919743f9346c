#include "towpath/shm/document.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/support/expect_error.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_bus.hpp"

namespace tow::shm {
namespace {

using test::Child;
using test::expect_error;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr SegmentKind kKind = SegmentKind::exchange;

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::string text_of(const Document::Version& version) {
  return {reinterpret_cast<const char*>(version.bytes.data()), version.bytes.size()};
}

class Documents : public testing::Test {
 protected:
  Documents() {
    Document::create(directory_, "d", {kKind, 4096}, as_bytes("first")).value();
    Segment::create(directory_, "lock", {SegmentKind::lock, 64}, [](std::byte*) {}).value();
  }
  Document open(Access access = Access::read_only) const {
    return Document::open(directory_, "d", kKind, access).value();
  }
  FileLock lock(std::chrono::nanoseconds patience = 60s) const {
    return FileLock::take(directory_, "lock", patience).value();
  }
  void replace(const std::string& text) const {
    open(Access::read_write).replace(lock(), as_bytes(text)).value();
  }

  test::TempDir place_;
  Directory directory_ = place_.open();
};

TEST_F(Documents, AreReadAsTheyWereWritten) {
  const Document document = open();
  EXPECT_EQ(text_of(document.read().value()), "first");
  EXPECT_EQ(document.current(), 1U);
  replace("second, which is longer");
  EXPECT_EQ(document.current(), 2U);
  EXPECT_EQ(text_of(document.read().value()), "second, which is longer");
  replace("");
  EXPECT_EQ(document.read().value().number, 3U);
  EXPECT_EQ(text_of(document.read().value()), "");
}

TEST_F(Documents, HoldWhatWasAskedForAndRefuseMore) {
  Document document = open(Access::read_write);
  EXPECT_GE(document.capacity(), 4096U);
  const std::string most(document.capacity(), 'x');
  document.replace(lock(), as_bytes(most)).value();
  EXPECT_EQ(text_of(open().read().value()), most);
  expect_error(document.replace(lock(), as_bytes(most + 'x')), Code::too_large,
               place_.path() + "/d", "room for");
  EXPECT_EQ(text_of(open().read().value()), most);
  expect_error(Document::create(directory_, "e", {kKind, 10}, as_bytes(std::string(9000, 'x'))),
               Code::too_large, place_.path() + "/e", "ask for more room");
}

TEST_F(Documents, ThatEndedSayRemoved) {
  const Document document = open();
  Document writer = open(Access::read_write);
  writer.end(lock());
  EXPECT_NE(document.current(), 1U);
  expect_error(document.read(), Code::removed, place_.path() + "/d", "removed");
  expect_error(writer.replace(lock(), as_bytes("more")), Code::removed, "/d", "removed");
}

TEST_F(Documents, CannotBeMadeTwice) {
  expect_error(Document::create(directory_, "d", {kKind, 4096}, as_bytes("other")),
               Code::already_exists, place_.path() + "/d", "exists");
  EXPECT_EQ(text_of(open().read().value()), "first");
}

TEST_F(Documents, AreNeverReadTornWhileTheyAreReplaced) {
  std::atomic<bool> done{false};
  std::thread writer([&] {
    Document document = open(Access::read_write);
    const FileLock held = lock();
    for (int round = 0; round < 20000; ++round) {
      const std::string text(static_cast<std::size_t>(round % 4000),
                             static_cast<char>('a' + round % 26));
      document.replace(held, as_bytes(text)).value();
    }
    done.store(true);
  });
  const Document document = open();
  std::uint64_t last = 0, reads = 0;
  while (!done.load()) {
    const auto version = document.read();
    if (!version) {  // it may be too fast for us, but never torn
      EXPECT_EQ(version.error(), Code::timed_out);
      continue;
    }
    ++reads;
    EXPECT_GE(version->number, last);
    last = version->number;
    const std::string text = text_of(*version);
    if (last == 1) continue;
    const int round = static_cast<int>(last) - 2;
    ASSERT_EQ(text.size(), static_cast<std::size_t>(round % 4000));
    ASSERT_EQ(text, std::string(text.size(), static_cast<char>('a' + round % 26)));
  }
  writer.join();
  EXPECT_GT(reads, 0U);
}

// --- torn and hostile ---

TEST_F(Documents, AVersionThatIsHalfWrittenIsSeenByNobodyAndOverwritten) {
  replace("second");
  // As a writer dies before its last store: the other area holds half of version 3.
  const std::uint64_t area = sizeof(DocumentLayout) + sizeof(VersionLayout) + open().capacity();
  test::overwrite(place_.path() + "/d", area, std::uint64_t{3});
  test::overwrite(place_.path() + "/d", area + sizeof(VersionLayout), std::uint64_t{0x5A5A});
  EXPECT_EQ(text_of(open().read().value()), "second");
  replace("third");
  EXPECT_EQ(text_of(open().read().value()), "third");
}

TEST_F(Documents, DamageIsAnErrorThatNamesTheFileAndTheRemedy) {
  const std::string path = place_.path() + "/d";
  const std::uint64_t area = sizeof(DocumentLayout) + sizeof(VersionLayout) + open().capacity();
  struct Damage {
    std::uint64_t offset, value;
  };
  for (const Damage damage :
       {Damage{offsetof(DocumentLayout, current), 0}, Damage{offsetof(DocumentLayout, current), 2},
        Damage{offsetof(DocumentLayout, current), UINT64_MAX >> 1},
        Damage{area + offsetof(VersionLayout, number), 3},
        Damage{area + offsetof(VersionLayout, bytes), 4},
        Damage{area + offsetof(VersionLayout, bytes), UINT64_MAX},
        Damage{area + offsetof(VersionLayout, checksum), 1},
        Damage{area + sizeof(VersionLayout), 1}, Damage{offsetof(DocumentLayout, capacity), 7},
        Damage{offsetof(DocumentLayout, capacity), 1 << 20},
        Damage{offsetof(DocumentLayout, capacity), UINT64_MAX - 7}}) {
    const Document before = open();
    const bool of_capacity = damage.offset == offsetof(DocumentLayout, capacity);
    std::uint64_t sound = 0;
    const auto segment = Segment::open(directory_, "d", kKind, Access::read_only).value();
    std::memcpy(&sound, segment.data() + damage.offset, sizeof sound);
    test::overwrite(path, damage.offset, damage.value);
    const auto opened = Document::open(directory_, "d", kKind, Access::read_only);
    if (of_capacity) {
      expect_error(opened, Code::corrupt, path, "create it anew");
    } else {
      expect_error(opened.value().read(), Code::corrupt, path, "create it anew");
      expect_error(before.read(), Code::corrupt, path, "create it anew");
    }
    test::overwrite(path, damage.offset, sound);
    EXPECT_EQ(text_of(before.read().value()), "first");
  }
}

TEST_F(Documents, TruncationUnderTheReaderIsAnError) {
  const Document document = open();
  ASSERT_EQ(truncate((place_.path() + "/d").c_str(), 0), 0);
  expect_error(document.read(), Code::corrupt, place_.path() + "/d", "truncated");
  EXPECT_NE(document.current(), 1U) << "who compares comes to look";
}

TEST_F(Documents, AFileThatIsNoDocumentIsRefused) {
  Segment::create(directory_, "short", {kKind, 64}, [](std::byte*) {}).value();
  expect_error(Document::open(directory_, "short", kKind, Access::read_only), Code::corrupt,
               "/short", "create it anew");
  expect_error(Document::open(directory_, "lock", kKind, Access::read_only), Code::corrupt, "/lock",
               "move it out");
}

// --- the lock ---

/// Holds the lock again and again for twice `patience` all in all, with hardly a gap in which
/// another could have it. False when it was itself kept from that for half of `patience` at a time.
bool hold_in_turns(const Directory& directory, std::chrono::nanoseconds patience) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + 2 * patience;
  for (auto from = Clock::now(); from < until;) {
    {
      const auto held = FileLock::take(directory, "lock", 60s).value();
      std::this_thread::sleep_for(20ms);
    }
    const auto now = Clock::now();
    if (now - from > patience / 2) return false;
    from = now;
  }
  return true;
}

TEST_F(Documents, TheLockIsWaitedForAsLongAsItChangesHands) {
  constexpr std::chrono::nanoseconds kPatience = 400ms;
  // On a machine that stops us for so long that the lock seems stuck: once more.
  for (bool fair = false; !fair;) {
    std::atomic<bool> over{false};
    std::thread others([&] {
      fair = hold_in_turns(directory_, kPatience);
      over.store(true);
    });
    bool timed_out = false;
    while (!over.load()) timed_out = !FileLock::take(directory_, "lock", kPatience) || timed_out;
    others.join();
    if (fair) {
      EXPECT_FALSE(timed_out);
    }
  }
}

TEST_F(Documents, TheLockKeepsOthersOutUntilItEndsOrItsHolderDies) {
  const test::Shared<std::atomic<bool>> held;
  Child holder([&] {
    const FileLock lock = this->lock();
    held->store(true);
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return held->load(); }));
  expect_error(FileLock::take(directory_, "lock", 5ms), Code::timed_out, place_.path() + "/lock",
               "try again");
  holder.kill();
  { const FileLock mine = lock(0ns); }
  EXPECT_TRUE(FileLock::take(directory_, "lock", 0ns));
}

TEST_F(Documents, AForkedChildHasNoPartInTheLock) {
  const test::Shared<std::atomic<bool>> forked;
  std::optional<Child> child;
  {
    const FileLock mine = lock();
    child.emplace([&] {
      forked->store(true);
      test::sleep_until_killed();
    });
    ASSERT_TRUE(test::eventually([&] { return forked->load(); }));
  }
  EXPECT_TRUE(FileLock::take(directory_, "lock", 0ns)) << "the child holds it";
}

TEST_F(Documents, WhoMayNotWriteTheLockCannotHoldItUp) {
  if (!test::is_root()) GTEST_SKIP() << "needs root, to be somebody else";
  chmod(place_.path().c_str(), 0755);
  chmod((place_.path() + "/lock").c_str(), 0600);
  Child other(
      [&] {
        expect_error(FileLock::take(directory_, "lock", 0ns), Code::no_permission,
                     place_.path() + "/lock", "ask its owner");
        EXPECT_LT(::open((place_.path() + "/lock").c_str(), O_RDONLY), 0);
      },
      test::kNobody);
  EXPECT_EQ(other.wait(), 0);
  expect_error(FileLock::take(directory_, "none", 0ns), Code::not_found, place_.path() + "/none",
               "lock");
}

}  // namespace
}  // namespace tow::shm
