// Options of a topic: what they make is a geometry that holds, or an error; and a topic made with
// some options is the same as one asked for with them.

#include "bus/src/geometry.hpp"
#include "input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tow::fuzz::require;
  tow::fuzz::Input input(data, size);
  tow::TopicOptions options;
  options.publishers = static_cast<tow::Publishers>(input.number<std::uint8_t>() % 3);
  options.stamps = static_cast<tow::Stamps>(input.number<std::uint8_t>() % 4);
  options.huge_pages = input.number<std::uint8_t>() % 2 != 0;
  options.slot_bytes = input.number<std::uint16_t>();
  options.max_publishers = input.number<std::uint16_t>();
  options.max_subscribers = input.number<std::uint16_t>();
  // Mostly of a size that somebody might mean; the low bits say how far to shift.
  const auto scaled = [&input] {
    const auto raw = input.number<std::uint64_t>();
    return raw >> (raw & 63);
  };
  options.depth = scaled();
  options.max_message_bytes = scaled();
  options.pool_bytes = scaled();
  options.lane_depth = scaled();
  tow::TypeInfo type{"bytes", 0, 1, 0};
  if (input.number<std::uint8_t>() % 2 != 0) {
    type.bytes = input.number<std::uint32_t>();
    type.fingerprint = 1;
    type.name = input.text(100);
  }
  const auto geometry = tow::make_geometry("fuzzed", options, type);
  if (!geometry) return 0;
  const auto& raw = geometry->raw();
  require(raw.slot_count >= options.depth && raw.lane_slot_count <= raw.slot_count);
  require(geometry->pool_offset() % 4096 == 0);
  require(geometry->lane_file_bytes() < 1ULL << 36);
  require(tow::shm::Geometry::checked(raw, "again").has_value());
  require(tow::check_same("fuzzed", raw, options, type).has_value());
  require(tow::stored_type_name(raw).size() < raw.type_name.size());
  return 0;
}
