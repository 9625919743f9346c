#include "attributes.hpp"

#include <bit>
#include <utility>

#include "towpath/options.hpp"
#include "towpath/shm/clock.hpp"
#include "towpath/shm/producer.hpp"

namespace tow {
namespace {

std::string_view as_text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A header as it is stored; refers to it.
shm::HeaderEntry entry_of(const Header& header) {
  using shm::HeaderType;
  shm::HeaderEntry entry{.name = header.name,
                         .type = static_cast<HeaderType>(header.value.index())};
  if (const auto* const flag = std::get_if<bool>(&header.value)) {
    entry.bits = *flag ? 1 : 0;
  } else if (const auto* const integer = std::get_if<std::int64_t>(&header.value)) {
    entry.bits = static_cast<std::uint64_t>(*integer);
  } else if (const auto* const real = std::get_if<double>(&header.value)) {
    entry.bits = std::bit_cast<std::uint64_t>(*real);
  } else if (const auto* const text = std::get_if<std::string>(&header.value)) {
    entry.content = *text;
  } else if (const auto* const bytes = std::get_if<std::vector<std::byte>>(&header.value)) {
    entry.content = as_text(*bytes);
  }
  return entry;
}
template <class T, shm::HeaderType type>
constexpr bool kStoredAs =
    std::is_same_v<std::variant_alternative_t<static_cast<std::size_t>(type), HeaderValue>, T>;
static_assert(kStoredAs<std::nullptr_t, shm::HeaderType::null> &&
              kStoredAs<bool, shm::HeaderType::boolean> &&
              kStoredAs<std::int64_t, shm::HeaderType::integer> &&
              kStoredAs<double, shm::HeaderType::real> &&
              kStoredAs<std::string, shm::HeaderType::text> &&
              kStoredAs<std::vector<std::byte>, shm::HeaderType::bytes>);

struct Complaint {
  const std::string& topic;

  Error operator()(const std::string& attribute, const std::string& is,
                   const std::string& allowed) const {
    return make_error(Code::invalid_argument, "topic " + topic + ": the attribute " + attribute +
                                                  " is " + is + "; " + allowed);
  }
};

std::optional<Error> fault_in_texts(const Attributes& attributes, const Complaint& complain) {
  const std::pair<const char*, std::string_view> texts[] = {
      {"key", attributes.key},
      {"tag", attributes.tag},
      {"correlation_id", attributes.correlation_id},
      {"reply_topic", attributes.reply_topic},
      {"content_type", attributes.content_type}};
  for (const auto& [name, text] : texts) {
    if (text.size() > shm::kMaxKeyBytes) {
      return complain(name, std::to_string(text.size()) + " bytes long", "at most 255 are allowed");
    }
  }
  return std::nullopt;
}

std::optional<Error> fault_in_headers(const Headers& headers, const Complaint& complain) {
  for (const Header& header : headers) {
    if (header.name.empty()) return complain("headers", "without a name", "each header needs one");
    if (header.name.size() > shm::kMaxHeaderNameBytes) {
      return complain("headers", "given a name of " + std::to_string(header.name.size()) + " bytes",
                      "at most 255 are allowed");
    }
  }
  if (const std::size_t bytes = encoded_bytes(headers); bytes > shm::kMaxHeadersBytes) {
    return complain("headers", std::to_string(bytes) + " bytes long",
                    "at most 65535 are allowed for all of them; put what is larger into the "
                    "payload");
  }
  return std::nullopt;
}

bool in_range(std::chrono::nanoseconds time) { return time.count() >= 0 && time <= kLongestTime; }

/// `later` from `now_ns`; 0 = not said.
std::uint64_t moment(std::uint64_t now_ns, std::chrono::nanoseconds later) {
  const bool said = later.count() != 0 && later != kForever;
  return said ? now_ns + static_cast<std::uint64_t>(later.count()) : 0;
}

}  // namespace

std::size_t encoded_bytes(const Headers& headers) {
  std::size_t bytes = 0;
  for (const Header& header : headers) bytes += shm::header_entry_bytes(entry_of(header));
  return bytes;
}

void encode(const Headers& headers, std::span<std::byte> room) {
  shm::HeaderWriter writer(room);
  for (const Header& header : headers) writer.put(entry_of(header));
}

std::optional<Error> fault_in(const Attributes& attributes, const std::string& topic) {
  const Complaint complain{topic};
  if (auto fault = fault_in_texts(attributes, complain)) return fault;
  if (const auto time = attributes.time_to_live; !in_range(time) && time != kForever) {
    return complain("time_to_live", std::to_string(time.count()) + " ns",
                    "0 to 100 years are allowed; 0 for one that never expires");
  }
  if (const auto time = attributes.delay; !in_range(time)) {
    return complain("delay", std::to_string(time.count()) + " ns", "0 to 100 years are allowed");
  }
  if (attributes.priority > shm::kMaxPriority) {
    return complain("priority", std::to_string(attributes.priority),
                    "0 to 7 are allowed, 7 the most urgent");
  }
  if (attributes.number > shm::kMaxProducerNumber) {
    return complain("number", std::to_string(attributes.number), "numbers below 2^62 are allowed");
  }
  return attributes.headers.empty() ? std::nullopt : fault_in_headers(attributes.headers, complain);
}

shm::EncodedFields encode(const Attributes& attributes, std::uint64_t producer) {
  return encode(attributes, attributes.key, producer);
}

shm::EncodedFields encode(const Attributes& attributes, std::string_view key,
                          std::uint64_t producer) {
  const bool timed = attributes.time_to_live.count() != 0 || attributes.delay.count() != 0;
  const std::uint64_t now_ns = timed ? shm::monotonic_ns() : 0;
  shm::EncodedFields encoded(
      {.expires_ns = moment(now_ns, attributes.time_to_live),
       .due_ns = moment(now_ns, attributes.delay),
       .tag = attributes.tag.empty() ? attributes.tag_hash : shm::text_hash(attributes.tag),
       .producer = {attributes.number == 0 ? 0 : producer, attributes.number},
       .key = key,
       .correlation_id = attributes.correlation_id,
       .reply_topic = attributes.reply_topic,
       .content_type = attributes.content_type,
       .header_bytes = encoded_bytes(attributes.headers),
       .priority = attributes.priority});
  encode(attributes.headers, encoded.header_room());
  return encoded;
}

}  // namespace tow
