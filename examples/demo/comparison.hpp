#pragma once
/// The second half of the demo: the same records from one process to another, over Towpath and over
/// a Unix socket, at full speed and at a fixed pace.

#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "records.hpp"
#include "stage.hpp"
#include "story.hpp"

namespace demo {

/// One stream between two processes. Both sides note the time of every record in an array of their
/// own, which only the narrator reads, afterwards: nobody's clock travels with the message.
struct Stream {
  std::span<const std::string_view> records;  ///< one after the other in memory
  std::size_t count;        ///< records to send; more than there are: from the beginning again
  std::uint64_t period_ns;  ///< from one record to the next; 0 = as fast as it goes
  std::string bus_path;
  Shared<std::uint64_t>& sent_ns;   ///< sender, right before it sends
  Shared<std::uint64_t>& taken_ns;  ///< receiver, when it has the record
  Shared<char>& sink;               ///< receiver: a copy of all records
  Shared<std::atomic<std::uint32_t>>& receiver_ready;

  std::string_view record(std::size_t index) const { return records[index % records.size()]; }
  std::string_view bytes() const {
    return {records.front().data(), records.back().data() + records.back().size()};
  }
};

/// The receiver's work, the same for both: note the time, copy the record.
class Receiver {
 public:
  explicit Receiver(const Stream& stream) : stream_(stream), bytes_(stream.bytes().size()) {}
  bool done() const { return count_ == stream_.count; }
  void accept(std::string_view record) {
    if (done()) return;
    stream_.taken_ns[count_++] = now_ns();
    if (at_ == bytes_) at_ = 0;
    if (record.size() > bytes_ - at_) return;  // damaged; the check will tell
    std::memcpy(stream_.sink.data() + at_, record.data(), record.size());
    at_ += record.size();
  }

 private:
  const Stream& stream_;
  std::size_t bytes_, count_ = 0, at_ = 0;
};

/// The sender's pace: returns when record `index` is due. Spins, as sleeping would be the slowest
/// part of what is measured.
class Pace {
 public:
  explicit Pace(std::uint64_t period_ns) : period_ns_(period_ns), begin_ns_(now_ns()) {}
  void wait_for(std::size_t index) const {
    if (period_ns_ == 0) return;
    while (now_ns() < begin_ns_ + index * period_ns_) continue;
  }

 private:
  std::uint64_t period_ns_, begin_ns_;
};

int send_over_towpath(const Stream& stream);
int receive_over_towpath(const Stream& stream);
int send_over_socket(const Stream& stream, int socket);
int receive_over_socket(const Stream& stream, int socket);

struct Speed {
  double megabytes_per_s = 0, p50_ns = 0, p99_ns = 0;
};
struct Comparison {
  Speed towpath_full, socket_full, towpath_paced, socket_paced;  ///< each the median of kRounds
};
inline constexpr int kRounds = 3;
inline constexpr std::uint64_t kPacedPerSecond = 25'000;
inline constexpr std::size_t kPacedRecords = 20'000;

/// Of a large input only this much is compared.
inline constexpr std::size_t kMostBytes = 256'000'000;

/// Runs all of it and checks that every byte arrived. Throws std::runtime_error.
Comparison compare(Story& story, const Input& input, const std::string& bus_folder);

}  // namespace demo
