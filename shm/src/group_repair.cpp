// What survivors do for the groups of a topic.

#include "towpath/shm/group.hpp"
#include "towpath/shm/repair.hpp"
#include "towpath/shm/text_words.hpp"

namespace tow::shm {
namespace {

Result<Segment> open_state(const Directory& topic, const std::string& name,
                           std::uint64_t map_bytes = 0) {
  const auto groups = topic.open_child("groups");
  if (!groups) return groups.error();
  const auto group = groups->open_child(name);
  if (!group) return group.error();
  return Segment::open(*group, "state", SegmentKind::group, Access::read_write, map_bytes);
}

std::uint32_t repair_group(const Directory& topic, const std::string& name,
                           Participants& participants) {
  const auto file = open_state(topic, name);
  if (!file) return 0;
  const auto tables = GroupTables::of(*file, topic.path_of("groups/" + name + "/state"));
  if (!tables) return 0;
  // [T2] acquire, pairs with [T1]
  if (tables->layout->state.load(kAcquire) == static_cast<std::uint32_t>(GroupState::removed)) {
    (void)remove_group(topic, name);  // its remover may have died; a failure is the next one's
    return 0;
  }
  std::uint32_t repaired = 0;
  for (std::uint32_t index = 0; index < kMaxConsumers; ++index) {
    if (repair_consumer(*tables, {topic, name}, index, participants)) ++repaired;
  }
  return repaired;
}

/// A page that was given to a group which is gone, or has another, would hold publishers up for
/// ever. The group's file named it before it was given, so a missing name is proof.
void free_orphan(const Directory& topic, const Directory& readers, const std::string& number) {
  auto segment =
      Segment::open(readers, number, SegmentKind::reader, Access::read_write, sizeof(ReaderLayout));
  if (!segment || segment->size() < sizeof(ReaderLayout)) return;
  auto& page = *segment->as<ReaderLayout>();
  std::uint64_t owner = page.owner.load(kAcquire);  // [L7]
  if (!is_group_owner(Token(owner))) return;
  const std::uint64_t claim = page.claim.load(kAcquire);  // [L3]
  if (group_owner(claim).bits() != owner) return;
  const std::string name = load_text(page.group);
  if (name.empty() || name.find('/') != std::string::npos || name[0] == '.') return;
  const auto file = open_state(topic, name, sizeof(GroupLayout));
  if (!file && !(file.error() == Code::not_found)) return;  // cannot be told
  if (file && file->size() >= sizeof(GroupLayout)) {
    const GroupPage named =
        GroupPage::unpack(file->as<GroupLayout>()->page.load(kAcquire));  // [G10]
    if (std::to_string(named.number) == number && named.claim == claim) return;
  }
  page.owner.compare_exchange_strong(owner, 0, kAcqRel);  // [L7]
}

}  // namespace

void free_orphans(const Directory& topic) {
  const auto readers = topic.open_child("readers");
  if (!readers) return;
  for (const std::string& number : readers->names()) {
    if (number != "board") free_orphan(topic, *readers, number);
  }
}

std::uint32_t repair_groups(const Directory& topic, Participants& participants) {
  std::uint32_t repaired = 0;
  for (const std::string& name : groups_in(topic)) {
    repaired += repair_group(topic, name, participants);
  }
  free_orphans(topic);
  return repaired;
}

}  // namespace tow::shm
