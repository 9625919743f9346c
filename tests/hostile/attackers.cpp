// What hostile processes do to files that their role may write.

#include <dirent.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>

#include "fields.hpp"
#include "stage.hpp"
#include "towpath/towpath.hpp"

namespace tow::hostile {
namespace {

namespace fs = std::filesystem;
using shm::SegmentKind;

SegmentKind kind_of(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().filename();
  const std::string name = fs::path(path).filename();
  if (name == "order") return SegmentKind::order;
  if (name == "board") return SegmentKind::board;
  if (name == "state") return SegmentKind::group;
  if (folder == "lanes") return SegmentKind::lane;
  if (folder == "exchanges") return SegmentKind::exchange;
  return folder == "participants" ? SegmentKind::participants : SegmentKind::reader;
}

/// A file, mapped for writing; nothing of it when it cannot be.
struct Target {
  explicit Target(const std::string& path) : kind(kind_of(path)) {
    const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    struct stat status {};
    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size >= 4096) {
      bytes = static_cast<std::uint64_t>(status.st_size);
      void* const mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
      data = mapped == MAP_FAILED ? nullptr : static_cast<std::byte*>(mapped);
    }
    if (fd >= 0) close(fd);
  }
  ~Target() {
    if (data != nullptr) munmap(data, bytes);
  }
  Target(const Target&) = delete;
  template <class T>
  std::atomic_ref<T> word(std::uint64_t offset) const {
    return std::atomic_ref<T>(*reinterpret_cast<T*>(data + offset));
  }

  SegmentKind kind;
  std::byte* data = nullptr;
  std::uint64_t bytes = 0;
  std::vector<Field> fields;
};

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code gone;
  fs::directory_iterator entries(folder, gone), end;
  for (; !gone && entries != end; entries.increment(gone)) files.push_back(entries->path());
  return files;
}

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

std::vector<std::string> files_for(const Plan& plan, Attack kind) {
  const std::string attacked = plan.bus + "/topics/" + kAttacked;
  const std::string theirs = plan.bus + "/topics/" + kTheirs;
  std::vector<std::string> files;
  if (kind == Attack::scribble_as_publisher) {
    files.push_back(attacked + "/order");
    append(files, files_in(attacked + "/lanes"));
    files.push_back(plan.bus + "/exchanges/" + kAttacked);
  } else if (kind == Attack::scribble_as_subscriber) {
    append(files, files_in(attacked + "/readers"));
  } else if (kind == Attack::scribble_as_consumer) {
    files.push_back(attacked + "/groups/" + kAttackedGroup + "/state");
    append(files, files_in(attacked + "/readers"));
  } else {
    for (const char* const part : {"", "/lanes", "/readers"})
      append(files, files_in(theirs + part));
    // Of the victims' user, who are trusted, everybody may write this.
    if (plan.other_user) files.push_back(plan.bus + "/participants/" + std::to_string(geteuid()));
  }
  return files;
}

class Scribbler {
 public:
  Scribbler(StageLog& log, Random& random, const std::vector<std::string>& files)
      : log_(log), random_(random) {
    for (const std::string& file : files) {
      targets_.push_back(std::make_unique<Target>(file));
      if (targets_.back()->data == nullptr) targets_.pop_back();
    }
    for (const auto& target : targets_) {
      // Relaxed throughout: a scribbler wants no order.
      stolen_.push_back(target->word<std::uint64_t>(128).load(std::memory_order_relaxed));
      if (target->kind == SegmentKind::order) read_geometry(*target);
    }
  }

