#pragma once
/// What the messages say: who published them, which of his they are, and a checksum.

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace tow::soak {

/// First bytes of every payload; pattern bytes that follow from them fill the rest.
struct Stamp {
  std::uint32_t incarnation;
  std::uint32_t bytes;
  std::uint64_t counter;   ///< from 1 in each incarnation
  std::uint64_t checksum;  ///< over everything else
};
inline constexpr std::size_t kSmallestPayload = sizeof(Stamp);

inline std::uint64_t mix(std::uint64_t value) {
  value = (value ^ value >> 30) * 0xBF58'476D'1CE4'E5B9;  // splitmix64 (Steele, Lea, Flood)
  value = (value ^ value >> 27) * 0x94D0'49BB'1331'11EB;
  return value ^ value >> 31;
}

inline std::uint64_t checksum_of(std::span<const std::byte> payload) {
  std::uint64_t sum = payload.size();
  for (std::size_t at = 0; at < payload.size(); at += 8) {
    if (at == offsetof(Stamp, checksum)) continue;
    std::uint64_t word = 0;
    std::memcpy(&word, payload.data() + at, payload.size() - at < 8 ? payload.size() - at : 8);
    sum = (sum ^ word) * 0x9E37'79B9'7F4A'7C15 + at;
  }
  return mix(sum);
}

/// Fills `payload`, of at least kSmallestPayload bytes.
inline void write_payload(std::span<std::byte> payload, std::uint32_t incarnation,
                          std::uint64_t counter) {
  Stamp stamp{incarnation, static_cast<std::uint32_t>(payload.size()), counter, 0};
  const std::uint64_t seed = mix(std::uint64_t{incarnation} << 40 ^ counter);
  for (std::size_t at = sizeof(Stamp); at < payload.size(); at += 8) {
    const std::uint64_t word = seed + at;
    std::memcpy(payload.data() + at, &word, payload.size() - at < 8 ? payload.size() - at : 8);
  }
  std::memcpy(payload.data(), &stamp, sizeof stamp);
  stamp.checksum = checksum_of(payload);
  std::memcpy(payload.data(), &stamp, sizeof stamp);
}

/// The stamp of an intact payload.
inline std::optional<Stamp> read_payload(std::span<const std::byte> payload) {
  if (payload.size() < sizeof(Stamp)) return std::nullopt;
  Stamp stamp;
  std::memcpy(&stamp, payload.data(), sizeof stamp);
  if (stamp.bytes != payload.size() || stamp.checksum != checksum_of(payload)) return std::nullopt;
  return stamp;
}

}  // namespace tow::soak
