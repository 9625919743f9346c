// What survivors do with the settlements of the dead.

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "record_files.hpp"
#include "towpath/shm/record.hpp"
#include "towpath/shm/text_words.hpp"
#include "towpath/shm/wait.hpp"

namespace tow::shm {
namespace {

bool is_plain_name(const std::string& name) {
  return !name.empty() && name[0] != '.' && name.find('/') == std::string::npos;
}

/// True when nothing can be behind such a file: it does not exist or is none of this layout.
bool nothing_there(Error error) {
  return error == Code::not_found || error == Code::corrupt || error == Code::half_made ||
         error == Code::version_mismatch || error == Code::invalid_name;
}

Result<Directory> open_topic(const Directory& bus, const std::string& file) {
  if (!is_plain_name(file)) return make_error(Code::corrupt, file + " is no file name of a topic");
  const auto topics = bus.open_child("topics");
  if (!topics) return topics.error();
  return topics->open_child(file);
}

/// Proof of death needs somebody who can die: a member, if only for this.
class Member {
 public:
  Member(const Directory& bus, Participants& participants) {
    if (participants.self() && participants.still_member()) {
      shared_ = {std::shared_ptr<void>(), &participants};
      return;
    }
    auto directory = bus.open_child("participants");
    if (!directory) return;
    constexpr std::uint32_t kOwnerOnly = 0600;
    auto own = std::make_shared<Participants>(std::move(*directory), kOwnerOnly);
    if (own->join()) shared_ = std::move(own);
  }
  explicit operator bool() const { return shared_ != nullptr; }
  Participants& operator*() const { return *shared_; }
  const std::shared_ptr<Participants>& shared() const { return shared_; }

 private:
  std::shared_ptr<Participants> shared_;
};

/// Takes a lane of the dead out of settlement `id`, so that it can be adopted, and wakes who sleeps
/// over what the dead published. True when it is in it no longer.
/// Dies anywhere: a lane of the dead, still in the settlement or not.
bool clear_lane(const Directory& topic, std::uint32_t number, std::uint64_t id,
                Participants& self) {
  const auto lanes = topic.open_child("lanes");
  if (!lanes) return nothing_there(lanes.error());
  auto head =
      Segment::open(*lanes, file_name(number), SegmentKind::lane, Access::read_write, kPage);
  if (!head || head->size() < kPage) return !head && nothing_there(head.error());
  auto& lane = *head->as<LaneLayout>();
  std::uint64_t owner = lane.owner.load(kAcquire);       // [A1]
  if (lane.in_record.load(kAcquire) != id) return true;  // [X4]
  if (owner != 0 && self.liveness(Token(owner)) != Liveness::dead) return false;
  auto order =
      Segment::open(topic, "order", SegmentKind::order, Access::read_write, sizeof(OrderLayout));
  if (!order || order->size() < sizeof(OrderLayout) || number >= kMaxPublishers) return false;
  // [A1] acq_rel. Ours before anything changes: an adopter may pin messages of its own.
  if (!lane.owner.compare_exchange_strong(owner, self.self().bits(), kAcqRel)) return false;
  if (lane.in_record.load(kAcquire) == id) {                    // [X4]
    order->as<OrderLayout>()->pins[number].store(0, kRelease);  // [X2]
    Doorbell::ring(order->as<OrderLayout>()->doorbell);         // [D7] = [D6]
    lane.in_record.store(0, kRelease);                          // [X3]
  }
  owner = self.self().bits();
  lane.owner.compare_exchange_strong(owner, 0, kAcqRel);  // [A2]
  return true;
}

/// A record of the dead, claimed by us.
class Resolver {
 public:
  Resolver(const Directory& bus, const RecordPath& path, RecordLayout& record, const Member& self,
           OpenInputs open_inputs)
      : bus_(bus),
        path_(path),
        record_(record),
        self_(self),
        open_inputs_(open_inputs),
        // relaxed, both: the dead stored them before the state [X8]. Each is read once.
        id_(record.id.load(kRelaxed)),
        settler_(record.settler.load(kRelaxed)) {}

  Resolution resolve() {
    // [X8] acquire, pairs with [X7]
    std::uint64_t bits = record_.state.load(kAcquire);
    RecordWord word = RecordWord::unpack(bits);
    // From here on the last owner, should it only seem dead, can no longer decide anything. [X7]
    word.hands += 1;
    if (!record_.state.compare_exchange_strong(bits, word.pack(), kAcqRel)) {
      return Resolution::blocked;
    }
    const auto places = read_places();
    if (word.state == RecordState::committed) {
      const Resolution result = finish(places);
      for (const auto& [place, writer] : writers_) writer->leave();
      if (result != Resolution::over) return result;
    }
    if (word.state != RecordState::free && !settle_inputs(word.state == RecordState::committed)) {
      return Resolution::blocked;
    }
    record_.state.store(RecordWord{word.hands, RecordState::free}.pack(), kRelease);  // [X7]
    clear_lanes(places);
    return Resolution::over;
  }

