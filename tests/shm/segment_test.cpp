#include "towpath/shm/segment.hpp"

#include <errno.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/support/process.hpp"
#include "tests/support/temp_bus.hpp"

namespace tow::shm {
namespace {

using test::Child;
using test::Shared;
using test::TempDir;
using test::tree_of;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr SegmentSpec kSpec{SegmentKind::board, 5000, 0640};

Result<Segment> make(const TempDir& place, const std::string& name = "file") {
  return Segment::create(place.open(), name, kSpec,
                         [](std::byte* data) { std::memset(data + 64, 'x', 4936); });
}

Result<Segment> open(const TempDir& place, Access access = Access::read_only) {
  return Segment::open(place.open(), "file", SegmentKind::board, access);
}

/// Asks the kernel, so that there is no signal to handle.
bool is_mapped(const std::byte* address) {
  unsigned char resident = 0;
  return mincore(const_cast<std::byte*>(address), kPage, &resident) == 0;
}

TEST(Segment, IsFormattedWholePagesAndHasItsRights) {
  const TempDir place;
  const mode_t before = umask(0077);
  const auto made = make(place);
  umask(before);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->size(), 2 * kPage);
  const auto opened = open(place);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(opened->size(), 2 * kPage);
  EXPECT_EQ(*opened->as<char>(64), 'x');
  EXPECT_EQ(*opened->as<char>(5000), '\0');
  EXPECT_EQ(opened->as<SegmentLayout>()->creator_pid, static_cast<std::uint32_t>(getpid()));
  struct stat status {};
  ASSERT_EQ(stat((place.path() + "/file").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640U) << "the umask must not decide";
  EXPECT_EQ(status.st_blocks * 512, 2 * static_cast<long>(kPage)) << "every page is reserved";
}

TEST(Segment, OfALaterOpenSharesItsMemory) {
  const TempDir place;
  const auto made = make(place).value();
  const auto other = open(place, Access::read_write).value();
  *other.as<char>(100) = 'y';
  EXPECT_EQ(*made.as<char>(100), 'y');
}

TEST(Segment, LoserOfARaceGetsAlreadyExistsAndOpensTheWinners) {
  for (int round = 0; round < 20; ++round) {
    const TempDir place;
    const Shared<std::atomic<int>> winners, ready;
    std::vector<Child> children;
    for (int i = 0; i < 4; ++i) {
      children.emplace_back([&] {
        ready->fetch_add(1);
        ASSERT_TRUE(test::eventually([&] { return *ready == 4; }));
        const auto made = make(place);
        if (made) {
          winners->fetch_add(1);
        } else {
          EXPECT_EQ(made.error(), Code::already_exists);
        }
        EXPECT_TRUE(open(place));
      });
    }
    for (Child& child : children) EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(*winners, 1);
    EXPECT_THAT(tree_of(place.path()), testing::ElementsAre("file"));
  }
}

TEST(Segment, DraftHasNoNameUntilItIsLinked) {
  const TempDir place;
  const Directory directory = place.open();
  auto draft = Segment::draft(directory, "file", kSpec, [](std::byte*) {});
  ASSERT_TRUE(draft);
  EXPECT_THAT(tree_of(place.path()), IsEmpty());
  EXPECT_TRUE(std::move(*draft).link());
  EXPECT_TRUE(open(place));
}

TEST(Segment, CreatorKilledBeforeTheLinkLeavesNothing) {
  const TempDir place;
  const Shared<std::atomic<bool>> drafted;
  Child child([&] {
    const Directory directory = place.open();
    const auto draft = Segment::draft(directory, "file", kSpec, [](std::byte*) {});
    *drafted = draft.has_value();
    test::sleep_until_killed();
  });
  ASSERT_TRUE(test::eventually([&] { return drafted->load(); }));
  child.kill();
  EXPECT_THAT(tree_of(place.path()), IsEmpty());
  EXPECT_TRUE(make(place));
}

TEST(Segment, MissingFileOrDirectoryIsNotFound) {
  const TempDir place;
  const auto opened = open(place);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error(), Code::not_found);
  EXPECT_THAT(opened.error().message(), HasSubstr(place.path() + "/file"));
  const auto directory = Directory::open(place.path() + "/none");
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error(), Code::not_found);
}

TEST(Segment, MappingIsWhollyResidentAfterTouch) {
  const TempDir place;
  (void)make(place).value();
  const auto segment = open(place).value();
  segment.touch(Access::read_only);
  unsigned char resident[2] = {};
  ASSERT_EQ(mincore(segment.data(), segment.size(), resident), 0);
  EXPECT_TRUE(resident[0] & resident[1] & 1);
}

TEST(Segment, IsNotMappedInAForkedChild) {
  const TempDir place;
  const auto segment = make(place).value();
  EXPECT_TRUE(is_mapped(segment.data()));
  Child child([&] { EXPECT_FALSE(is_mapped(segment.data())); });
  EXPECT_EQ(child.wait(), 0);
}

#ifndef __SANITIZE_THREAD__  // that build maps each file once: whole and for writing
TEST(Segment, OpenedForReadingCannotBeWritten) {
  const TempDir place;
  (void)make(place).value();
  const auto segment = open(place, Access::read_only).value();
  const int zeros = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(read(zeros, segment.data(), 1), -1) << "the kernel could write to it";
  EXPECT_EQ(errno, EFAULT);
  close(zeros);
}

