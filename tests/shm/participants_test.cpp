#include "towpath/shm/participants.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/process.hpp"
#include "tests/support/temp_bus.hpp"

namespace tow::shm {
namespace {

using test::Child;
using test::Shared;
using test::TempDir;
using testing::HasSubstr;

using SharedWord = Shared<std::atomic<std::uint64_t>>;

std::uint64_t entry_offset(Token token) {
  return offsetof(ParticipantsLayout, entries) + sizeof(ParticipantLayout) * token.index();
}

/// A process that joins and stays until it is killed.
Child member(const TempDir& place, const SharedWord& token) {
  Child child([&] {
    Participants participants(place.open(), 0600);
    *token = participants.join().value().bits();
    test::sleep_until_killed();
  });
  EXPECT_TRUE(test::eventually([&] { return *token != 0; }));
  return child;
}

TEST(Token, KeepsItsThreeParts) {
  for (const std::uint32_t uid : {0U, 1000U, 0xFFFF'FFFFU}) {
    for (const std::uint32_t index : {0U, 1U, kMaxParticipants - 1}) {
      for (const std::uint32_t generation : {1U, 0x1FFFFFU}) {
        const Token token(uid, index, generation);
        EXPECT_EQ(token.uid(), uid);
        EXPECT_EQ(token.index(), index);
        EXPECT_EQ(token.generation(), generation);
        EXPECT_TRUE(token);
      }
    }
  }
  EXPECT_FALSE(Token());
}

TEST(Participants, JoinedProcessIsAliveUntilItLeaves) {
  const TempDir place;
  Participants observer(place.open(), 0600), member(place.open(), 0600);
  const Token token = member.join().value();
  EXPECT_EQ(member.join().value(), token) << "joining twice is joining once";
  EXPECT_EQ(observer.liveness(token), Liveness::alive);
  EXPECT_TRUE(member.still_member());
  member.leave();
  EXPECT_EQ(observer.liveness(token), Liveness::dead);
  EXPECT_FALSE(member.still_member());
  EXPECT_EQ(observer.liveness(Token()), Liveness::dead) << "nobody is not alive";
}

TEST(Participants, LeavingRaisesTheGenerationOfTheEntry) {
  const TempDir place;
  Participants member(place.open(), 0600);
  const Token first = member.join().value();
  member.leave();
  Token again;
  for (std::uint32_t i = 0; i < kMaxParticipants; ++i) {  // entries are handed out in rotation
    again = member.join().value();
    EXPECT_NE(again, first);
    member.leave();
  }
  EXPECT_EQ(again.index(), first.index());
  EXPECT_EQ(again.generation(), first.generation() + 1);
}

TEST(Participants, GenerationsSkipZeroWhenTheyGoRound) {
  const TempDir place;
  Participants member(place.open(), 0600);
  const Token first = member.join().value();
  member.leave();
  const std::string file = place.path() + "/" + std::to_string(geteuid());
  for (std::uint32_t index = 0; index < kMaxParticipants; ++index) {
    test::overwrite(file, entry_offset(Token(0, index, 0)), std::uint64_t{0x1FFFFF} << 2);
  }
  const Token last = member.join().value();
  EXPECT_EQ(last.generation(), 0x1FFFFFU);
  member.leave();
  for (std::uint32_t i = 0; i + 1 < kMaxParticipants; ++i) {
    (void)member.join().value();
    member.leave();
  }
  EXPECT_EQ(member.join().value().generation(), 1U);
  (void)first;
}

TEST(Participants, KilledProcessIsDeadAndRepairFreesItsEntryOnce) {
  const TempDir place;
  const SharedWord word;
  Child child = member(place, word);
  Participants survivor(place.open(), 0600);
  const Token token(*word);
  EXPECT_EQ(survivor.liveness(token), Liveness::alive);
  EXPECT_FALSE(survivor.begin_repair(token)) << "the living are not repaired";
  const auto info = survivor.info(token);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->pid, static_cast<std::uint32_t>(child.pid()));
  EXPECT_THAT(info->command, HasSubstr("tests_shm"));
  child.kill();
  EXPECT_EQ(survivor.liveness(token), Liveness::dead);
  EXPECT_TRUE(survivor.begin_repair(token));
  EXPECT_TRUE(survivor.begin_repair(token)) << "a repairer that died here is succeeded";
  survivor.end_repair(token);
  survivor.end_repair(token);
  EXPECT_FALSE(survivor.begin_repair(token)) << "it is done";
  EXPECT_FALSE(survivor.info(token));
  EXPECT_EQ(survivor.liveness(token), Liveness::dead);
}

TEST(Participants, WhoseDescriptorsBecameOtherFilesTakeNobodyForDead) {
  const TempDir place;
  const SharedWord word;
  const Child child = member(place, word);
  Child confused([&] {
    Participants participants(place.open(), 0600);
    EXPECT_EQ(participants.liveness(Token(*word)), Liveness::alive);
    const int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int fd = 3; fd < 100; ++fd) {
      if (fcntl(fd, F_GETFD) >= 0 && fd != other) dup2(other, fd);
    }
    EXPECT_EQ(participants.liveness(Token(*word)), Liveness::alive);
    EXPECT_FALSE(participants.begin_repair(Token(*word)));
  });
  EXPECT_EQ(confused.wait(), 0);
}

TEST(Participants, EntryOfTheDeadIsNotReusedBeforeItsRepair) {
  const TempDir place;
  const SharedWord word;
  Child child = member(place, word);
  child.kill();
  const Token dead(*word);
  Participants other(place.open(), 0600);
  for (std::uint32_t i = 0; i < kMaxParticipants; ++i) {
    EXPECT_NE(other.join().value().index(), dead.index());
    other.leave();
  }
  int seen = 0;
  other.for_each([&](const ParticipantInfo& info) { seen += info.token == dead; });
  EXPECT_EQ(seen, 1);
}

TEST(Participants, OneSupervisesUntilItEndsOrDies) {
  const TempDir place;
  Participants first(place.open(), 0600), second(place.open(), 0600);
  EXPECT_FALSE(first.supervise().value()) << "nobody has ever joined";
  second.join().value();
  EXPECT_FALSE(second.supervised());
  EXPECT_TRUE(first.supervise().value());
  EXPECT_TRUE(first.supervise().value()) << "it still does";
  EXPECT_TRUE(second.supervised());
  EXPECT_FALSE(second.supervise().value());
  first.stop_supervising();
  EXPECT_FALSE(second.supervised());
  const Shared<std::atomic<bool>> supervises;
  Child third([&] {
    Participants supervisor(place.open(), 0600);
    *supervises = supervisor.supervise().value();
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return supervises->load(); }));
  EXPECT_TRUE(second.supervised());
  third.kill();
  EXPECT_FALSE(second.supervised());
  EXPECT_TRUE(second.supervise().value());
}

