#pragma once
/// A real ring in a directory of its own, whose memory can be set back in microseconds, and members
/// (as many processes) that can be killed: the kernel sees their lock bytes free.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "towpath/shm/reader.hpp"
#include "towpath/shm/record.hpp"
#include "towpath/shm/ring.hpp"
#include "towpath/shm/writer.hpp"

namespace tow::schedule {

struct WorldOptions {
  shm::RingKind kind = shm::RingKind::one;
  std::uint64_t slots = 16;
  std::uint64_t lane_slots = 16;
  std::uint64_t pool_bytes = 1024;
  std::uint32_t lanes = 1;
  std::uint32_t readers = 2;
  std::size_t members = 3;
  bool record = false;  ///< there is a record of member 0
};

class World {
 public:
  explicit World(const WorldOptions& options);
  ~World();
  World(const World&) = delete;

  /// Memory and locks as they were at first: nothing published, nobody attached, all alive.
  void reset();
  /// The member's process is gone.
  void kill(std::size_t member);

  const std::shared_ptr<shm::Ring>& ring(std::size_t member) const { return rings_[member]; }
  shm::Participants& participants(std::size_t member) const { return *members_[member]; }
  /// A process that has not joined the bus.
  std::shared_ptr<shm::Participants> outsider() const;
  shm::Token token(std::size_t member) const { return members_[member]->self(); }
  shm::Directory directory() const { return shm::Directory::open(topic_path()).value(); }
  std::unique_ptr<shm::Record> claim_record(std::size_t member) const;
  std::unique_ptr<shm::Writer> writer(std::size_t member) const {
    return shm::Writer::attach(rings_[member]).value();
  }
  std::unique_ptr<shm::Reader> reader(std::size_t member, const shm::ReaderOptions& o = {}) const {
    return shm::Reader::attach(rings_[member], o).value();
  }

  shm::OrderLayout& order() const { return rings_[0]->order(); }
  shm::BoardLayout& board() const { return rings_[0]->board(); }
  shm::ReaderLayout& page(std::size_t number) const;
  shm::RecordLayout& record() const { return *record_.as<shm::RecordLayout>(); }
  shm::LaneLayout& lane_header(std::size_t number) const;
  shm::SlotLayout& slot(std::size_t lane, std::uint64_t number) const;
  std::byte* pool(std::size_t lane) const;
  /// True for meta and payload of a slot: what a reader copies.
  bool is_content(const void* word) const;
  const shm::Geometry& geometry() const { return rings_[0]->geometry(); }

 protected:
  /// Its file is set back, from here on, to what it holds now.
  void remember(const shm::Directory& directory, const std::string& name, shm::SegmentKind kind);

 private:
  struct File {
    shm::Segment segment;
    std::vector<std::byte> first;
  };
  std::string topic_path() const { return path_ + "/topics/topic"; }
  void lock(std::size_t member, short type);
  void make_record();

  std::string path_;
  std::vector<std::shared_ptr<shm::Participants>> members_;
  std::vector<int> lock_fds_;
  std::vector<bool> killed_;
  std::vector<std::shared_ptr<shm::Ring>> rings_;
  std::vector<File> files_;
  std::vector<shm::Segment> lanes_, pages_;
  shm::Segment record_;
};

/// Messages carry who published them and how many-th of his they are.
struct Note {
  std::uint64_t author = 0, number = 0;
  friend bool operator==(const Note&, const Note&) = default;
};

shm::Append publish(shm::Writer& writer, const Note& note);
/// What a reader found: its sequence and note, or why there is none.
struct Took {
  shm::Take take = shm::Take::empty;
  std::uint64_t sequence = 0;
  Note note;
};
Took take(shm::Reader& reader);
/// Takes until nothing is left; fails when a message is missing between two, or before the first.
std::vector<Note> drain(shm::Reader& reader, std::uint64_t first);

}  // namespace tow::schedule
