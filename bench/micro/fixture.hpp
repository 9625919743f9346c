#pragma once
/// A topic on a bus of its own, for what one operation costs in one process.

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "towpath/towpath.hpp"

namespace towbench {

/// 48 bytes: what fits into the smallest slot.
struct Quote {
  std::uint64_t instrument;
  double bid, ask, bid_size, ask_size;
  std::uint64_t time_ns;
};
static_assert(sizeof(Quote) == 48);

/// Deleted at the end.
class Fixture {
 public:
  explicit Fixture(tow::Publishers publishers)
      : path_("/dev/shm/towpath-micro-" + std::to_string(getpid())),
        topic_(tow::Bus::open(path_)
                   .value()
                   .topic<Quote>("quotes", {.publishers = publishers})
                   .value()),
        publisher_(topic_.publisher().value()) {}
  ~Fixture() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Fixture(const Fixture&) = delete;

  const std::string& path() const { return path_; }
  tow::Topic<Quote>& topic() { return topic_; }
  tow::Publisher<Quote>& publisher() { return publisher_; }

 private:
  std::string path_;
  tow::Topic<Quote> topic_;
  tow::Publisher<Quote> publisher_;
};

}  // namespace towbench
