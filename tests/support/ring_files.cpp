#include "tests/support/ring_files.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace tow::test {

using shm::Directory;
using shm::Geometry;
using shm::RingKind;

shm::GeometryLayout small_geometry(RingKind kind, std::uint64_t slots) {
  shm::GeometryLayout raw{};
  raw.kind = static_cast<std::uint32_t>(kind);
  raw.slot_bytes = 64;
  raw.slot_count = raw.lane_slot_count = slots;
  raw.pool_bytes = 64 << 10;
  raw.max_message_bytes = 16 << 10;
  raw.asked_depth = slots * 3 / 4;
  raw.max_publishers = kind == RingKind::one ? 1 : 4;
  raw.max_subscribers = 8;
  raw.stamp_shift = 6;
  raw.type_align = 1;
  return raw;
}

RingFiles::RingFiles(const shm::GeometryLayout& raw)
    : geometry_(Geometry::checked(raw, "test").value()) {
  mkdir(participants_path().c_str(), 0700);
  mkdir((directory_.path() + "/topics").c_str(), 0700);
  mkdir(topic_path().c_str(), 0700);
  shm::Ring::create(topic(), geometry_, 0600).value();
}

std::shared_ptr<shm::Participants> RingFiles::participants() const {
  auto participants =
      std::make_shared<shm::Participants>(Directory::open(participants_path()).value(), 0600);
  participants->join().value();
  return participants;
}

Result<std::shared_ptr<shm::Ring>> RingFiles::try_open(bool observe) const {
  return shm::Ring::open(topic(), "topic", participants(), 0600, observe);
}

shm::Token dead_token() { return {geteuid(), shm::kMaxParticipants - 1, 77}; }

Took take_from(shm::Reader& reader, bool keep) {
  alignas(16) std::byte buffer[shm::kMaxInlineBytes];
  shm::Received received;
  Took took;
  took.take = reader.try_take(received, buffer);
  if (took.take != shm::Take::message) return took;
  took.sequence = received.sequence;
  took.payload.assign(reinterpret_cast<const char*>(received.data), received.payload_bytes);
  took.missed = received.missed;
  took.hold = received.hold;
  if (!keep) reader.release(received.hold);
  return took;
}

shm::Append append_text(shm::Writer& writer, const std::string& text, const std::string& key) {
  const shm::EncodedFields fields({.key = key});
  const auto appended =
      writer.append(text.data(), static_cast<std::uint32_t>(text.size()), fields.view());
  if (appended == shm::Append::done) writer.notify();
  return appended;
}

std::string kind_name(RingKind kind) { return kind == RingKind::one ? "one" : "many"; }

}  // namespace tow::test
