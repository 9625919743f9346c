#include "geometry.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "attributes.hpp"

namespace tow {
namespace {

using shm::GeometryLayout;

constexpr std::uint64_t kDefaultDepth = 1024;
constexpr std::uint64_t kDefaultMessageBytes = 64 << 10;
constexpr std::uint64_t kSmallestPool = 256 << 10;
constexpr std::uint64_t kPoolForFields = 64 << 10;  ///< where all payloads fit the slot
constexpr std::uint32_t kSampleShift = 6;

/// A lazily published cursor may hide a quarter of the ring, so three quarters must hold what was
/// asked for.
std::uint64_t ring_slots(std::uint64_t asked) {
  return std::bit_ceil(std::min(asked, shm::kMaxDepth * 2) * 4 / 3 + (asked % 3 != 0 ? 1 : 0));
}

std::uint32_t slot_for(std::uint32_t type_bytes) {
  if (type_bytes == 0) return 64;
  for (const std::uint32_t slot : {64U, 128U, 256U}) {
    if (type_bytes <= slot - shm::kSlotHeaderBytes) return slot;
  }
  return 64;
}

std::uint64_t default_pool(std::uint64_t max_message, std::uint32_t slot_bytes) {
  if (max_message <= slot_bytes - shm::kSlotHeaderBytes) return kPoolForFields;
  const std::uint64_t block = (max_message + kFieldRoom + 63) / 64 * 64;
  return std::max(kSmallestPool, 4 * block);
}

std::uint32_t stamp_shift(Stamps stamps) {
  if (stamps == Stamps::none) return shm::kNoStamps;
  return stamps == Stamps::all ? 0 : kSampleShift;
}

template <class T>
T given_or(T value, std::type_identity_t<T> fallback) {
  return value == 0 ? fallback : value;
}

const char* to_text(shm::RingKind kind) { return kind == shm::RingKind::one ? "one" : "many"; }
const char* to_text_stamps(std::uint32_t shift) {
  return shift == shm::kNoStamps ? "none" : shift == 0 ? "all" : "sampled";
}

struct Comparison {
  const std::string& topic;
  std::string mismatch;