 private:
  std::vector<RecordPlace> read_places() const {
    std::vector<RecordPlace> places;
    // relaxed, all of it: [X8] orders
    const std::uint32_t count = std::min(record_.output_count.load(kRelaxed), kMaxRecordOutputs);
    for (std::uint32_t i = 0; i < count; ++i) {
      places.push_back(RecordPlace::unpack(record_.outputs[i].place.load(kRelaxed)));
    }
    return places;
  }

  std::string topic_of(const RecordPlace& place) const {
    return place.topic < kMaxRecordTopics ? load_text(record_.topics[place.topic]) : std::string();
  }

  /// Publishes what is not out yet.
  Resolution finish(const std::vector<RecordPlace>& places) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      Atomic<std::uint64_t>& out = record_.outputs[i].out;
      if (out.load(kAcquire) != 0) continue;  // [X8]
      auto writer = writer_of(places[i]);
      // What is not there any more was removed; what cannot be had now is waited for.
      Append result = !writer && nothing_there(writer.error()) ? Append::removed : Append::full;
      if (writer) result = (*writer)->finish_prepared(places[i].slot, out);
      switch (result) {
        case Append::done:
          break;
        case Append::removed:
        case Append::damaged:
          out.store(kOutputVoid, kRelease);  // [X7]
          break;
        case Append::stale:
          return Resolution::blocked;
        default:
          return Resolution::waiting;
      }
    }
    for (const auto& [place, writer] : writers_) writer->notify();
    return Resolution::over;
  }

  /// The writer that has taken over the lane; corrupt or not_found when what lay there is gone.
  Result<Writer*> writer_of(const RecordPlace& place) {
    const std::pair key{place.topic, place.lane};
    if (const auto known = writers_.find(key); known != writers_.end()) return known->second.get();
    const std::string file = topic_of(place);
    auto directory = open_topic(bus_, file);
    if (!directory) return directory.error();
    auto ring = Ring::open(std::move(*directory), file, self_.shared(), 0600, false);
    if (!ring) return ring.error();
    auto taken = Writer::take_over(std::move(*ring), place.lane, id_);
    if (!taken) return taken.error();
    return writers_.emplace(key, std::move(*taken)).first->second.get();
  }

  /// False when the words cannot be had. Those of a group that is gone are gone with it.
  bool settle_inputs(bool committed) const {
    // relaxed, all of it: [X8] orders
    const std::uint32_t count = std::min(record_.input_count.load(kRelaxed), kMaxRecordInputs);
    if (count == 0) return true;
    const auto group = open_group_of(bus_, path_);
    if (!group) return nothing_there(group.error());
    const auto words = open_inputs_(*group);
    if (!words) return nothing_there(words.error());
    for (std::uint32_t i = 0; i < count; ++i) {
      const RecordInput input{record_.inputs[i].sequence.load(kRelaxed),
                              record_.inputs[i].word.load(kRelaxed)};
      if (committed) {
        (*words)->finish(input, settler_);
      } else {
        (*words)->fail(input, settler_);
      }
    }
    (*words)->announce();
    return true;
  }

  void clear_lanes(const std::vector<RecordPlace>& places) const {
    std::set<std::pair<std::string, std::uint32_t>> lanes;
    for (const RecordPlace& place : places) lanes.emplace(topic_of(place), place.lane);
    for (const auto& [file, lane] : lanes) {
      if (const auto topic = open_topic(bus_, file)) clear_lane(*topic, lane, id_, *self_);
    }
  }

  const Directory& bus_;
  const RecordPath& path_;
  RecordLayout& record_;
  const Member& self_;
  OpenInputs open_inputs_;
  const std::uint64_t id_;
  const std::uint32_t settler_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::unique_ptr<Writer>> writers_;
};

/// True when nothing is left to do in a record, whoever owned it.
bool is_at_rest(const RecordLayout& record, std::uint64_t owner) {
  // [X8] acquire, pairs with [X7]
  const std::uint64_t bits = record.state.load(kAcquire);
  return owner == 0 && RecordWord::unpack(bits).state == RecordState::free;
}

}  // namespace

// Nothing but a bus has topics, and from nothing else anything can be told.
Result<Directory> bus_of(const Directory& topic) {
  const auto topics = topic.open_child("..");
  if (!topics) return topics.error();
  auto bus = topics->open_child("..");
  if (!bus) return bus.error();
  if (const auto known = bus->open_child("topics"); !known) return known.error();
  return bus;
}