TEST(Participants, EachUserNeedsASupervisor) {
  const TempDir place;
  Participants participants(place.open(), 0600);
  participants.join().value();
  EXPECT_TRUE(participants.supervise().value());
  EXPECT_TRUE(participants.supervised());
  const std::string own = place.path() + '/' + std::to_string(geteuid());
  const std::string other = place.path() + "/4711";
  std::filesystem::copy_file(own, other);
  if (chown(other.c_str(), 4711, 4711) != 0) GTEST_SKIP() << "needs root, to be two users";
  EXPECT_FALSE(participants.supervised());
  EXPECT_TRUE(participants.supervise().value());
  EXPECT_TRUE(participants.supervised());
}

TEST(Participants, ReadLocksOfOthersAreNoSupervisor) {
  const TempDir place;
  Participants participants(place.open(), 0600);
  participants.join().value();
  const std::string own = place.path() + '/' + std::to_string(geteuid());
  const int fd = open(own.c_str(), O_RDONLY | O_CLOEXEC);
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_start = kSupervisorByte;
  lock.l_len = 1;
  ASSERT_EQ(fcntl(fd, F_OFD_SETLK, &lock), 0);
  EXPECT_FALSE(participants.supervised());
  EXPECT_TRUE(participants.supervise().value()) << "they keep nobody from repairing";
  EXPECT_FALSE(participants.supervised());
  close(fd);
}

TEST(Participants, StoppedProcessIsAlive) {
  const TempDir place;
  const SharedWord word;
  Child child = member(place, word);
  child.stop();
  Participants survivor(place.open(), 0600);
  EXPECT_EQ(survivor.liveness(Token(*word)), Liveness::alive);
  EXPECT_FALSE(survivor.begin_repair(Token(*word)));
}

TEST(Participants, ReadLocksOfOthersDoNotFeignLife) {
  const TempDir place;
  const SharedWord word;
  Child child = member(place, word);
  child.kill();
  const Token dead(*word);
  const std::string file = place.path() + "/" + std::to_string(geteuid());
  const int reader = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_start = dead.index();
  lock.l_len = 1;
  ASSERT_EQ(fcntl(reader, F_OFD_SETLK, &lock), 0);
  Participants survivor(place.open(), 0600);
  EXPECT_EQ(survivor.liveness(dead), Liveness::dead);
  close(reader);
}

TEST(Participants, FreeEntryWhoseByteSomebodyLocksIsPassedOver) {
  const TempDir place;
  Participants first(place.open(), 0600);
  const Token token = first.join().value();
  const std::string file = place.path() + "/" + std::to_string(geteuid());
  const int other = open(file.c_str(), O_RDWR | O_CLOEXEC);
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_start = token.index() + 1;
  lock.l_len = 1;
  ASSERT_EQ(fcntl(other, F_OFD_SETLK, &lock), 0);
  Participants second(place.open(), 0600);
  EXPECT_EQ(second.join().value().index(), token.index() + 2);
  close(other);
}

