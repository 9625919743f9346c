#include "recovery.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <regex>
#include <stdexcept>
#include <vector>

#include "fault.hpp"
#include "group_recovery.hpp"
#include "stage.hpp"
#include "towpath/shm/layout.hpp"
#include "towpath/shm/participants.hpp"
#include "towpath/shm/writer.hpp"

namespace tow::crash {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// One bus after a death.
class Survey {
 public:
  Survey(const std::string& path, const Expectation& expected) : path_(path), want_(expected) {}

  void run() {
    bus_.emplace(must(Bus::open(path_), "open the bus"));
    for (const ProcessInfo& process : bus_->processes()) {
      require(process.alive, "an entry of the dead was not repaired");
    }
    if (want_.verdict) {
      const std::string fault = want_.verdict(*bus_);
      require(fault.empty(), fault);
    }
    topic_.emplace(must(bus_->topic(kTopic, want_.options), "open the topic"));
    const std::uint64_t tail = topic_->last_sequence();
    if (want_.may_be_removed && tail == 0) {
      want_.before = want_.unread = 0;  // a new topic in its place
    } else {
      require(tail >= want_.before + want_.surely, "lost: the topic ends at " + number(tail));
      require(tail <= want_.before + want_.at_most, "phantom: the topic ends at " + number(tail));
      require((tail - want_.before) % want_.together == 0, "half of it: ends at " + number(tail));
    }
    no_owner_is_dead();
    change_every_exchange();
    require(want_.bell != bell(), "a sleeper was not rung for");
    follow_up(tail);
    if (want_.group || !topic_->groups().empty()) {
      survey_group(*topic_, tail, want_.group.value_or(GroupWant{.may_be_gone = true}));
    }
    read_and_publish();
    lend_every_pool();
    no_strange_files();
    leave();
  }

 private:
  std::uint32_t bell() const {
    const auto order = must(shm::Segment::open(shm::Directory::open(topic_path()).value(), "order",
                                               shm::SegmentKind::order, shm::Access::read_only),
                            "look at the order");
    return order.as<shm::OrderLayout>()->doorbell.load(shm::kAcquire);
  }

  /// Each can be read and changed, and then removed: nobody holds the lock for ever.
  void change_every_exchange() {
    for (const std::string& name : bus_->exchanges()) {
      const Exchange exchange = must(bus_->exchange(name, {.create = false}), "open an exchange");
      must(exchange.publisher(), "read an exchange");
      require(must(exchange.bind(kTopic, "of the survey"), "bind"), "bound already");
      require(must(exchange.unbind(kTopic, "of the survey"), "unbind"), "not bound");
      must(bus_->remove_exchange(name), "remove an exchange");
    }
    require(bus_->exchanges().empty(), "a removed exchange is still there");
  }

  /// A reader from the beginning sees every message there is, whole.
  void follow_up(std::uint64_t tail) {
    reader_.emplace(must(topic_->subscriber({.start = Start::oldest(), .spin = 0ns}), "subscribe"));
    // What a survivor has not read is there for a newcomer too, but for the quarter of the ring
    // that a publisher may have claimed.
    if (want_.history && want_.unread != 0 && tail + kSlots / 4 < want_.unread + kSlots) {
      require(reader_->start_sequence() <= want_.unread, "what the ring has is not to be had");
    }
    read(tail);
  }

  void read(std::uint64_t tail) {
    while (reader_->next_sequence() <= tail) {
      const std::uint64_t next = reader_->next_sequence();
      const auto taken = reader_->try_take();
      require(!taken.failed(), "take: " + (taken.failed() ? taken.error().message() : ""));
      require(static_cast<bool>(taken), "stuck: message " + number(next) + " does not come");
      require(taken.sequence() == next && taken.missed() == 0, "gap at " + number(next));
      require(is_whole(taken, next), "message " + number(next) + " is damaged");
    }
    const auto more = reader_->try_take();
    require(more.timed_out(), "phantom: a message behind the last");
  }

  /// The next publisher goes on where the topic ends, and never overwrites what the living have
  /// not read.
  void read_and_publish() {
    auto publisher = must(topic_->publisher({.when_full = WhenFull::fail}), "attach");
    std::uint64_t next = topic_->last_sequence() + 1;
    const auto publish = [&](std::size_t bytes) {
      const auto out = publisher.publish(text_of(next, bytes));
      if (!out) return false;
      require(publisher.last_sequence() == next, "published as another number");
      read(next++);
      return true;
    };
    if (want_.unread != 0) {
      const std::uint64_t most = want_.unread + kSlots - 1;
      while (next <= most + 1 && publish(kSmall)) continue;
      require(next != most + 2, "overwrites what a survivor has not read");
      require(next == most + 1, "full before the ring is: at " + number(next));
    }
    reader_->try_take();  // says that it has read all
    if (want_.end_survivors) want_.end_survivors();
    bus_->heal();
    for (std::uint64_t i = 0; i < 3 * kSlots; ++i) {
      const std::size_t bytes = i % 3 == 0 ? kLarge : kSmall;
      require(publish(bytes), "publishing does not go on, at " + number(next));
    }
  }

