#include "towpath/shm/fields.hpp"

#include <algorithm>
#include <type_traits>

namespace tow::shm {
namespace {

/// Writes fields one after the other.
class Pen {
 public:
  explicit Pen(std::byte* at) : at_(at) {}

  template <class T>
  void number(T value) {
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  void raw(std::string_view text) {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void text(std::string_view text) {
    if (text.empty()) return;
    number(static_cast<std::uint8_t>(text.size()));
    raw(text);
  }
  void word(std::uint64_t value) {
    if (value != 0) number(value);
  }

 private:
  std::byte* at_;
};

std::string_view cut(std::string_view text) { return text.substr(0, kMaxKeyBytes); }

std::size_t text_bytes(std::string_view text) { return text.empty() ? 0 : 1 + text.size(); }

Fields within_limits(Fields fields) {
  for (auto* const text :
       {&fields.key, &fields.correlation_id, &fields.reply_topic, &fields.content_type}) {
    *text = cut(*text);
  }
  fields.header_bytes = std::min(fields.header_bytes, kMaxHeadersBytes);
  fields.priority = std::min(fields.priority, kMaxPriority);
  return fields;
}

std::uint16_t bits_of(const Fields& fields) {
  const auto bit = [](bool present, std::uint16_t field) { return present ? field : 0; };
  const int bits = bit(fields.expires_ns != 0, kFieldExpires) | bit(fields.due_ns != 0, kFieldDue) |
                   bit(fields.tag != 0, kFieldTag) |
                   bit(fields.producer.name_hash != 0, kFieldProducer) |
                   bit(!fields.key.empty(), kFieldKey) |
                   bit(!fields.correlation_id.empty(), kFieldCorrelationId) |
                   bit(!fields.reply_topic.empty(), kFieldReplyTopic) |
                   bit(!fields.content_type.empty(), kFieldContentType) |
                   bit(fields.header_bytes != 0, kFieldHeaders) | fields.priority << kPriorityShift;
  return static_cast<std::uint16_t>(bits);
}

std::size_t bytes_of(const Fields& fields) {
  const auto word = [](std::uint64_t value) { return std::size_t{value == 0 ? 0U : 8U}; };
  return word(fields.expires_ns) + word(fields.due_ns) + word(fields.tag) +
         2 * word(fields.producer.name_hash) + text_bytes(fields.key) +
         text_bytes(fields.correlation_id) + text_bytes(fields.reply_topic) +
         text_bytes(fields.content_type) + (fields.header_bytes == 0 ? 0 : 2 + fields.header_bytes);
}

}  // namespace

std::uint64_t text_hash(std::string_view text) {
  std::uint64_t hash = 0xCBF2'9CE4'8422'2325;  // FNV-1a (Fowler, Noll, Vo)
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x0000'0100'0000'01B3;
  return hash == 0 ? 1 : hash;  // 0 means "none"
}

std::uint16_t key_hash(std::string_view key) {
  if (key.empty()) return 0;
  const std::uint64_t hash = text_hash(key);
  const auto folded = static_cast<std::uint16_t>(hash ^ hash >> 16 ^ hash >> 32 ^ hash >> 48);
  return folded == 0 ? 1 : folded;  // 0 means "no key"
}

EncodedFields::EncodedFields(const Fields& asked) {
  const Fields fields = within_limits(asked);
  bytes_ = static_cast<std::uint32_t>(bytes_of(fields));
  header_bytes_ = static_cast<std::uint32_t>(fields.header_bytes);
  bits_ = bits_of(fields);
  key_hash_ = shm::key_hash(fields.key);
  if (bytes_ > kSmallBytes) large_ = std::make_unique_for_overwrite<std::byte[]>(bytes_);
  Pen pen(begin());
  pen.word(fields.expires_ns);
  pen.word(fields.due_ns);
  pen.word(fields.tag);
  if (fields.producer.name_hash != 0) {
    pen.number(fields.producer.name_hash);
    pen.number(fields.producer.number);
  }
  pen.text(fields.key);
  pen.text(fields.correlation_id);
  pen.text(fields.reply_topic);
  pen.text(fields.content_type);
  if (header_bytes_ != 0) pen.number(static_cast<std::uint16_t>(header_bytes_));
}

std::optional<std::uint32_t> FieldsView::skip_texts(std::uint16_t before) const {
  std::uint32_t at = texts_at();
  // Each text before it, by its bit: they lie in the order of their bits.
  for (unsigned rest = bits & kTexts & (before - 1U); rest != 0; rest &= rest - 1) {
    if (at >= bytes) return std::nullopt;
    at += 1U + load_once<std::uint8_t>(data + at);
  }
  return at;
}

std::string_view FieldsView::text(std::uint16_t field) const {
  if ((bits & field) == 0) return {};
  const auto at = skip_texts(field);
  if (!at || *at >= bytes) return {};
  const std::uint32_t length = load_once<std::uint8_t>(data + *at);
  if (length > bytes - *at - 1) return {};
  return {reinterpret_cast<const char*>(data + *at + 1), length};
}

std::span<const std::byte> FieldsView::headers() const {
  if ((bits & kFieldHeaders) == 0) return {};
  const auto at = skip_texts(kFieldHeaders);
  if (!at || *at > bytes || bytes - *at < 2) return {};
  const std::uint32_t length = load_once<std::uint16_t>(data + *at);
  if (length > bytes - *at - 2) return {};
  return {data + *at + 2, length};
}

std::size_t header_entry_bytes(const HeaderEntry& entry) {
  const std::size_t named = 2 + entry.name.size();
  switch (entry.type) {
    case HeaderType::null:
      return named;
    case HeaderType::boolean:
      return named + 1;
    case HeaderType::integer:
    case HeaderType::real:
      return named + 8;
    case HeaderType::text:
    case HeaderType::bytes:
      break;
  }
  return named + 2 + entry.content.size();
}

bool HeaderWriter::put(const HeaderEntry& entry) {
  const std::size_t bytes = header_entry_bytes(entry);
  if (bytes > rest_.size() || bytes > kMaxHeadersBytes || entry.name.empty() ||
      entry.name.size() > kMaxHeaderNameBytes) {
    return false;
  }
  Pen pen(rest_.data());
  pen.text(entry.name);
  pen.number(entry.type);
  switch (entry.type) {
    case HeaderType::null:
      break;
    case HeaderType::boolean:
      pen.number(static_cast<std::uint8_t>(entry.bits != 0));
      break;
    case HeaderType::integer:
    case HeaderType::real:
      pen.number(entry.bits);
      break;
    case HeaderType::text:
    case HeaderType::bytes:
      pen.number(static_cast<std::uint16_t>(entry.content.size()));
      pen.raw(entry.content);
      break;
  }
  rest_ = rest_.subspan(bytes);
  return true;
}

std::optional<std::string_view> HeaderReader::take(std::size_t bytes) {
  if (bytes > rest_.size()) return std::nullopt;
  const std::string_view taken(reinterpret_cast<const char*>(rest_.data()), bytes);
  rest_ = rest_.subspan(bytes);
  return taken;
}

std::optional<std::size_t> HeaderReader::take_length(std::size_t bytes_of_length) {
  const std::byte* const at = rest_.data();
  if (!take(bytes_of_length)) return std::nullopt;
  return bytes_of_length == 1 ? load_once<std::uint8_t>(at) : load_once<std::uint16_t>(at);
}

bool HeaderReader::read_value(HeaderEntry& entry) {
  const std::byte* const at = rest_.data();
  switch (entry.type) {
    case HeaderType::null:
      return true;
    case HeaderType::boolean:
      if (!take(1)) return false;
      entry.bits = load_once<std::uint8_t>(at) != 0;
      return true;
    case HeaderType::integer:
    case HeaderType::real:
      if (!take(8)) return false;
      entry.bits = load_once<std::uint64_t>(at);
      return true;
    case HeaderType::text:
    case HeaderType::bytes: {
      const auto length = take_length(2);
      const auto content = length ? take(*length) : std::nullopt;
      if (content) entry.content = *content;
      return content.has_value();
    }
  }
  return false;  // a type of no version we know
}

std::optional<HeaderEntry> HeaderReader::next() {
  if (rest_.empty() || damaged_) return std::nullopt;
  HeaderEntry entry;
  const auto length = take_length(1);
  const auto name = length ? take(*length) : std::nullopt;
  const auto type = name ? take_length(1) : std::nullopt;
  if (type) {
    entry.name = *name;
    entry.type = static_cast<HeaderType>(*type);
  }
  damaged_ = !type || entry.name.empty() || !read_value(entry);
  if (damaged_) return std::nullopt;
  return entry;
}

}  // namespace tow::shm
