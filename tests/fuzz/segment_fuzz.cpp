// A file of a bus as bytes: the bus itself, a participants file, or any other segment. The first
// byte says which; the second whether the header is a good one under the bytes that follow.

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "input.hpp"
#include "tests/support/temp_bus.hpp"
#include "towpath/shm/participants.hpp"

namespace {

using tow::shm::SegmentKind;

/// A bus with one member who has left, as the files that inputs are laid over.
struct Place {
  tow::test::TempBus bus;
  std::string participants = bus.name() + "/participants/" + std::to_string(geteuid());
  std::string good_bus, good_participants;

  Place() {
    { (void)bus.open(); }
    good_bus = read(bus.name() + "/bus");
    good_participants = read(participants);
  }
  static std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

/// Bytes over a good file: a place, a length, bytes, and so on.
std::string laid_over(std::string file, tow::fuzz::Input& input) {
  while (input.left() != 0) {
    const std::size_t at = input.number<std::uint32_t>() % file.size();
    const std::string_view bytes = input.text(input.number<std::uint8_t>());
    file.replace(at, std::min(bytes.size(), file.size() - at), bytes);
  }
  return file;
}

void look_at_bus(const Place& place) {
  const auto bus = tow::Bus::open(place.bus.name(), {.create = false, .observe = true});
  if (bus) (void)bus->topics();
}

void look_at_participants(const Place& place) {
  const auto bus = tow::Bus::open(place.bus.name(), {.create = false, .observe = true});
  if (!bus) return;
  for (const auto& process : bus->processes()) (void)process.command.size();
  bus->heal();
  (void)tow::Bus::open(place.bus.name());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Place place;
  tow::fuzz::Input input(data, size);
  const auto what = input.number<std::uint8_t>() % 8;
  const bool over_good = input.number<std::uint8_t>() % 2 == 0;
  if (what == 0 || what == 1) {
    const std::string path = what == 0 ? place.bus.name() + "/bus" : place.participants;
    const std::string& good = what == 0 ? place.good_bus : place.good_participants;
    tow::fuzz::write_file(path, over_good ? laid_over(good, input) : input.rest());
    what == 0 ? look_at_bus(place) : look_at_participants(place);
    tow::fuzz::write_file(path, good);
    return 0;
  }
  tow::fuzz::write_file(place.bus.name() + "/other",
                        over_good ? laid_over(place.good_bus, input) : input.rest());
  const auto directory = tow::shm::Directory::open(place.bus.name()).value();
  const auto segment = tow::shm::Segment::open(
      directory, "other", static_cast<SegmentKind>(what),
      what % 2 == 0 ? tow::shm::Access::read_only : tow::shm::Access::read_write);
  if (segment) {
    tow::fuzz::require(segment->size() >= sizeof(tow::shm::SegmentLayout));
    segment->touch(tow::shm::Access::read_only);
  }
  return 0;
}
