#include "towpath/shm/truncation.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thread>

#include "tests/support/process.hpp"
#include "tests/support/ring_files.hpp"

// Under ThreadSanitizer all handles of a process share one mapping, and so one fate.
#ifndef __SANITIZE_THREAD__

namespace tow::shm {
namespace {

using test::RingFiles;
using test::TempDir;
using testing::AllOf;
using testing::HasSubstr;

Segment make_pages(const TempDir& place, const std::string& name) {
  return Segment::create(place.open(), name, {SegmentKind::board, 4 * kPage},
                         [](std::byte* data) { data[kPage] = std::byte{42}; })
      .value();
}

void cut(const std::string& path) { ASSERT_EQ(truncate(path.c_str(), 0), 0); }

TEST(Truncation, TurnsTheMappingIntoZerosOfThisProcessAlone) {
  const TempDir place;
  const Segment mapped = make_pages(place, "file");
  EXPECT_FALSE(mapped.broken());
  cut(place.path() + "/file");
  EXPECT_EQ(mapped.data()[kPage], std::byte{0});
  EXPECT_TRUE(mapped.broken());
  mapped.data()[kPage] = std::byte{7};
  EXPECT_EQ(mapped.data()[kPage], std::byte{7}) << "writing goes on, and reaches nobody";
}

TEST(Truncation, BreaksWhatSharesItsFateAndNothingElse) {
  const TempDir place;
  const auto fate = std::make_shared<Fate>();
  const Segment hit = make_pages(place, "hit"), partner = make_pages(place, "partner"),
                other = make_pages(place, "x");
  hit.share(fate);
  partner.share(fate);
  cut(place.path() + "/hit");
  EXPECT_FALSE(fate->broken()) << "nobody has looked yet";
  EXPECT_EQ(hit.data()[kPage], std::byte{0});
  EXPECT_TRUE(fate->broken());
  EXPECT_EQ(fate->file(), place.path() + "/hit");
  EXPECT_EQ(partner.data()[kPage], std::byte{0});
  EXPECT_EQ(other.data()[kPage], std::byte{42});
  EXPECT_FALSE(other.broken());
}

TEST(Truncation, OfMoreMappingsThanOneBlockOfRecordsHitsTheRightOne) {
  const TempDir place;
  std::vector<Segment> mapped;
  for (int i = 0; i < 300; ++i) mapped.push_back(make_pages(place, std::to_string(i)));
  for (int i = 0; i < 300; i += 2) mapped[static_cast<std::size_t>(i)] = Segment();
  for (int i = 300; i < 400; ++i) mapped.push_back(make_pages(place, std::to_string(i)));
  cut(place.path() + "/299");
  EXPECT_EQ(mapped[299].data()[kPage], std::byte{0});
  for (std::size_t i = 0; i < mapped.size(); ++i) {
    EXPECT_EQ(mapped[i].broken(), i == 299) << i;
    if (i == 299 || !mapped[i]) continue;
    EXPECT_EQ(mapped[i].data()[kPage], std::byte{42});
  }
}

TEST(Truncation, SeenByManyThreadsAtOnceIsMendedOnce) {
  const TempDir place;
  for (int round = 0; round < 50; ++round) {
    const std::string name = std::to_string(round);
    const Segment mapped = make_pages(place, name);
    auto& word = *mapped.as<Atomic<std::uint64_t>>(2 * kPage);
    cut(place.path() + '/' + name);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { word.fetch_add(1, kRelaxed); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(word.load(kRelaxed), 4U) << "nobody's zeros replaced those of another";
  }
}

TEST(Truncation, WhileAFileIsOpenedIsAnError) {
  for (const RingKind kind : {RingKind::one, RingKind::many}) {
    const RingFiles files(kind);
    // One byte more than nothing: the header is there, its page is not whole.
    ASSERT_EQ(truncate((files.topic_path() + "/order").c_str(), 100), 0);
    EXPECT_EQ(files.try_open().error(), Code::corrupt);
  }
}

/// A mapping that is not the library's, behind the end of its file.
std::byte* foreign_mapping(const TempDir& place) {
  const int fd = ::open((place.path() + "/foreign").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  void* const data = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return static_cast<std::byte*>(data);
}

TEST(Truncation, OfAFileThatIsNotOursKillsAsItAlwaysDid) {
  test::Child child([] {
    signal(SIGBUS, SIG_DFL);  // also under a sanitizer
    const TempDir place;
    const Segment ours = make_pages(place, "file");
    std::byte* const foreign = foreign_mapping(place);
    foreign[0] = std::byte{1};
  });
  EXPECT_EQ(child.wait(), -SIGBUS);
}

void end_well(int) { _exit(17); }

TEST(Truncation, IsPassedToTheHandlerThatWasThereBefore) {
  test::Child child([] {
    signal(SIGBUS, end_well);
    const TempDir place;
    const Segment ours = make_pages(place, "file");
    std::byte* const foreign = foreign_mapping(place);
    cut(place.path() + "/file");
    EXPECT_EQ(ours.data()[0], std::byte{0}) << "ours first";
    foreign[0] = std::byte{1};
  });
  EXPECT_EQ(child.wait(), 17);
}

TEST(Truncation, SignalSentByAProcessIsNotTakenForOne) {
  test::Child child([] {
    signal(SIGBUS, SIG_IGN);
    const TempDir place;
    const Segment ours = make_pages(place, "file");
    raise(SIGBUS);
    EXPECT_FALSE(ours.broken());
  });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace tow::shm

#endif