  /// A batch of damage to what is there now, in one go or drop by drop.
  void work() {
    if (targets_.empty()) return (void)usleep(500);
    for (const auto& target : targets_) target->fields = fields_of(target->kind, geometry_);
    const bool storm = one_in(random_, 2);
    for (int i = 0; i < (storm ? 20'000 : 100) && !log_.over.load(); ++i) {
      const Target& target = *targets_[draw(random_, 0, targets_.size() - 1)];
      one_in(random_, 30) ? scribble_bytes(target) : scribble_field(target);
      if (!storm) usleep(static_cast<useconds_t>(draw(random_, 0, 200)));
    }
  }

 private:
  void read_geometry(const Target& order) {
    shm::GeometryLayout raw;
    std::memcpy(&raw, order.data + offsetof(shm::OrderLayout, geometry), sizeof raw);
    if (auto checked = shm::Geometry::checked(raw, "attacked")) geometry_ = *checked;
  }
  void scribble_bytes(const Target& target) {
    const std::uint64_t from = draw(random_, 64, target.bytes - 1);
    const std::uint64_t to = std::min(target.bytes, from + draw(random_, 1, 64));
    for (std::uint64_t at = from; at < to; ++at) {
      target.word<std::uint8_t>(at).store(static_cast<std::uint8_t>(random_()),
                                          std::memory_order_relaxed);
    }
    log_.mutations.fetch_add(1, std::memory_order_relaxed);
  }
  void scribble_field(const Target& target) {
    const Field& field = target.fields[draw(random_, 0, target.fields.size() - 1)];
    if (field.offset + field.bytes > target.bytes) return;
    if (field.fixed && !one_in(random_, 200)) return;
    field.bytes == 4 ? spoil<std::uint32_t>(target, field) : spoil<std::uint64_t>(target, field);
    log_.mutations.fetch_add(1, std::memory_order_relaxed);
  }
  template <class Word>
  void spoil(const Target& target, const Field& field) {
    const auto word = target.word<Word>(field.offset);
    const Word now = word.load(std::memory_order_relaxed);
    word.store(static_cast<Word>(hurtful_value(random_, geometry_, now, stolen_)),
               std::memory_order_relaxed);
    if (!field.fixed) return;
    usleep(300);  // somebody may open it meanwhile
    word.store(now, std::memory_order_relaxed);
  }

  static shm::Geometry usual_geometry() {
    shm::GeometryLayout raw{};
    raw.kind = static_cast<std::uint32_t>(shm::RingKind::many);
    raw.slot_bytes = 64;
    raw.slot_count = 64;
    raw.lane_slot_count = 64;
    raw.max_message_bytes = 8192;
    raw.pool_bytes = 64 << 10;
    raw.max_publishers = 6;
    raw.max_subscribers = 12;
    return shm::Geometry::checked(raw, "attacked").value();
  }

  StageLog& log_;
  Random& random_;
  std::vector<std::unique_ptr<Target>> targets_;
  std::vector<std::uint64_t> stolen_;
  shm::Geometry geometry_ = usual_geometry();
};

/// Not by a stream: it would wait for a FIFO that a fellow put there.
void fill(const std::string& path, std::size_t bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
  const std::string text(bytes, 'x');
  (void)!write(fd, text.data(), text.size());
  close(fd);
}

/// Something else in the place of a file: whatever the filesystem has.
void put_instead(const std::string& path, Random& random) {
  switch (draw(random, 0, 6)) {
    case 0:
      mkfifo(path.c_str(), 0666);
      break;
    case 1:
      mkdir(path.c_str(), 0777);
      break;
    case 2:
      (void)!symlink("/dev/zero", path.c_str());
      break;
    case 3:
      (void)!symlink(path.c_str(), path.c_str());  // to itself
      break;
    case 4:
      fill(path, 8192);
      break;
    case 5: {  // sparse, and larger than any memory
      fill(path, 0);
      (void)!truncate(path.c_str(), 1LL << draw(random, 20, 50));
      break;
    }
    default:
      break;  // nothing
  }
}

void spoil_file(const std::string& path, Random& random) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return;
  const std::string aside = path + "x" + std::to_string(random() % 4);
  const off_t sizes[] = {0, 64, 4096, status.st_size / 2, status.st_size - 1, status.st_size * 2};
  switch (draw(random, 0, 6)) {
    case 0:
    case 1:
      (void)!truncate(path.c_str(), sizes[draw(random, 0, 5)]);
      break;
    case 2: {
      const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
      fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, status.st_size);
      close(fd);
      break;
    }
    case 3:
      unlink(path.c_str());
      put_instead(path, random);
      break;
    case 4:  // away, and perhaps back
      if (rename(path.c_str(), aside.c_str()) == 0) {
        usleep(static_cast<useconds_t>(draw(random, 0, 2000)));
        rename(aside.c_str(), path.c_str());
      }
      break;
    case 5: {  // of its own files only: who opens it must wait, or say that it would not
      const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
      fcntl(fd, F_SETLEASE, F_WRLCK);
      usleep(5000);
      close(fd);
      break;
    }
    default:
      chmod(path.c_str(), 0);
      usleep(500);
      chmod(path.c_str(), 0666);
      break;
  }
}

