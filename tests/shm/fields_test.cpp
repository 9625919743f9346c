#include "towpath/shm/fields.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <bit>
#include <random>
#include <string>
#include <vector>

#include "tests/support/ring_files.hpp"

namespace tow::shm {
namespace {

using test::RingFiles;
using testing::ElementsAre;

constexpr std::uint64_t kSoon = 0x1122'3344'5566'7788;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

HeaderEntry integer(std::string_view name, std::int64_t value) {
  return {.name = name, .type = HeaderType::integer, .bits = static_cast<std::uint64_t>(value)};
}
HeaderEntry text(std::string_view name, std::string_view content) {
  return {.name = name, .type = HeaderType::text, .content = content};
}

EncodedFields encode(Fields fields, const std::vector<HeaderEntry>& headers = {}) {
  for (const HeaderEntry& entry : headers) fields.header_bytes += header_entry_bytes(entry);
  EncodedFields encoded(fields);
  HeaderWriter writer(encoded.header_room());
  for (const HeaderEntry& entry : headers) EXPECT_TRUE(writer.put(entry));
  return encoded;
}

std::vector<std::string> names_in(std::span<const std::byte> headers) {
  std::vector<std::string> names;
  HeaderReader reader(headers);
  while (const auto entry = reader.next()) names.emplace_back(entry->name);
  EXPECT_FALSE(reader.damaged());
  return names;
}

/// All fields as given; the headers are compared by their bytes.
void expect_same(const FieldsView& view, const Fields& fields, std::string_view headers) {
  EXPECT_EQ(view.expires_ns(), fields.expires_ns);
  EXPECT_EQ(view.due_ns(), fields.due_ns);
  EXPECT_EQ(view.tag(), fields.tag);
  EXPECT_EQ(view.producer(), fields.producer);
  EXPECT_EQ(view.key(), fields.key);
  EXPECT_EQ(view.correlation_id(), fields.correlation_id);
  EXPECT_EQ(view.reply_topic(), fields.reply_topic);
  EXPECT_EQ(view.content_type(), fields.content_type);
  EXPECT_EQ(view.priority(), fields.priority);
  EXPECT_EQ(as_text(view.headers()), headers);
  EXPECT_EQ(view.key_hash, key_hash(fields.key));
}

Fields everything() {
  return {.expires_ns = kSoon,
          .due_ns = kSoon + 1,
          .tag = text_hash("a tag"),
          .producer = {text_hash("till 3"), 42},
          .key = "key",
          .correlation_id = "correlation",
          .reply_topic = "replies",
          .content_type = "application/json",
          .priority = 5};
}

/// Each of the nine fields kept or cleared by one bit of `chosen`.
Fields some_of(Fields fields, unsigned chosen) {
  const auto left_out = [chosen](unsigned bit) { return (chosen >> bit & 1) == 0; };
  if (left_out(0)) fields.key = {};
  if (left_out(1)) fields.expires_ns = 0;
  if (left_out(2)) fields.due_ns = 0;
  if (left_out(3)) fields.tag = 0;
  if (left_out(4)) fields.producer = {};
  if (left_out(5)) fields.correlation_id = {};
  if (left_out(6)) fields.reply_topic = {};
  if (left_out(7)) fields.content_type = {};
  if (left_out(8)) fields.priority = 0;
  return fields;
}

TEST(Fields, NoneTakeNoRoomAndNoBit) {
  const EncodedFields encoded(Fields{});
  EXPECT_EQ(encoded.view().bytes, 0U);
  EXPECT_EQ(encoded.view().bits, 0U);
  expect_same(encoded.view(), {}, {});
  expect_same(FieldsView{}, {}, {});
}

TEST(Fields, LieInTheDocumentedOrderWithoutPadding) {
  const auto encoded = encode(everything(), {integer("n", 7)});
  const FieldsView view = encoded.view();
  std::string expected;
  const auto word = [&expected](std::uint64_t value) {
    expected.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  word(kSoon);
  word(kSoon + 1);
  word(text_hash("a tag"));
  word(text_hash("till 3"));
  word(42);
  expected += "\3key\13correlation\7replies\20application/json";
  expected += std::string("\13\0\1n\2", 5);
  word(7);
  EXPECT_EQ(as_text({view.data, view.bytes}), expected);
  EXPECT_EQ(view.bits, 0x1FF | 5 << 13);
}

TEST(Fields, EveryChoiceOfThemComesBackAsItWas) {
  for (unsigned chosen = 0; chosen < 512; ++chosen) {
    SCOPED_TRACE(chosen);
    const Fields fields = some_of(everything(), chosen);
    expect_same(encode(fields).view(), fields, {});
    const auto with_headers = encode(fields, {integer("n", -1), text("t", "x")});
    expect_same(with_headers.view(), fields, as_text(with_headers.view().headers()));
    EXPECT_THAT(names_in(with_headers.view().headers()), ElementsAre("n", "t"));
  }
}

TEST(Fields, PriorityAloneCostsNoBytes) {
  for (std::uint8_t priority = 0; priority <= kMaxPriority; ++priority) {
    const EncodedFields encoded({.priority = priority});
    EXPECT_EQ(encoded.view().bytes, 0U);
    EXPECT_EQ(encoded.view().priority(), priority);
  }
}

TEST(Fields, LongestOnesFitAndLongerOnesAreCutOff) {
  const std::string longest(255, 'x'), longer(256, 'x');
  Fields fields = everything();
  fields.key = fields.correlation_id = fields.reply_topic = fields.content_type = longest;
  fields.header_bytes = kMaxHeadersBytes;
  const EncodedFields most(fields);
  EXPECT_EQ(most.view().bytes, kMaxFieldBytes);
  EXPECT_EQ(most.view().headers().size(), kMaxHeadersBytes);
  Fields beyond = fields;
  beyond.key = beyond.correlation_id = beyond.reply_topic = beyond.content_type = longer;
  beyond.header_bytes = kMaxHeadersBytes + 1;
  beyond.priority = kMaxPriority + 1;
  fields.priority = kMaxPriority;
  expect_same(EncodedFields(beyond).view(), fields,
              as_text(EncodedFields(beyond).view().headers()));
}

TEST(Fields, StayTheSameWhenTheirEncodingIsMoved) {
  for (const std::string& key : {std::string("k"), std::string(255, 'k')}) {
    Fields fields = everything();
    fields.key = key;
    EncodedFields first(fields);
    const EncodedFields second(std::move(first));
    expect_same(second.view(), fields, {});
  }
}

TEST(Headers, OfEveryTypeComeBackAsTheyWere) {
  const std::string content("\0\xFFx", 3);
  const std::vector<HeaderEntry> entries{
      {.name = "null"},
      {.name = "yes", .type = HeaderType::boolean, .bits = 1},
      {.name = "no", .type = HeaderType::boolean},
      integer("least", INT64_MIN),
      {.name = "pi", .type = HeaderType::real, .bits = std::bit_cast<std::uint64_t>(3.14)},
      text("text", content),
      text("text", {}),
      {.name = "bytes", .type = HeaderType::bytes, .content = content}};
  const auto encoded = encode({}, entries);
  HeaderReader reader(encoded.view().headers());
  for (const HeaderEntry& entry : entries) {
    const auto read = reader.next();
    ASSERT_TRUE(read);
    EXPECT_EQ(read->name, entry.name);
    EXPECT_EQ(read->type, entry.type);
    EXPECT_EQ(read->bits, entry.bits);
    EXPECT_EQ(read->content, entry.content);
  }
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.damaged());
}

TEST(Headers, ThatDoNotFitAreNotWritten) {
  std::vector<std::byte> room(kMaxHeadersBytes + 64);
  const std::string name(256, 'n'), content(kMaxHeadersBytes - 4, 'c');
  HeaderWriter writer(room);
  EXPECT_FALSE(writer.put(integer("", 1)));
  EXPECT_FALSE(writer.put(integer(name, 1)));
  EXPECT_FALSE(writer.put(text("a", content)));
  EXPECT_TRUE(std::all_of(room.begin(), room.end(), [](std::byte b) { return b == std::byte{}; }));
  HeaderWriter small({room.data(), 10});
  EXPECT_FALSE(small.put(integer("n", 1)));
  EXPECT_TRUE(small.put(text("name", "xy")));
  EXPECT_FALSE(small.put({.name = "n"}));
  EXPECT_TRUE(HeaderWriter(room).put(text("a", std::string_view(content).substr(1))));
}

/// Reads everything there is, as readers do; the bytes lie at the end of their memory, so that a
/// sanitizer sees the first one too many.
std::size_t read_all(std::span<const std::byte> bytes, std::uint16_t bits) {
  const auto memory = std::make_unique<std::byte[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), memory.get());
  const FieldsView view{memory.get(), static_cast<std::uint32_t>(bytes.size()), bits, 0};
  std::uint64_t sum = view.expires_ns() ^ view.due_ns() ^ view.tag() ^ view.producer().name_hash ^
                      view.producer().number;
  for (const std::string_view text :
       {view.key(), view.correlation_id(), view.reply_topic(), view.content_type()}) {
    for (const char c : text) sum += static_cast<unsigned char>(c);
  }
  HeaderReader reader(view.headers());
  std::size_t entries = 0;
  while (const auto entry = reader.next()) {
    for (const char c : entry->name) sum += static_cast<unsigned char>(c);
    for (const char c : entry->content) sum += static_cast<unsigned char>(c);
    ++entries;
  }
  EXPECT_LE(entries, bytes.size() / 3) << sum;
  return entries;
}

TEST(HostileFields, AreReadWithinTheirBoundsHoweverTheyAreCutOff) {
  const auto encoded = encode(everything(), {integer("n", 7), text("t", "content")});
  const FieldsView whole = encoded.view();
  for (std::uint32_t bytes = 0; bytes < whole.bytes; ++bytes) {
    SCOPED_TRACE(bytes);
    EXPECT_EQ(read_all({whole.data, bytes}, whole.bits), 0U);
    const FieldsView cut{whole.data, bytes, whole.bits, 0};
    EXPECT_EQ(cut.expires_ns(), bytes < 8 ? 0 : kSoon);
    EXPECT_EQ(cut.key(), bytes < 44 ? "" : "key");
    EXPECT_EQ(cut.content_type(), bytes < 81 ? "" : "application/json");
    EXPECT_TRUE(cut.headers().empty());
  }
  EXPECT_EQ(read_all({whole.data, whole.bytes}, whole.bits), 2U);
}

TEST(HostileFields, OfAnyBytesAndBitsAreReadWithinTheirBounds) {
  std::mt19937 random(20'261);
  for (int round = 0; round < 100'000; ++round) {
    std::vector<std::byte> bytes(random() % 200);
    // Few values, so that lengths fit often enough for what follows them to be read.
    for (auto& byte : bytes) byte = static_cast<std::byte>(random() % (round % 2 == 0 ? 256 : 8));
    read_all(bytes, static_cast<std::uint16_t>(random()));
  }
}

TEST(HostileFields, HeadersEndAtTheFirstDamagedEntry) {
  const std::string_view damaged[] = {std::string_view("\0\0", 2),   // no name
                                      std::string_view("\2n", 2),    // a name that ends too late
                                      std::string_view("\1n", 2),    // no type
                                      std::string_view("\1n\6", 3),  // an unknown type
                                      std::string_view("\1n\1", 3),  // no value
                                      std::string_view("\1n\2\0\0\0", 6),  // half an integer
                                      std::string_view("\1n\4\1", 4),      // half a length
                                      std::string_view("\1n\5\2\0x", 6)};  // too few bytes
  for (const std::string_view entry : damaged) {
    const std::string list = std::string("\1a\0", 3) + std::string(entry);
    HeaderReader reader(std::as_bytes(std::span<const char>(list)));
    ASSERT_TRUE(reader.next());
    EXPECT_FALSE(reader.next()) << entry;
    EXPECT_TRUE(reader.damaged());
    EXPECT_FALSE(reader.next()) << "it stays at its end";
  }
}

TEST(TextHash, IsNeverZeroAndFollowsFnv) {
  EXPECT_EQ(text_hash(""), 0xCBF2'9CE4'8422'2325U);
  EXPECT_EQ(text_hash("a"), 0xAF63'DC4C'8601'EC8CU);  // of the authors' test vectors
  EXPECT_EQ(text_hash("foobar"), 0x8594'4171'F739'67E8U);
}

class FieldsOfMessages : public testing::TestWithParam<RingKind> {};

TEST_P(FieldsOfMessages, FollowSmallAndLargePayloads) {
  auto raw = test::small_geometry(GetParam());
  raw.pool_bytes = 256 << 10;
  raw.max_message_bytes = 64 << 10;
  const RingFiles files(raw);
  const auto writer = files.writer();
  const auto reader = files.reader();
  const std::string long_text(60'000, 't');
  for (const std::uint32_t payload_bytes : {0U, 1U, 7U, 40U, 47U, 48U, 49U, 5000U}) {
    const std::string payload(payload_bytes, 'p');
    for (const unsigned chosen : {0x001U, 0x00AU, 0x100U, 0x040U, 0x1FFU}) {
      SCOPED_TRACE(std::to_string(payload_bytes) + " bytes, fields " + std::to_string(chosen));
      const Fields fields = some_of(everything(), chosen);
      for (const bool with_headers : {false, true}) {
        const auto encoded = with_headers ? encode(fields, {text("t", long_text)}) : encode(fields);
        ASSERT_EQ(writer->append(payload.data(), payload_bytes, encoded.view()), Append::done);
        Received received;
        alignas(16) std::byte buffer[kMaxInlineBytes];
        ASSERT_EQ(reader->try_take(received, buffer), Take::message);
        EXPECT_EQ(as_text({received.data, received.payload_bytes}), payload);
        const FieldsView view = received.fields_view();
        expect_same(view, fields, as_text(encoded.view().headers()));
        EXPECT_EQ(view.bits, encoded.view().bits);
        reader->release(received.hold);
      }
    }
  }
}

TEST_P(FieldsOfMessages, GoBehindALoanIntoItsMemory) {
  auto raw = test::small_geometry(GetParam());
  raw.pool_bytes = 8192;
  raw.max_message_bytes = 4096;
  const RingFiles files(raw);
  const auto writer = files.writer();
  const auto reader = files.reader();
  const EncodedFields encoded(everything());
  const auto block = writer->loan(1000 + encoded.view().bytes);
  ASSERT_TRUE(block);
  fill_payload(writer->data(*block), std::byte{'p'}, 1000);
  ASSERT_EQ(writer->append_loan(*block, 1000, encoded.view()), Append::done);
  Received received;
  alignas(16) std::byte buffer[kMaxInlineBytes];
  ASSERT_EQ(reader->try_take(received, buffer), Take::message);
  EXPECT_NE(received.hold, Received::kNoHold) << "it is read in place";
  EXPECT_EQ(as_text({received.data, received.payload_bytes}), std::string(1000, 'p'));
  expect_same(received.fields_view(), everything(), {});
  reader->release(received.hold);
}

INSTANTIATE_TEST_SUITE_P(Kinds, FieldsOfMessages, testing::Values(RingKind::one, RingKind::many),
                         [](const auto& chosen) { return test::kind_name(chosen.param); });

}  // namespace
}  // namespace tow::shm
