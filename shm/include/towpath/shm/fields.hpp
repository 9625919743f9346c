#pragma once
/// The optional fields of a message: what may follow its payload, and the bits that say what does.
///
/// The upper 16 bits of a slot's `meta` name the fields and hold the priority. The fields follow
/// the payload without padding, in the slot or in the pool, in the order of this table; those whose
/// bit is 0 take no room.
///
///     bit  field           bytes
///     1    expires         8   CLOCK_MONOTONIC, ns: worth nothing to a group from then on
///     2    due             8   CLOCK_MONOTONIC, ns: groups see it from then on
///     3    tag             8   text_hash() of the tag
///     4    producer        16  text_hash() of the producer's name; its number of the message
///     0    key             1 + n   n, then n bytes
///     5    correlation id  1 + n
///     6    reply topic     1 + n
///     7    content type    1 + n
///     8    headers         2 + n   n, then entries that fill n bytes exactly
///     9-12 0, of no meaning yet: what they will announce follows the headers
///     13-15 priority       0   0 to 7, the most urgent
///
///     entry of the headers: 1 + n name (1 to 255 bytes) | 1 HeaderType | value
///     value: null 0 | boolean 1 | integer 8 | real 8 | text, bytes 2 + n
///
/// Numbers are of the host's byte order and unaligned. Fields of a fixed size come first, so that a
/// group finds them without parsing text. Writer: the publisher, before it commits the slot. A
/// message whose times were taken in one time namespace means nothing in another.
///
/// Dies anywhere while it writes them: they belong to a slot that nobody sees, as the payload does.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace tow::shm {

inline constexpr std::uint16_t kFieldKey = 1 << 0;
inline constexpr std::uint16_t kFieldExpires = 1 << 1;
inline constexpr std::uint16_t kFieldDue = 1 << 2;
inline constexpr std::uint16_t kFieldTag = 1 << 3;
inline constexpr std::uint16_t kFieldProducer = 1 << 4;
inline constexpr std::uint16_t kFieldCorrelationId = 1 << 5;
inline constexpr std::uint16_t kFieldReplyTopic = 1 << 6;
inline constexpr std::uint16_t kFieldContentType = 1 << 7;
inline constexpr std::uint16_t kFieldHeaders = 1 << 8;
inline constexpr unsigned kPriorityShift = 13;
inline constexpr std::uint8_t kMaxPriority = 7;
/// Bits that mean something in this version; part of the layout's fingerprint.
inline constexpr std::uint16_t kKnownFields = 0xE1FF;

inline constexpr std::size_t kMaxKeyBytes = 255;  ///< of each text field
inline constexpr std::size_t kMaxHeaderNameBytes = 255;
inline constexpr std::size_t kMaxHeadersBytes = 65535;  ///< entries together
inline constexpr std::size_t kMaxFieldBytes =
    3 * 8 + 16 + 4 * (1 + kMaxKeyBytes) + 2 + kMaxHeadersBytes;

/// 64 bits of a text's hash (FNV-1a), never 0. Not for keeping enemies apart: it can be inverted.
std::uint64_t text_hash(std::string_view text);
/// 16 bits of a key's hash; 0 for no key.
std::uint16_t key_hash(std::string_view key);

/// Who sent a message, and which of its own messages it is.
struct ProducerField {
  std::uint64_t name_hash = 0;  ///< text_hash() of its name; 0 = no producer
  std::uint64_t number = 0;
  friend bool operator==(const ProducerField&, const ProducerField&) = default;
};

/// Loads what another process may change, once: the compiler no longer knows where the value came
/// from, so it cannot load it again behind the check.
template <class T>
[[gnu::always_inline]] inline T load_once(const std::byte* at) {
  static_assert(sizeof(T) <= 8 && std::is_integral_v<T>);
  T value;
  std::memcpy(&value, at, sizeof value);
  asm("" : "+r"(value));
  return value;
}

/// Encoded fields: those that a writer is to append, or those found behind a message's payload.
/// Reading them is safe whatever the bytes are and however they change meanwhile: a field that does
/// not lie within them is as if absent. Refers to the bytes.
struct FieldsView {
  const std::byte* data = nullptr;
  std::uint32_t bytes = 0;
  std::uint16_t bits = 0;
  std::uint16_t key_hash = 0;

  /// CLOCK_MONOTONIC in nanoseconds; 0 = never, at once.
  std::uint64_t expires_ns() const { return word(kFieldExpires); }
  std::uint64_t due_ns() const { return word(kFieldDue); }
  /// text_hash() of the tag; 0 = none.
  std::uint64_t tag() const { return word(kFieldTag); }
  ProducerField producer() const { return {word(kFieldProducer), word(kFieldProducer, 8)}; }
  std::uint8_t priority() const { return static_cast<std::uint8_t>(bits >> kPriorityShift); }
  std::string_view key() const { return text(kFieldKey); }
  std::string_view correlation_id() const { return text(kFieldCorrelationId); }
  std::string_view reply_topic() const { return text(kFieldReplyTopic); }
  std::string_view content_type() const { return text(kFieldContentType); }
  /// The entries, for a HeaderReader.
  std::span<const std::byte> headers() const;

