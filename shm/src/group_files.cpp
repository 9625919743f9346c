// Making, opening and removing a group: its file, and the reader page that holds its low mark.
//
// Publishers see a group only by its page, so the page must neither be missing while the group is
// in use nor stay when it is gone. Its maker claims it as a reader of its own, links the group's
// file that names it, and only then gives it to the group. Who dies between leaves a page of the
// dead, which is freed as any other, and a group that names it: who opens the group next makes it
// another.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "towpath/shm/group.hpp"
#include "towpath/shm/reader_table.hpp"
#include "towpath/shm/repair.hpp"

namespace tow::shm {
namespace {

constexpr const char* kState = "state";

bool same(const GroupOptionsLayout& a, const GroupOptionsLayout& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

Result<Directory> group_directory(const Directory& topic, const std::string& name) {
  auto groups = topic.open_child("groups");
  if (!groups) return groups.error();
  return groups->open_child(name);
}

Result<Directory> make_group_directory(const Ring& ring, const std::string& name) {
  auto groups = ring.directory().make_child("groups", ring.file_mode());
  if (!groups) return groups.error();
  return groups->make_child(name, ring.file_mode());
}

Error no_group(const std::string& topic, const std::string& name) {
  return make_error(Code::not_found, "topic " + topic + " has no group " + name +
                                         "; `tow group ls` lists those there are");
}

/// Frees the page of a group, if it is still that group's. One CAS; a claim never returns.
void free_group_page(const Directory& topic, GroupPage page) {
  const auto readers = topic.open_child("readers");
  if (!readers || page.number >= kMaxSubscribers) return;
  free_reader_page(*readers, page.number, group_owner(page.claim));
}

/// Gives a page to the group whose file names it, unless the group was removed meanwhile. Dies
/// between: a page that no group names; whoever repairs the topic frees it.
void hand_over(Reader& reader, const GroupLayout& layout, const Directory& topic) {
  const GroupPage page{reader.number(), reader.claim()};
  reader.hand_over();
  fence(kSeqCst);  // [G12] pairs with [T1]: either the remover sees the page, or we the removal
  if (layout.state.load(kSeqCst) != static_cast<std::uint32_t>(GroupState::live)) {
    free_group_page(topic, page);
  }
}

}  // namespace

Result<std::shared_ptr<Group>> Group::create(const std::shared_ptr<Ring>& ring,
                                             const std::string& name,
                                             const GroupOptionsLayout& options, StartAt start) {
  if (const std::string fault = fault_in(options); !fault.empty()) {
    return make_error(Code::invalid_argument, "group " + name + " " + fault);
  }
  constexpr int kMaxRaces = 100;  // each means that somebody made or removed it meanwhile
  for (int race = 0; race < kMaxRaces; ++race) {
    auto group = open(ring, name);
    if (group && !same((*group)->options(), options)) {
      return make_error(Code::options_mismatch,
                        "group " + name + " of topic " + ring->topic() +
                            " exists with other options; use those (`tow group info` shows them), "
                            "another name, or remove it first");
    }
    if (group) return group;
    if (group.error() == Code::removed && !ring->removed()) {
      if (auto gone = remove_group(ring->directory(), name);
          !gone && !(gone.error() == Code::not_found)) {
        return gone.error();
      }
    } else if (!(group.error() == Code::not_found)) {
      return group.error();
    }
    auto directory = make_group_directory(*ring, name);
    if (!directory && directory.error() == Code::not_found) continue;
    if (!directory) return directory.error();
    auto reader = Reader::attach(ring, {.kind = ReaderKind::group,
                                        .start = start,
                                        .max_lag = options.max_length,
                                        .overflow = options.overflow,
                                        .group = name});
    if (!reader) return reader.error();
    const GroupPage page{(*reader)->number(), (*reader)->claim()};
    const auto format = [&](std::byte* data) {
      auto& layout = *reinterpret_cast<GroupLayout*>(data);
      layout.options = options;
      // relaxed: [S1] orders all of it before the magic
      layout.state.store(static_cast<std::uint32_t>(GroupState::live), kRelaxed);
      layout.page.store(page.pack(), kRelaxed);
      layout.bell.store(1, kRelaxed);
    };
    auto made = Segment::create(
        *directory, kState,
        {SegmentKind::group, group_file_bytes(options.slot_count), ring->file_mode()}, format);
    if (made) hand_over(**reader, *made->as<GroupLayout>(), ring->directory());
    const bool again = !made && (made.error() == Code::already_exists ||
                                 made.error() == Code::not_found);  // made, or removed, meanwhile
    if (!made && !again) return made.error();
  }
  return make_error(Code::system, "group " + name + " is made and removed over and over");
}

Result<std::shared_ptr<Group>> Group::open(std::shared_ptr<Ring> ring, const std::string& name,
                                           Access access) {
  auto directory = group_directory(ring->directory(), name);
  if (!directory) {
    return directory.error() == Code::not_found ? no_group(ring->topic(), name) : directory.error();
  }
  auto file = Segment::open(*directory, kState, SegmentKind::group, access);
  if (!file) return file.error() == Code::not_found ? no_group(ring->topic(), name) : file.error();
  const std::string path = directory->path_of(kState);
  auto tables = GroupTables::of(*file, path);
  if (!tables) return tables.error();
  if (tables->slot_count() != ring->geometry().slot_count()) {
    return make_error(Code::corrupt, path + " is not as long as its topic; remove the group");
  }
  file->share(ring->fate());
  if (access == Access::read_write) file->touch(access);
  std::shared_ptr<Group> group(new Group(std::move(ring), name, std::move(*file), *tables, access));
  if (group->removed()) return group->end_reason();
  if (auto found = group->find_page(); !found) return found.error();
  return group;
}

Result<bool> Group::use_page(GroupPage page) {
  if (page.number >= kMaxSubscribers || page.claim == 0) return false;
  auto segment = ring_->map_reader(page.number, access_);
  if (!segment) {
    const bool missing = segment.error() == Code::not_found || segment.error() == Code::corrupt;
    if (missing) return false;
    return segment.error();
  }
  auto& layout = *segment->as<ReaderLayout>();
  const std::uint64_t owner = layout.owner.load(kAcquire);                       // [L7]
  const std::uint64_t claim = layout.claim.load(kAcquire);                       // [L3]
  if (claim != page.claim || layout.live.load(kAcquire) != claim) return false;  // [L3]
  if (owner != group_owner(claim).bits()) {
    // Its maker is about to hand it over, or died before.
    const bool lives = owner != 0 && ring_->participants().liveness(Token(owner)) != Liveness::dead;
    if (!lives) return false;
    return make_error(Code::half_made, "group " + name_ + " of topic " + ring_->topic() +
                                           " is half made and its maker lives; try again");
  }
  page_segment_ = std::move(*segment);
  page_segment_.share(ring_->fate());
  mark_ = &page_segment_.as<ReaderLayout>()->cursor;
  page_ = page;
  return true;
}

Result<void> Group::find_page() {
  constexpr int kMaxLooks = 1000;
  for (int look = 0; look < kMaxLooks; ++look) {
    // [G10] acquire, pairs with [G11]: the page is ready before it is named.
    const GroupPage page = GroupPage::unpack(tables_.layout->page.load(kAcquire));
    auto used = use_page(page);
    if (used && *used) return {};
    if (used) {
      if (!writable()) return no_group(ring_->topic(), name_);  // not finished
      if (auto made = make_page(page); !made) return made;
      continue;
    }
    if (!(used.error() == Code::half_made) || look + 1 == kMaxLooks) return used.error();
    constexpr timespec kNap{0, 1'000'000};
    nanosleep(&kNap, nullptr);
  }
  return make_error(Code::half_made, "group " + name_ + " changes its page over and over");
}

Result<void> Group::make_page(GroupPage stale) {
  // Nobody has consumed yet: who made the group died before anybody could open it.
  auto reader = Reader::attach(ring_, {.kind = ReaderKind::group,
                                       .start = {StartAt::Kind::next, 0},
                                       .max_lag = options().max_length,
                                       .overflow = options().overflow,
                                       .group = name_});
  if (!reader) return reader.error();
  std::uint64_t seen = stale.pack();
  const GroupPage page{(*reader)->number(), (*reader)->claim()};
  // [G11] acq_rel, pairs with [G10]. Dies behind: as its first maker did.
  if (tables_.layout->page.compare_exchange_strong(seen, page.pack(), kAcqRel)) {
    hand_over(**reader, *tables_.layout, ring_->directory());
  }
  return {};  // a lost race: another one made it a page, and ours ends here
}

Result<void> remove_group(const Directory& topic, const std::string& name) {
  auto directory = group_directory(topic, name);
  if (!directory) {
    free_orphans(topic);  // should its files be lost, its page is not: that holds publishers up
    return directory.error() == Code::not_found ? no_group(topic.path(), name) : directory.error();
  }
  auto file = Segment::open(*directory, kState, SegmentKind::group, Access::read_write,
                            sizeof(GroupLayout));
  if (!file && file.error() == Code::no_permission) return file.error();
  if (file && file->size() >= sizeof(GroupLayout)) {
    auto& layout = *file->as<GroupLayout>();
    // [T1] seq_cst, pairs with [G12]: whoever looks from here on stops. Dies here: who opens it
    // next goes on.
    layout.state.store(static_cast<std::uint32_t>(GroupState::removed), kSeqCst);
    fence(kSeqCst);                         // [G12]
    layout.returns.fetch_add(1, kRelease);  // [G6]
    Doorbell::ring(layout.bell);
    free_group_page(topic, GroupPage::unpack(layout.page.load(kAcquire)));  // [G10]
    ring_topic(topic);                                                      // there may be room
  }
  // Its name last: until here who opens the topic finds what to finish.
  if (auto records = directory->open_child("records"); records) {
    for (const std::string& record : records->names()) unlinkat(records->fd(), record.c_str(), 0);
    unlinkat(directory->fd(), "records", AT_REMOVEDIR);
  }
  if (unlinkat(directory->fd(), kState, 0) != 0 && errno != ENOENT) {
    return make_error(Code::no_permission, "remove " + directory->path_of(kState), errno);
  }
  unlinkat(topic.fd(), ("groups/" + name).c_str(), AT_REMOVEDIR);
  // A damaged file does not say which page is its, and nobody else would look for that.
  free_orphans(topic);
  ring_topic(topic);  // there may be room
  return {};
}

std::vector<std::string> groups_in(const Directory& topic) {
  const auto groups = topic.open_child("groups");
  std::vector<std::string> names = groups ? groups->names() : std::vector<std::string>{};
  // Without its file it is only the beginning of a group, or what is left of one.
  std::erase_if(names, [&](const std::string& name) {
    return faccessat(groups->fd(), (name + '/' + kState).c_str(), F_OK, 0) != 0;
  });
  return names;
}

}  // namespace tow::shm