void spoil_files(const Plan& plan, StageLog& log, Random& random) {
  const std::string topic = plan.bus + "/topics/" + kAttacked;
  while (!log.over.load()) {
    std::vector<std::string> files;
    for (const char* const part : {"", "/lanes", "/readers", "/groups", "/groups/workers"}) {
      append(files, files_in(topic + part));
    }
    files.push_back(topic);
    append(files, files_in(plan.bus + "/exchanges"));
    // The victims' proof of life lies where everybody may write, and must stay there nevertheless.
    if (plan.other_user) {
      files.push_back(plan.bus + "/participants/0");
      files.push_back(plan.bus + "/participants/" + std::to_string(geteuid()));
    }
    if (!files.empty()) spoil_file(files[draw(random, 0, files.size() - 1)], random);
    log.mutations.fetch_add(1);
    usleep(static_cast<useconds_t>(draw(random, 500, 20'000)));
  }
}

/// Read locks are open to whoever may read a file; they must feign nobody's life and end nobody's.
void lock_bytes(const Plan& plan, StageLog& log, Random& random) {
  const std::string victims =
      plan.bus + "/participants/" + (plan.other_user ? "0" : std::to_string(geteuid()));
  const std::string files[] = {victims, plan.bus + "/bus",
                               plan.bus + "/topics/" + kAttacked + "/order"};
  while (!log.over.load()) {
    const int fd = open(files[draw(random, 0, 2)].c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct flock lock {};
    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(draw(random, 0, 64));
    lock.l_len = static_cast<off_t>(draw(random, 0, 64));  // 0: to the end
    if (fd >= 0) fcntl(fd, one_in(random, 2) ? F_OFD_SETLK : F_SETLK, &lock);
    for (std::uint64_t i = draw(random, 0, 50); i > 0; --i) {
      syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
    }
    if (fd >= 0) close(fd);
    log.mutations.fetch_add(1);
  }
}

std::string some_text(Random& random) {
  return std::string(draw(random, 0, 3) == 0 ? draw(random, 49, 8192) : draw(random, 0, 48), 'f');
}

void flood(const Plan& plan, StageLog& log, Random& random) {
  const auto topic = Bus::open(plan.bus).value().topic(kAttacked, attacked_options(plan)).value();
  auto publisher = topic.publisher({.when_full = WhenFull::drop}).value();
  for (int i = 0; i < 20'000 && !log.over.load(); ++i) {
    publisher.publish(some_text(random), {.key = one_in(random, 4) ? "key" : ""}).value();
    log.mutations.fetch_add(1, std::memory_order_relaxed);
  }
}

void join_and_leave(const Plan& plan, StageLog& log, Random& random) {
  const Bus bus = Bus::open(plan.bus).value();
  const auto topic = bus.topic(kAttacked, attacked_options(plan)).value();
  log.mutations.fetch_add(1, std::memory_order_relaxed);
  if (one_in(random, 3)) {
    // Not for ever: a fellow may have left a subscriber's page that nobody can read, and what
    // cannot be seen counts.
    auto publisher = topic.publisher({.wait_at_most = std::chrono::milliseconds(5)}).value();
    publisher.publish("joined").value();
    if (one_in(random, 4)) _exit(0);  // and leaves everything as it is
  } else {
    const auto kind = one_in(random, 2) ? SubscriberKind::required : SubscriberKind::lossy;
    auto subscriber = topic.subscriber({.kind = kind, .start = Start::oldest()}).value();
    const auto held = subscriber.try_take();
    if (one_in(random, 4)) _exit(0);
  }
}

void consume(const Plan& plan, StageLog& log, Random& random) {
  const auto topic = Bus::open(plan.bus).value().topic(kAttacked, attacked_options(plan)).value();
  const auto group = topic.group(kAttackedGroup, attacked_group()).value();
  auto consumer = group.consumer({.prefetch = static_cast<std::uint32_t>(draw(random, 1, 16))});
  for (int i = 0; i < 200 && !log.over.load(); ++i) {
    auto delivery = consumer.value().take(std::chrono::milliseconds(1));
    log.mutations.fetch_add(1, std::memory_order_relaxed);
    if (delivery && one_in(random, 2)) (void)delivery.ack();
    if (one_in(random, 100)) (void)group.seek(SeekTo::offset(-8));
    if (one_in(random, 50)) _exit(0);  // and leaves what it has
  }
}

}  // namespace

void attack(const Plan& plan, StageLog& log, Attack kind, std::uint64_t seed) {
  signal(SIGIO, SIG_IGN);                 // somebody wants a file of which this one has a lease
  signal(SIGBUS, [](int) { _exit(0); });  // a fellow truncated what this one had mapped
  Random random(seed);
  while (!log.over.load()) {
    try {
      if (kind == Attack::spoil_files) {
        spoil_files(plan, log, random);
      } else if (kind == Attack::lock) {
        lock_bytes(plan, log, random);
      } else if (kind == Attack::flood) {
        flood(plan, log, random);
      } else if (kind == Attack::consume) {
        consume(plan, log, random);
      } else if (kind == Attack::join_and_leave) {
        join_and_leave(plan, log, random);
      } else {
        Scribbler(log, random, files_for(plan, kind)).work();
      }
    } catch (const BadResult&) {  // the topic is damaged, or not there just now
      log.refused.fetch_add(1);
      usleep(1000);
    }
  }
}

}  // namespace tow::hostile
