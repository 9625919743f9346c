#pragma once
/// A topic's files without a bus, for tests of shm/: each open() joins anew, so several handles in
/// one process stand in for several processes.

#include <memory>
#include <string>
#include <vector>

#include "tests/support/temp_bus.hpp"
#include "towpath/shm/reader.hpp"
#include "towpath/shm/ring.hpp"
#include "towpath/shm/writer.hpp"

namespace tow::test {

/// A small geometry of bytes; change what the test is about.
shm::GeometryLayout small_geometry(shm::RingKind kind, std::uint64_t slots = 16);

class RingFiles {
 public:
  explicit RingFiles(const shm::GeometryLayout& raw);
  explicit RingFiles(shm::RingKind kind) : RingFiles(small_geometry(kind)) {}

  Result<std::shared_ptr<shm::Ring>> try_open(bool observe = false) const;
  std::shared_ptr<shm::Ring> open() const { return try_open().value(); }
  std::unique_ptr<shm::Writer> writer() const { return shm::Writer::attach(open()).value(); }
  std::unique_ptr<shm::Reader> reader(const shm::ReaderOptions& options = {}) const {
    return shm::Reader::attach(open(), options).value();
  }
  shm::Directory topic() const { return shm::Directory::open(topic_path()).value(); }
  std::string topic_path() const { return directory_.path() + "/topics/topic"; }
  std::string participants_path() const { return directory_.path() + "/participants"; }
  std::shared_ptr<shm::Participants> participants() const;
  const shm::Geometry& geometry() const { return geometry_; }

 private:
  TempDir directory_;
  shm::Geometry geometry_;
};

/// A token whose process is dead: its generation never lived.
shm::Token dead_token();

/// What a reader gives for the next message.
struct Took {
  shm::Take take = shm::Take::empty;
  std::uint64_t sequence = 0;
  std::string payload;
  std::int32_t hold = shm::Received::kNoHold;
  std::uint64_t missed = 0;
};
Took take_from(shm::Reader& reader, bool keep = false);

shm::Append append_text(shm::Writer& writer, const std::string& text, const std::string& key = {});

/// Both kinds of topic, and how GoogleTest prints them.
std::string kind_name(shm::RingKind kind);

}  // namespace tow::test
