#pragma once
/// What each process of the crash run does. They meet on the topic "packages" only.

#include <atomic>
#include <cstdint>
#include <string>

#include "records.hpp"
#include "stage.hpp"

namespace demo {

/// Where the processes report to the narrator. Each field has one writer, named here.
struct Board {
  std::atomic<std::uint32_t> ready;            ///< everybody, once joined
  std::atomic<std::uint32_t> standby_blocked;  ///< standby: about to wait for the publisher's end
  std::atomic<std::uint32_t> go;               ///< narrator: stream now
  std::atomic<std::uint64_t> copied;           ///< copy: records taken
  std::atomic<std::uint64_t> resumed_at;       ///< standby: first record that it published, from 1
  std::uint64_t gaps;                          ///< copy: sequences out of order, or messages missed
  std::uint64_t p50_ns, p99_ns;                ///< copy: from the topic's own stamps
};

struct CrashRun {
  const Input& input;
  std::string bus_path;
  std::string copy_path;      ///< what "copy" writes
  std::string sections_path;  ///< what "sections" writes: lines of "count name"
  Shared<Board>& board;
  Shared<std::uint64_t>& taken_ns;  ///< copy: when it took each record
};

/// Streams all records but the last, which it keeps back: even a short input leaves its successor
/// something to do. Then waits to be killed.
int play_publisher(const CrashRun& run);
/// Waits for the publisher's death and goes on with the record after the last that is in the topic.
int play_standby(const CrashRun& run);
/// Writes every record to a file.
int play_copy(const CrashRun& run);
/// Counts records by key.
int play_sections(const CrashRun& run);
/// Takes records until it is killed.
int play_victim(const CrashRun& run);

}  // namespace demo