  /// Adopts every lane, and borrows its whole pool.
  void lend_every_pool() {
    reader_.reset();
    topic_.reset();
    bus_.reset();
    auto participants = std::make_shared<shm::Participants>(
        shm::Directory::open(path_ + "/participants").value(), 0600);
    must(participants->join(), "join");
    const auto ring = must(shm::Ring::open(shm::Directory::open(topic_path()).value(), kTopic,
                                           participants, 0600, false),
                           "open the ring");
    std::vector<std::unique_ptr<shm::Writer>> writers;
    const auto lanes = std::distance(fs::directory_iterator(topic_path() + "/lanes"), {});
    for (std::ptrdiff_t lane = 0; lane < lanes; ++lane) {
      writers.push_back(must(shm::Writer::attach(ring), "adopt a lane"));
      require(writers.back()->loan(kPoolBytes).has_value(), "pool memory leaks");
    }
  }

  template <class Layout>
  void check_owners(const char* folder, shm::SegmentKind kind, shm::Participants& participants) {
    const auto directory = shm::Directory::open(topic_path() + folder).value();
    for (const auto& entry : fs::directory_iterator(topic_path() + folder)) {
      const std::string name = entry.path().filename();
      if (name == "board") continue;
      const auto file = must(shm::Segment::open(directory, name, kind, shm::Access::read_only),
                             "look at an owner");
      const shm::Token owner(file.template as<Layout>()->owner.load(shm::kAcquire));
      require(!owner || participants.liveness(owner) == shm::Liveness::alive,
              "the dead still own " + (fs::path(folder) / name).string());
    }
  }

  void no_owner_is_dead() {
    shm::Participants participants(shm::Directory::open(path_ + "/participants").value(), 0600);
    check_owners<shm::LaneLayout>("/lanes", shm::SegmentKind::lane, participants);
    check_owners<shm::ReaderLayout>("/readers", shm::SegmentKind::reader, participants);
    no_settlement_is_open();
  }

  void no_settlement_is_open() {
    const auto directory = shm::Directory::open(topic_path()).value();
    const auto order = must(
        shm::Segment::open(directory, "order", shm::SegmentKind::order, shm::Access::read_only),
        "look at the order");
    for (const auto& pin : order.as<shm::OrderLayout>()->pins) {
      require(pin.load(shm::kAcquire) == 0, "a pin is left");
    }
    const auto lanes = directory.open_child("lanes").value();
    for (const auto& entry : fs::directory_iterator(topic_path() + "/lanes")) {
      const auto lane = must(shm::Segment::open(lanes, entry.path().filename(),
                                                shm::SegmentKind::lane, shm::Access::read_only),
                             "look at a lane");
      require(lane.as<shm::LaneLayout>()->in_record.load(shm::kAcquire) == 0,
              "a lane is left in a record");
    }
  }

  void no_strange_files() {
    static const std::regex known(
        std::string("bus|participants|participants/\\d+|exchanges|exchanges/\\.lock|topics|") +
        "topics/crash|topics/crash/(order|lanes|lanes/\\d+|readers|readers/board|readers/\\d+|" +
        "groups|groups/.*|producers|producers/producer)|topics/letters|topics/letters/.*");
    for (const auto& entry : fs::recursive_directory_iterator(path_)) {
      const std::string path = entry.path().string().substr(path_.size() + 1);
      require(std::regex_match(path, known), "left behind: " + path);
    }
  }

  /// In order; then nobody is there, and the bus can be removed.
  void leave() {
    const Bus bus = must(Bus::open(path_, {.create = false, .observe = true}), "look at the bus");
    require(bus.processes().empty(), "an entry leaks");
    must(Bus::remove(path_), "remove the bus");
    require(!fs::exists(path_), "the removed bus is still there");
  }

  std::string topic_path() const { return path_ + "/topics/" + kTopic; }

  std::string path_;
  Expectation want_;
  std::optional<Bus> bus_;
  std::optional<Topic<Bytes>> topic_;
  std::optional<Subscriber<Bytes>> reader_;
};

}  // namespace

std::string find_fault(const std::string& bus, const Expectation& expected) {
  try {
    Survey(bus, expected).run();
    return {};
  } catch (const std::exception& fault) {
    return fault.what();
  }
}

namespace {

int lock_entry(int fd, int command, short type, std::uint32_t entry, short& found) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = entry;
  lock.l_len = 1;
  const int result = fcntl(fd, command, &lock);
  found = lock.l_type;
  return result;
}

}  // namespace

Living::Living(const std::string& bus, std::uint32_t but)
    : name_("/participants/" + std::to_string(geteuid())) {
  const int fd = ::open((bus + name_).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;  // nobody has ever joined
  const auto file = shm::Segment::open(shm::Directory::open(bus + "/participants").value(),
                                       std::to_string(geteuid()), shm::SegmentKind::participants,
                                       shm::Access::read_only)
                        .value();
  for (std::uint32_t entry = 0; entry < 64; ++entry) {
    const auto& layout = file.as<shm::ParticipantsLayout>()->entries[entry];
    short found = F_UNLCK;
    lock_entry(fd, F_OFD_GETLK, F_RDLCK, entry, found);
    if (found == F_WRLCK && layout.pid.load(shm::kRelaxed) != but) entries_.push_back(entry);
  }
  close(fd);
}

Living::~Living() { end(); }

void Living::come_to_life(const std::string& copy) {
  if (entries_.empty()) return;
  fd_ = ::open((copy + name_).c_str(), O_RDWR | O_CLOEXEC);
  if (fd_ < 0) throw std::runtime_error("cannot lock entries of " + copy);
  for (const std::uint32_t entry : entries_) {
    short found = 0;
    if (lock_entry(fd_, F_OFD_SETLK, F_WRLCK, entry, found) != 0) {
      throw std::runtime_error("cannot lock an entry of " + copy);
    }
  }
}

void Living::end() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

}  // namespace tow::crash