std::optional<RecordPath> parts_of_record_path(const std::string& path) {
  RecordPath parts;
  std::size_t from = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t to = i + 1 == parts.size() ? path.size() : path.find('/', from);
    if (to == std::string::npos || from > to) return std::nullopt;
    parts[i] = path.substr(from, to - from);
    if (!is_plain_name(parts[i])) return std::nullopt;
    from = to + 1;
  }
  if (parts[0] != "topics" || parts[2] != "groups" || parts[4] != "records") return std::nullopt;
  return parts;
}

Result<Directory> open_group_of(const Directory& bus, const RecordPath& path) {
  auto directory = open_topic(bus, path[1]);
  for (const std::size_t part : {2U, 3U}) {
    if (!directory) return directory.error();
    directory = directory->open_child(path[part]);
  }
  return directory;
}

Result<Segment> open_record(const Directory& bus, const std::string& path) {
  const auto parts = parts_of_record_path(path);
  if (!parts) return make_error(Code::corrupt, path + " is no path of a record");
  const auto group = open_group_of(bus, *parts);
  if (!group) return group.error();
  const auto records = group->open_child((*parts)[4]);
  if (!records) return records.error();
  auto segment = Segment::open(*records, (*parts)[5], SegmentKind::record, Access::read_write);
  if (segment && segment->size() < sizeof(RecordLayout)) {
    return make_error(Code::corrupt, bus.path_of(path) + " is too small");
  }
  return segment;
}

Resolution resolve_record(const Directory& bus, const std::string& path, Participants& participants,
                          OpenInputs open_inputs) {
  // Where there are no topics there is no bus, and nothing can be told.
  if (!bus.open_child("topics")) return Resolution::blocked;
  const auto segment = open_record(bus, path);
  if (!segment) {
    return nothing_there(segment.error()) ? Resolution::over : Resolution::blocked;
  }
  auto& record = *segment->as<RecordLayout>();
  std::uint64_t owner = record.owner.load(kAcquire);  // [X6]
  if (is_at_rest(record, owner)) return Resolution::over;
  const Member self(bus, participants);
  if (!self) return Resolution::blocked;
  if (owner != 0 && (*self).liveness(Token(owner)) != Liveness::dead) return Resolution::blocked;
  // [X6] acq_rel. Dies behind this: a record of the dead, as before.
  const std::uint64_t ours = (*self).self().bits();
  if (!record.owner.compare_exchange_strong(owner, ours, kAcqRel)) return Resolution::blocked;
  const RecordPath parts = *parts_of_record_path(path);
  const Resolution result = Resolver(bus, parts, record, self, open_inputs).resolve();
  owner = ours;
  record.owner.compare_exchange_strong(owner, 0, kAcqRel);  // [X6]
  return result;
}

Resolution resolve_consumer(const Directory& topic, const std::string& group, std::uint32_t index,
                            Participants& participants) {
  const std::string path = "groups/" + group + "/records/" + std::to_string(index);
  struct stat status {};
  if (fstatat(topic.fd(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) {
    return Resolution::over;  // it has never settled so
  }
  const auto bus = bus_of(topic);
  if (!bus) return Resolution::blocked;
  const std::string file = topic.path().substr(topic.path().rfind('/') + 1);
  return resolve_record(*bus, "topics/" + file + '/' + path, participants);
}

Resolution resolve_lane(const Directory& topic, std::uint32_t lane, Participants& participants,
                        OpenInputs open_inputs) {
  const auto lanes = topic.open_child("lanes");
  if (!lanes) return Resolution::blocked;
  const auto head =
      Segment::open(*lanes, file_name(lane), SegmentKind::lane, Access::read_write, kPage);
  if (!head || head->size() < kPage) return Resolution::blocked;
  const auto& layout = *head->as<LaneLayout>();
  const std::uint64_t owner = layout.owner.load(kAcquire);  // [A1]
  if (owner != 0 && participants.liveness(Token(owner)) != Liveness::dead) {
    return Resolution::blocked;
  }
  const std::uint64_t id = layout.in_record.load(kAcquire);  // [X4]
  const auto bus = bus_of(topic);
  if (!bus) return Resolution::blocked;
  if (id != 0) {
    const std::string path = load_text(layout.record);
    const auto segment = open_record(*bus, path);
    if (!segment && !nothing_there(segment.error())) return Resolution::blocked;
    // Where the record is about another settlement, this one was over before. [X8]
    if (segment && segment->as<RecordLayout>()->id.load(kAcquire) == id) {
      const Resolution result = resolve_record(*bus, path, participants, open_inputs);
      if (result != Resolution::over) return result;
    }
  }
  const Member self(*bus, participants);
  if (!self) return Resolution::blocked;
  return clear_lane(topic, lane, id, *self) ? Resolution::over : Resolution::blocked;
}

}  // namespace tow::shm