 private:
  static constexpr std::uint16_t kFixed = kFieldExpires | kFieldDue | kFieldTag | kFieldProducer;
  static constexpr std::uint16_t kTexts =
      kFieldKey | kFieldCorrelationId | kFieldReplyTopic | kFieldContentType;

  /// Eight bytes of a field of a fixed size; 0 when there is none.
  std::uint64_t word(std::uint16_t field, std::uint32_t behind = 0) const {
    const auto before = static_cast<unsigned>(bits & kFixed & (field - 1));
    const std::uint32_t at = 8 * static_cast<std::uint32_t>(std::popcount(before)) + behind;
    if ((bits & field) == 0 || at + 8 > bytes) return 0;
    return load_once<std::uint64_t>(data + at);
  }
  /// Where the first field of varying size begins.
  std::uint32_t texts_at() const {
    const auto fixed = static_cast<unsigned>(bits & kFixed);
    if (fixed == 0) return 0;
    const std::uint32_t second_word = (bits & kFieldProducer) != 0 ? 8 : 0;
    return 8 * static_cast<std::uint32_t>(std::popcount(fixed)) + second_word;
  }
  std::string_view text(std::uint16_t field) const;
  std::optional<std::uint32_t> skip_texts(std::uint16_t before) const;
};
static_assert(sizeof(FieldsView) == 16);  // passed in registers

/// What a publisher says about a message. 0 and empty: not said. Refers to the texts.
struct Fields {
  std::uint64_t expires_ns = 0;
  std::uint64_t due_ns = 0;
  std::uint64_t tag = 0;
  ProducerField producer{};
  std::string_view key = {};  ///< this and the other texts: up to kMaxKeyBytes
  std::string_view correlation_id = {};
  std::string_view reply_topic = {};
  std::string_view content_type = {};
  std::size_t header_bytes = 0;  ///< of the encoded entries, up to kMaxHeadersBytes
  std::uint8_t priority = 0;     ///< 0 to kMaxPriority
};

/// Fields encoded for a writer. Allocates only for more than kSmallBytes.
class EncodedFields {
 public:
  static constexpr std::size_t kSmallBytes = 256;

  EncodedFields() = default;
  /// The caller has checked the limits; what exceeds them is cut off.
  explicit EncodedFields(const Fields& fields);

  /// Where the entries of the headers go, header_bytes of them; to be filled by a HeaderWriter.
  std::span<std::byte> header_room() { return {begin() + bytes_ - header_bytes_, header_bytes_}; }
  /// Valid while this is, and until it is moved.
  FieldsView view() const { return {begin(), bytes_, bits_, key_hash_}; }

 private:
  const std::byte* begin() const { return large_ ? large_.get() : small_.data(); }
  std::byte* begin() { return large_ ? large_.get() : small_.data(); }

  std::unique_ptr<std::byte[]> large_;
  std::uint32_t bytes_ = 0;
  std::uint32_t header_bytes_ = 0;
  std::uint16_t bits_ = 0;
  std::uint16_t key_hash_ = 0;
  std::array<std::byte, kSmallBytes> small_;  // its first bytes_ are written
};

/// Types of header values, as stored.
enum class HeaderType : std::uint8_t { null, boolean, integer, real, text, bytes };

/// One entry of the headers. Refers to the encoded bytes, or to what is to be encoded.
struct HeaderEntry {
  std::string_view name = {};
  HeaderType type = HeaderType::null;
  std::uint64_t bits = 0;         ///< boolean: 0 or 1; integer, real: their representation
  std::string_view content = {};  ///< text, bytes
};

/// Bytes that an entry takes.
std::size_t header_entry_bytes(const HeaderEntry& entry);

/// Writes entries one after the other into room that was measured for them.
class HeaderWriter {
 public:
  explicit HeaderWriter(std::span<std::byte> room) : rest_(room) {}
  /// False, and nothing is written, when it does not fit or is longer than the format allows.
  bool put(const HeaderEntry& entry);

 private:
  std::span<std::byte> rest_;
};

/// Reads entries one after the other; safe as FieldsView is.
class HeaderReader {
 public:
  explicit HeaderReader(std::span<const std::byte> entries) : rest_(entries) {}
  /// The next entry; nothing at the end, and at the first that is damaged.
  std::optional<HeaderEntry> next();
  /// True when next() stopped before the end.
  bool damaged() const { return damaged_; }

 private:
  bool read_value(HeaderEntry& entry);
  std::optional<std::string_view> take(std::size_t bytes);
  std::optional<std::size_t> take_length(std::size_t bytes_of_length);

  std::span<const std::byte> rest_;
  bool damaged_ = false;
};

}  // namespace tow::shm
