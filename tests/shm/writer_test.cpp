#include "towpath/shm/writer.hpp"

#include <gmock/gmock.h>

#include <cstring>
#include <set>
#include <vector>

#include "tests/support/ring_files.hpp"

namespace tow::shm {
namespace {

using test::append_text;
using test::RingFiles;
using test::small_geometry;
using test::take_from;

class WriterTest : public testing::TestWithParam<RingKind> {
 protected:
  const RingFiles files_{GetParam()};
};

TEST_P(WriterTest, KeepsRoomForRequiredReadersOnly) {
  const auto writer = files_.writer();
  const auto lossy = files_.reader({.kind = ReaderKind::lossy});
  for (int i = 0; i < 100; ++i) ASSERT_EQ(append_text(*writer, "x"), Append::done);
  const auto required = files_.reader();
  int sent = 0;
  while (append_text(*writer, "x") == Append::done) ++sent;
  EXPECT_EQ(sent, 16);
  EXPECT_THAT(writer->blocked_by(), testing::HasSubstr("subscriber 1"));
}

TEST_P(WriterTest, BatchStopsAtTheFirstThatFindsNoRoom) {
  const auto writer = files_.writer();
  const auto reader = files_.reader();
  std::vector<std::byte> payloads(40 * 8);
  for (std::uint64_t i = 0; i < 40; ++i) std::memcpy(&payloads[i * 8], &i, 8);
  const auto batch = writer->append_batch(payloads.data(), 8, 8, 40);
  EXPECT_EQ(batch.appended, 16U);
  EXPECT_EQ(batch.stopped_by, Append::full);
  for (std::uint64_t i = 0; i < 16; ++i) {
    const auto took = take_from(*reader);
    ASSERT_EQ(took.sequence, i + 1);
    ASSERT_EQ(std::memcmp(took.payload.data(), &i, 8), 0);
  }
  EXPECT_EQ(take_from(*reader).take, Take::empty);
}

TEST_P(WriterTest, PayloadMemoryIsReusedForEverAndNeverWhileUnread) {
  const auto writer = files_.writer();
  const auto reader = files_.reader();
  for (int i = 0; i < 2000; ++i) {
    const std::string text(static_cast<std::size_t>(100 + i * 37 % 16'000),
                           static_cast<char>('a' + i % 26));
    ASSERT_EQ(append_text(*writer, text), Append::done) << i;
    if (i % 3 != 2) continue;
    for (int k = i - 2; k <= i; ++k) {
      const auto took = take_from(*reader);
      ASSERT_EQ(took.take, Take::message);
      ASSERT_EQ(took.payload, std::string(static_cast<std::size_t>(100 + k * 37 % 16'000),
                                          static_cast<char>('a' + k % 26)));
    }
  }
}

TEST_P(WriterTest, ExhaustedPoolIsToldApartFromAFullRing) {
  const auto writer = files_.writer();
  const auto reader = files_.reader();
  const std::string large(16'000, 'x');
  int sent = 0;
  Append last = Append::done;
  while ((last = append_text(*writer, large)) == Append::done) ++sent;
  EXPECT_EQ(last, Append::pool_full);
  EXPECT_EQ(sent, 4);
  EXPECT_EQ(append_text(*writer, "small"), Append::done) << "there is room in the ring";
  for (int i = 0; i < 5; ++i) take_from(*reader);
  EXPECT_EQ(append_text(*writer, large), Append::done);
}

TEST_P(WriterTest, LargePayloadsThatAllHaveReadTakeTurnsInTheSameMemory) {
  const auto writer = files_.writer();
  const auto reader = files_.reader();
  const std::string large(14'000, 'x');  // the pool holds four
  std::set<const std::byte*> places;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(append_text(*writer, large), Append::done);
    writer->prepare_next(large.size());
    Received received;
    alignas(16) std::byte buffer[kMaxInlineBytes];
    ASSERT_EQ(reader->try_take(received, buffer), Take::message);
    places.insert(received.data);
    reader->release(received.hold);
    EXPECT_EQ(reader->try_take(received, buffer), Take::empty);  // its cursor is seen
  }
  EXPECT_LE(places.size(), 3U);
  const auto late = files_.reader({.start = {StartAt::Kind::oldest}});
  const auto newest = take_from(*late);
  EXPECT_EQ(newest.sequence, 20U);
  EXPECT_EQ(newest.payload, large);
}

TEST_P(WriterTest, LargePayloadsStayWhereNobodyIsWaitedFor) {
  const auto writer = files_.writer();
  const auto lossy = files_.reader({.kind = ReaderKind::lossy});
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(append_text(*writer, std::string(14'000, 'x')), Append::done);
    writer->prepare_next(14'000);
  }
  for (std::uint64_t i = 1; i <= 4; ++i) EXPECT_EQ(take_from(*lossy).sequence, i);
}

TEST_P(WriterTest, LargePayloadsThatSomebodyHoldsStay) {
  const auto writer = files_.writer();
  const auto reader = files_.reader();
  ASSERT_EQ(append_text(*writer, std::string(14'000, 'a')), Append::done);
  Received held;
  alignas(16) std::byte buffer[kMaxInlineBytes];
  ASSERT_EQ(reader->try_take(held, buffer), Take::message);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(append_text(*writer, std::string(14'000, 'b')), Append::done);
    writer->prepare_next(14'000);
    ASSERT_EQ(take_from(*reader).take, Take::message);
  }
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(held.data), held.payload_bytes),
            std::string(14'000, 'a'));
  reader->release(held.hold);
}

TEST_P(WriterTest, LoanGivenBackIsFreeAgain) {
  const auto writer = files_.writer();
  for (int i = 0; i < 100; ++i) {
    const auto block = writer->loan(40'000);
    ASSERT_TRUE(block) << i;
    writer->return_loan(*block);
  }
  const auto first = writer->loan(40'000), second = writer->loan(40'000);
  EXPECT_TRUE(first);
  EXPECT_FALSE(second);
}

TEST_P(WriterTest, SuccessorInOrderGoesOnAfterTheLast) {
  for (std::uint64_t i = 1; i <= 50; ++i) {
    const auto writer = files_.writer();
    ASSERT_EQ(writer->lane(), 0U);
    ASSERT_EQ(append_text(*writer, "x"), Append::done);
    ASSERT_EQ(writer->last_sequence(), i);
  }
}

TEST_P(WriterTest, RemovedTopicTakesNothingMore) {
  const auto writer = files_.writer();
  const auto ring = files_.open();
  ring->order().state.store(static_cast<std::uint32_t>(TopicState::removed), kRelaxed);
  Append last = Append::done;
  for (int i = 0; i < 40 && last == Append::done; ++i) last = append_text(*writer, "x");
  EXPECT_EQ(last, Append::removed);
  EXPECT_EQ(Writer::attach(ring).error(), Code::removed);
  EXPECT_EQ(Reader::attach(ring, {}).error(), Code::removed);
}

TEST_P(WriterTest, WriterWhoseMembershipWasTakenStops) {
  const auto ring = files_.open();
  const auto writer = Writer::attach(ring).value();
  ring->participants().leave();
  Append last = Append::done;
  for (int i = 0; i < 40 && last == Append::done; ++i) last = append_text(*writer, "x");
  EXPECT_EQ(last, Append::stale);
}

INSTANTIATE_TEST_SUITE_P(Kinds, WriterTest, testing::Values(RingKind::one, RingKind::many),
                         [](const auto& kind) { return test::kind_name(kind.param); });

TEST(WriterOfMany, LanesShallowerThanTheOrderProtectRequiredReaders) {
  GeometryLayout raw = small_geometry(RingKind::many, 64);
  raw.lane_slot_count = 16;
  const RingFiles files(raw);
  const auto first = files.writer(), second = files.writer();
  const auto reader = files.reader();
  int sent = 0;
  while (append_text(*first, std::to_string(sent)) == Append::done) ++sent;
  EXPECT_EQ(sent, 16) << "its lane is full, the order is not";
  for (int i = 0; i < 16; ++i)
    ASSERT_EQ(append_text(*second, std::to_string(sent++)), Append::done);
  EXPECT_EQ(append_text(*second, "x"), Append::full);
  for (int i = 0; i < sent; ++i) ASSERT_EQ(take_from(*reader).payload, std::to_string(i));
  EXPECT_EQ(append_text(*first, "x"), Append::done);
}

TEST(WriterOfMany, EachLivingPublisherHasALaneAndTheNextOneIsRefused) {
  const RingFiles files(RingKind::many);
  std::vector<std::unique_ptr<Writer>> writers;
  for (std::uint32_t lane = 0; lane < 4; ++lane) {
    writers.push_back(files.writer());
    EXPECT_EQ(writers.back()->lane(), lane);
  }
  const auto refused = Writer::attach(files.open());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Code::too_many);
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("max_publishers"));
  writers.erase(writers.begin() + 2);
  EXPECT_EQ(files.writer()->lane(), 2U);
}

TEST(WriterOfMany, TakesTurnsGapFree) {
  const RingFiles files(RingKind::many);
  const auto first = files.writer(), second = files.writer();
  const auto reader = files.reader();
  for (std::uint64_t n = 1; n <= 300; ++n) {
    Writer& writer = n % 3 == 0 ? *first : *second;
    ASSERT_EQ(append_text(writer, std::to_string(n)), Append::done);
    ASSERT_EQ(writer.last_sequence(), n);
    const auto took = take_from(*reader);
    ASSERT_EQ(took.sequence, n);
    ASSERT_EQ(took.payload, std::to_string(n));
  }
}

TEST(KeyHash, IsZeroForNoKeyOnly) {
  EXPECT_EQ(key_hash({}), 0);
  for (int i = 0; i < 100'000; ++i) ASSERT_NE(key_hash(std::to_string(i)), 0);
}

TEST(PayloadCopies, AreExactForEverySize) {
  std::vector<std::byte> from(9000), to(9000);
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::byte>(i * 7);
  for (const std::size_t bytes : {0, 1, 7, 8, 4095, 4096, 4097, 8999}) {
    std::fill(to.begin(), to.end(), std::byte{0xEE});
    copy_payload(to.data(), from.data(), bytes);
    EXPECT_EQ(std::memcmp(to.data(), from.data(), bytes), 0);
    EXPECT_EQ(to[bytes], std::byte{0xEE});
    fill_payload(to.data(), std::byte{0x55}, bytes);
    for (std::size_t i = 0; i < bytes; ++i) ASSERT_EQ(to[i], std::byte{0x55});
    EXPECT_EQ(to[bytes], std::byte{0xEE});
  }
}

}  // namespace
}  // namespace tow::shm