TEST(Participants, ForkDoesNotKeepTheParentAlive) {
  const TempDir place;
  const SharedWord word, orphan;
  Child child([&] {
    Participants participants(place.open(), 0600);
    const Token token = participants.join().value();
    const pid_t forked = fork();
    if (forked == 0) {
      *orphan = static_cast<std::uint64_t>(getpid());
      test::sleep_until_killed();
    }
    *word = token.bits();
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return *word != 0 && *orphan != 0; }));
  Participants survivor(place.open(), 0600);
  EXPECT_EQ(survivor.liveness(Token(*word)), Liveness::alive) << "a fork must not free the byte";
  child.kill();
  EXPECT_EQ(survivor.liveness(Token(*word)), Liveness::dead) << "its child still runs";
  kill(static_cast<pid_t>(orphan->load()), SIGKILL);
}

TEST(Participants, ForkedChildIsNoMemberAndItsEndFreesNothing) {
  const TempDir place;
  auto* const parents = new Participants(place.open(), 0600);
  const Token token = parents->join().value();
  Child child([&] {
    EXPECT_FALSE(parents->still_member());
    delete parents;  // as an exit handler might
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(parents->still_member());
  Participants other(place.open(), 0600);
  EXPECT_EQ(other.liveness(token), Liveness::alive);
  delete parents;
}

TEST(Participants, MemberWhoseEntryWasTakenNotices) {
  const TempDir place;
  Participants member(place.open(), 0600);
  const Token token = member.join().value();
  test::overwrite(place.path() + "/" + std::to_string(geteuid()), entry_offset(token),
                  std::uint64_t{token.generation() + 1} << 2);
  EXPECT_FALSE(member.still_member());
}

TEST(Participants, FullTableIsTooManyAndNamesTheRemedy) {
  const TempDir place;
  { (void)Participants(place.open(), 0600).join().value(); }
  const std::string file = place.path() + "/" + std::to_string(geteuid());
  constexpr std::uint64_t kLive = 9 << 2 | 1;
  for (std::uint32_t index = 0; index < kMaxParticipants; ++index) {
    test::overwrite(file, entry_offset(Token(0, index, 0)), kLive);
  }
  Participants late(place.open(), 0600);
  const auto joined = late.join();
  ASSERT_FALSE(joined);
  EXPECT_EQ(joined.error(), Code::too_many);
  EXPECT_THAT(joined.error().message(), HasSubstr(file));
  EXPECT_THAT(joined.error().message(), HasSubstr("tow heal"));
  ASSERT_TRUE(late.begin_repair(Token(geteuid(), 1234, 9)));
  late.end_repair(Token(geteuid(), 1234, 9));
  EXPECT_EQ(late.join().value(), Token(geteuid(), 1234, 10));
}

TEST(Participants, TokenOfAUserWhoseFileCannotBeReadIsUnknown) {
  if (!test::is_root()) GTEST_SKIP() << "needs root, to become somebody else";
  const TempDir place(0777);
  Participants root(place.open(), 0600);
  const Token token = root.join().value();
  Child child(
      [&] {
        Participants other(place.open(), 0600);
        EXPECT_EQ(other.liveness(token), Liveness::unknown);
        EXPECT_FALSE(other.begin_repair(token));
        EXPECT_TRUE(other.join()) << "each user has a file of its own";
      },
      test::kNobody);
  EXPECT_EQ(child.wait(), 0);
}

TEST(Participants, OtherUsersAreAskedThroughAReadableFile) {
  if (!test::is_root()) GTEST_SKIP() << "needs root, to become somebody else";
  const TempDir place(0777);
  Participants root(place.open(), 0644);
  const Token token = root.join().value();
  const Shared<std::atomic<int>> step;
  Child child(
      [&] {
        Participants other(place.open(), 0644);
        EXPECT_EQ(other.liveness(token), Liveness::alive);
        *step = 1;
        ASSERT_TRUE(test::eventually([&] { return *step == 2; }));
        EXPECT_EQ(other.liveness(token), Liveness::dead);
      },
      test::kNobody);
  EXPECT_TRUE(test::eventually([&] { return *step == 1; }));
  root.leave();
  *step = 2;
  EXPECT_EQ(child.wait(), 0);
}

TEST(Participants, ForeignUserFileIsRefused) {
  const TempDir place;
  { (void)Participants(place.open(), 0600).join().value(); }
  const std::string file = place.path() + "/" + std::to_string(geteuid());
  test::overwrite(file, offsetof(SegmentLayout, magic), std::uint64_t{1});
  Participants late(place.open(), 0600);
  const auto joined = late.join();
  ASSERT_FALSE(joined);
  EXPECT_EQ(joined.error(), Code::corrupt);
  EXPECT_THAT(joined.error().message(), HasSubstr(file));
}

}  // namespace
}  // namespace tow::shm