  void same(const char* option, std::uint64_t is, std::uint64_t asked) {
    if (asked != 0 && asked != is) differs(option, std::to_string(is), std::to_string(asked));
  }
  void differs(const char* option, const std::string& is, const std::string& asked) {
    if (!mismatch.empty()) mismatch += ", ";
    mismatch += std::string(option) + " is " + is + " but this program asks for " + asked;
  }
};

}  // namespace

std::string stored_type_name(const GeometryLayout& geometry) {
  const auto& name = geometry.type_name;
  return {name.begin(), std::find(name.begin(), name.end(), '\0')};
}

std::optional<Error> fault_in(const TypeInfo& type, std::string_view topic) {
  if (type.bytes == 0) return std::nullopt;
  const std::string where = "topic " + std::string(topic) + ": ";
  if (type.name.empty() || type.name.find('\0') != std::string_view::npos) {
    return make_error(Code::invalid_argument, where + "its type needs a name without NUL");
  }
  constexpr std::uint32_t kMaxAlign = 16;
  if (std::has_single_bit(type.align) && type.align <= kMaxAlign && type.bytes % type.align == 0) {
    return std::nullopt;
  }
  return make_error(Code::invalid_argument,
                    where + "a type of " + std::to_string(type.bytes) +
                        " bytes cannot be aligned to " + std::to_string(type.align) +
                        "; give its alignment, 1, 2, 4, 8 or 16, and its whole size");
}

Result<shm::Geometry> make_geometry(const std::string& topic, const TopicOptions& options,
                                    const TypeInfo& type) {
  const std::string where = "topic " + topic;
  const std::uint64_t depth = given_or(options.depth, kDefaultDepth);
  if (depth < shm::kMinDepth || depth > shm::kMaxDepth) {
    return make_error(Code::invalid_argument, where + ": depth " + std::to_string(depth) +
                                                  " is out of range; 16 to 4194304 messages");
  }
  if (type.bytes != 0 && options.max_message_bytes != 0 && options.max_message_bytes < type.bytes) {
    return make_error(Code::invalid_argument,
                      where + ": max_message_bytes is smaller than " + std::string(type.name));
  }
  GeometryLayout raw{};
  const bool one = options.publishers == Publishers::one;
  raw.kind = static_cast<std::uint32_t>(one ? shm::RingKind::one : shm::RingKind::many);
  raw.slot_bytes = given_or(options.slot_bytes, slot_for(type.bytes));
  raw.slot_count = ring_slots(depth);
  raw.lane_slot_count = raw.slot_count;
  if (!one && options.lane_depth != 0) {
    raw.lane_slot_count =
        std::clamp(ring_slots(options.lane_depth), shm::kMinDepth, raw.slot_count);
  }
  raw.max_message_bytes =
      given_or(options.max_message_bytes, type.bytes != 0 ? type.bytes : kDefaultMessageBytes);
  if (raw.slot_bytes == 64 || raw.slot_bytes == 128 || raw.slot_bytes == 256) {
    raw.pool_bytes =
        given_or(options.pool_bytes, default_pool(raw.max_message_bytes, raw.slot_bytes));
  }
  raw.pool_bytes = (std::min(raw.pool_bytes, shm::kMaxPoolBytes + 1) + 63) / 64 * 64;
  raw.asked_depth = depth;
  raw.max_publishers = one ? 1 : given_or(options.max_publishers, shm::kMaxPublishers);
  raw.max_subscribers = given_or(options.max_subscribers, shm::kMaxSubscribers);
  raw.stamp_shift = stamp_shift(options.stamps);
  raw.flags = options.huge_pages ? shm::kFlagHugePages : 0;
  raw.type_bytes = type.bytes;
  raw.type_align = type.align;
  raw.type_fingerprint = type.fingerprint;
  std::memcpy(raw.type_name.data(), type.name.data(),
              std::min(type.name.size(), raw.type_name.size() - 1));
  return shm::Geometry::checked(raw, where);
}

Result<void> check_same(const std::string& topic, const GeometryLayout& is,
                        const TopicOptions& asked, const TypeInfo& type) {
  if (is.type_fingerprint != type.fingerprint) {
    return make_error(Code::type_mismatch,
                      "topic " + topic + " carries " + stored_type_name(is) + " (" +
                          std::to_string(is.type_bytes) + " bytes), this program uses " +
                          std::string(type.name) + " (" + std::to_string(type.bytes) +
                          " bytes); use the same type on both sides, or another topic");
  }
  Comparison compare{topic, {}};
  const auto kind = static_cast<shm::RingKind>(is.kind);
  if (asked.publishers != Publishers::any &&
      (asked.publishers == Publishers::one) != (kind == shm::RingKind::one)) {
    compare.differs("publishers", to_text(kind),
                    asked.publishers == Publishers::one ? "one" : "many");
  }
  compare.same("depth", is.asked_depth, asked.depth);
  compare.same("slot_bytes", is.slot_bytes, asked.slot_bytes);
  compare.same("max_message_bytes", is.max_message_bytes, asked.max_message_bytes);
  compare.same("pool_bytes", is.pool_bytes, (asked.pool_bytes + 63) / 64 * 64);
  if (kind == shm::RingKind::many) {
    compare.same("max_publishers", is.max_publishers, asked.max_publishers);
    if (asked.lane_depth != 0) {
      compare.same("lane_depth (slots)", is.lane_slot_count,
                   std::clamp(ring_slots(asked.lane_depth), shm::kMinDepth, is.slot_count));
    }
  }
  compare.same("max_subscribers", is.max_subscribers, asked.max_subscribers);
  if (asked.stamps != Stamps::any && stamp_shift(asked.stamps) != is.stamp_shift) {
    compare.differs("stamps", to_text_stamps(is.stamp_shift),
                    to_text_stamps(stamp_shift(asked.stamps)));
  }
  if (asked.huge_pages && (is.flags & shm::kFlagHugePages) == 0) {
    compare.differs("huge_pages", "off", "on");
  }
  if (compare.mismatch.empty()) return {};
  return make_error(Code::options_mismatch,
                    "topic " + topic + " exists with other options: " + compare.mismatch +
                        "; ask for the same, leave the option out, or remove the topic first");
}

}  // namespace tow
