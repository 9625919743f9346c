// A document is replaced, by one who may die at any step and by his successor, while others read
// it: what they read is a whole version, never an older one than before.

#include "towpath/shm/document.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>

#include "cases.hpp"

namespace tow::schedule {
namespace {

using shm::Document;
using shm::kRelaxed;
using shm::kRelease;

/// A document whose version n says n, twice.
class Pages {
 public:
  Pages() {
    char name[] = "/dev/shm/towpath-schedule-XXXXXX";
    if (mkdtemp(name) == nullptr) throw std::runtime_error("cannot make a directory");
    path_ = name;
    directory_.emplace(shm::Directory::open(path_).value());
    Document::create(*directory_, "d", {shm::SegmentKind::exchange, 64}, bytes_of(1)).value();
    shm::Segment::create(*directory_, "lock", {shm::SegmentKind::lock, 64}, [](std::byte*) {
    }).value();
    segment_ =
        shm::Segment::open(*directory_, "d", shm::SegmentKind::exchange, shm::Access::read_write)
            .value();
    first_.assign(segment_.data(), segment_.data() + segment_.size());
    byte_ = open((path_ + "/d").c_str(), O_RDWR | O_CLOEXEC);
    lock_.emplace(shm::FileLock::take(*directory_, "lock", std::chrono::hours(1)).value());
  }
  ~Pages() {
    close(byte_);
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Pages(const Pages&) = delete;

  void begin() {
    documents_.clear();
    std::memcpy(segment_.data(), first_.data(), first_.size());
    for (int i = 0; i < 3; ++i) {
      documents_.push_back(
          Document::open(*directory_, "d", shm::SegmentKind::exchange, shm::Access::read_write)
              .value());
    }
    returned_ = 1;
    over_ = false;
  }
  /// Dies anywhere, as far as the bounds let it.
  void replace_twice(std::size_t who) {
    for (int i = 0; i < 2; ++i) {
      const std::uint64_t next = documents_[who].current() + 1;
      if (!documents_[who].replace(*lock_, bytes_of(next))) fail("cannot be replaced");
      returned_ = next;
    }
    change_hands(F_UNLCK);
    over_ = true;
  }
  void succeed(std::size_t who) {
    wait_until([this] { return over_; }, "the lock");
    change_hands(F_WRLCK);
    replace_twice(who);
  }
  void died() {
    unlocked(kByte);
    over_ = true;
  }
  void read_twice(std::size_t who) {
    std::uint64_t last = 0;
    for (int i = 0; i < 2; ++i) last = read(who, last);
  }
  void check() {
    const std::uint64_t last = read(2, returned_);
    if (last > returned_ + 1) fail("a version came from nowhere");
    if (!documents_[2].replace(*lock_, bytes_of(last + 1))) fail("cannot be replaced any more");
    if (read(2, last) != last + 1) fail("a change has no effect");
  }
  shm::Segment& segment() { return segment_; }
  Document& document(std::size_t who) { return documents_[who]; }

  static std::span<const std::byte> bytes_of(std::uint64_t number) {
    static std::array<std::array<std::uint64_t, 2>, 16> all;
    auto& words = all[number % all.size()];
    words = {number, number};
    return std::as_bytes(std::span(words));
  }

 private:
  static constexpr off_t kByte = 1;

  /// What the kernel orders when a lock goes and comes, by one of another file: `lock_` stays.
  void change_hands(short type) const {
    struct flock byte {};
    byte.l_type = type;
    byte.l_whence = SEEK_SET;
    byte.l_start = kByte;
    byte.l_len = 1;
    fcntl(byte_, F_OFD_SETLK, &byte);
  }

  std::uint64_t read(std::size_t who, std::uint64_t at_least) {
    const auto version = documents_[who].read();
    if (!version) {
      fail("cannot be read: " + version.error().message());
      return at_least;
    }
    std::array<std::uint64_t, 2> words{};
    if (version->bytes.size() == sizeof words) {
      std::memcpy(words.data(), version->bytes.data(), sizeof words);
    }
    if (words[0] != version->number || words[1] != version->number) fail("a torn version");
    if (version->number < at_least) fail("an older version than before");
    return version->number;
  }

  std::string path_;
  std::optional<shm::Directory> directory_;
  shm::Segment segment_;
  std::vector<std::byte> first_;
  std::optional<shm::FileLock> lock_;
  int byte_ = -1;
  std::vector<Document> documents_;
  std::uint64_t returned_ = 1;
  bool over_ = false;
};

Scenario scenario_of(const std::shared_ptr<Pages>& pages,
                     std::vector<std::function<void()>> actors) {
  return {[pages] { pages->begin(); }, std::move(actors), [pages](std::size_t) { pages->died(); },
          [pages] { pages->check(); }};
}

std::function<Scenario()> replaced_and_read() {
  return [] {
    const auto pages = std::make_shared<Pages>();
    return scenario_of(pages,
                       {[pages] { pages->replace_twice(0); }, [pages] { pages->read_twice(1); }});
  };
}

std::function<Scenario()> succeeded() {
  return [] {
    const auto pages = std::make_shared<Pages>();
    return scenario_of(pages, {[pages] { pages->replace_twice(0); },
                               [pages] { pages->read_twice(1); }, [pages] { pages->succeed(2); }});
  };
}

const std::size_t kReplaced =
    add_case({"document replaced", {.deaths = 1, .mortal = 1}, replaced_and_read()});
const std::size_t kSucceeded =
    add_case({"document, a successor", {.preemptions = 2, .deaths = 1, .mortal = 1}, succeeded()});

TEST(DocumentSchedules, AVersionIsReadWholeWhoeverDiesReplacingIt) { expect_to_hold(kReplaced); }

TEST(DocumentSchedules, ASuccessorHarmsNoReader) { expect_to_hold(kSucceeded); }

TEST(DocumentSchedules, ANumberBeforeItsVersionIsFound) {
  expect_to_fail("number before version",
                 [] {
                   const auto pages = std::make_shared<Pages>();
                   const auto announce_first = [pages] {
                     auto& file = *pages->segment().as<shm::DocumentLayout>();
                     auto& area =
                         *pages->segment().as<shm::VersionLayout>(sizeof(shm::DocumentLayout));
                     file.current.store(2, kRelease);
                     area.number.store(2, kRelaxed);
                   };
                   return scenario_of(pages, {announce_first, [pages] { pages->read_twice(1); }});
                 },
                 {});
}

}  // namespace
}  // namespace tow::schedule