TEST(Segment, BeginningCanBeMappedAlone) {
  const TempDir place;
  (void)make(place).value();
  const auto head =
      Segment::open(place.open(), "file", SegmentKind::board, Access::read_only, kPage);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->size(), kPage);
}
#endif

struct Damage {
  const char* name;
  std::size_t offset;
  std::uint64_t value;
  std::size_t bytes;
  Code code;
  const char* text;
};
void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }

class DamagedSegment : public testing::TestWithParam<Damage> {};

TEST_P(DamagedSegment, IsRefusedNamingTheFileAndTheRemedy) {
  const Damage& damage = GetParam();
  const TempDir place;
  (void)make(place).value();
  test::overwrite(place.path() + "/file", damage.offset, &damage.value, damage.bytes);
  for (const Access access : {Access::read_only, Access::read_write}) {
    const auto opened = open(place, access);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), damage.code) << opened.error().message();
    EXPECT_THAT(opened.error().message(), HasSubstr(place.path() + "/file"));
    EXPECT_THAT(opened.error().message(), HasSubstr(damage.text));
  }
}

INSTANTIATE_TEST_SUITE_P(
    EachField, DamagedSegment,
    testing::Values(
        Damage{"no_magic", offsetof(SegmentLayout, magic), 0, 8, Code::half_made, "half made"},
        Damage{"foreign_magic", offsetof(SegmentLayout, magic), 42, 8, Code::corrupt, "move it"},
        Damage{"version", offsetof(SegmentLayout, version), kLayoutVersion + 1, 4,
               Code::version_mismatch, "rebuild"},
        Damage{"kind", offsetof(SegmentLayout, kind), 6, 4, Code::corrupt, "move it"},
        Damage{"fingerprint", offsetof(SegmentLayout, fingerprint), 42, 8, Code::version_mismatch,
               "same build"},
        Damage{"file_bytes", offsetof(SegmentLayout, file_bytes), 4096, 8, Code::corrupt,
               "truncated"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Segment, VersionMismatchNamesBothVersions) {
  const TempDir place;
  (void)make(place).value();
  test::overwrite(place.path() + "/file", offsetof(SegmentLayout, version), std::uint32_t{7});
  const auto opened = open(place);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message(), HasSubstr("layout version 7"));
  EXPECT_THAT(opened.error().message(), HasSubstr("has " + std::to_string(kLayoutVersion)));
}

TEST(Segment, HalfMadeFileNamesItsCreator) {
  const TempDir place;
  (void)make(place).value();
  test::overwrite(place.path() + "/file", 0, std::uint64_t{0});
  const auto opened = open(place);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message(), HasSubstr("by pid " + std::to_string(getpid())));
}

TEST(Segment, FieldsForPeopleAndReservedOnesAreNoReasonToRefuse) {
  const TempDir place;
  (void)make(place).value();
  constexpr std::size_t kForPeople = offsetof(SegmentLayout, creator_pid);
  const std::string noise(sizeof(SegmentLayout) - kForPeople, '\xA5');
  test::overwrite(place.path() + "/file", kForPeople, noise.data(), noise.size());
  EXPECT_TRUE(open(place));
}

TEST(Segment, TruncatedFileIsRefusedAtEveryLength) {
  for (const std::size_t length : {0, 1, 63, 64, 4096, 8191}) {
    const TempDir place;
    (void)make(place).value();
    std::filesystem::resize_file(place.path() + "/file", length);
    const auto opened = open(place);
    ASSERT_FALSE(opened) << length;
    EXPECT_EQ(opened.error(), Code::corrupt) << opened.error().message();
    EXPECT_THAT(opened.error().message(), HasSubstr(std::to_string(length)));
  }
}

TEST(Segment, ForeignFilesDirectoriesAndLinksAreRefused) {
  const TempDir place;
  std::ofstream(place.path() + "/text") << std::string(10'000, 'a');
  std::filesystem::create_directory(place.path() + "/folder");
  (void)make(place).value();
  std::filesystem::create_symlink("file", place.path() + "/link");
  for (const char* const name : {"text", "folder"}) {
    const auto opened = Segment::open(place.open(), name, SegmentKind::board, Access::read_only);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), Code::corrupt) << opened.error().message();
  }
  EXPECT_FALSE(Segment::open(place.open(), "link", SegmentKind::board, Access::read_only))
      << "a link could lead out of the bus";
}

TEST(Segment, OfAnotherKindIsRefused) {
  const TempDir place;
  (void)make(place).value();
  const auto opened = Segment::open(place.open(), "file", SegmentKind::lane, Access::read_only);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error(), Code::corrupt);
}

TEST(Segment, WithoutRightsIsNoPermission) {
  if (!test::is_root()) GTEST_SKIP() << "needs root, to become somebody else";
  const TempDir place(0755);
  (void)make(place).value();
  Child child(
      [&] {
        const auto opened = open(place);
        ASSERT_FALSE(opened);
        EXPECT_EQ(opened.error(), Code::no_permission);
        EXPECT_THAT(opened.error().message(), HasSubstr("uid 65534"));
        EXPECT_THAT(opened.error().message(), HasSubstr("ask its owner"));
        EXPECT_EQ(make(place, "other").error(), Code::no_permission);
      },
      test::kNobody);
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace tow::shm
