#include "notification.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "towpath/shm/participants.hpp"

namespace tow {

/// Sleeps on up to kCapacity words of watches and one of its own, which changes when the watches
/// do. Runs until the process ends.
class WatchThread {
 public:
  static constexpr std::size_t kWordsOfAWatch = std::tuple_size_v<decltype(Watch::words)>;
  static constexpr std::size_t kCapacity = (shm::kMaxWaitWords - 1) / kWordsOfAWatch;

  /// A thread with room for one more subscriber; made when there is none.
  static std::shared_ptr<WatchThread> with_room();

  bool armed(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    return watches_.contains(id);
  }
  void set(std::uint64_t id, Watch watch, int event_fd) {
    {
      const std::lock_guard lock(mutex_);
      watches_[id] = {std::move(watch), event_fd};
    }
    interrupt();
  }
  /// Returns once the thread has let the ring go, so that a process that ends leaves its bus.
  void leave(std::uint64_t id) {
    if (forks_ != shm::fork_count()) return;  // a child has none of its parent's threads
    std::unique_lock lock(mutex_);
    watches_.erase(id);
    --members_;
    const std::uint32_t change = interrupt();
    let_go_.wait(lock, [&] { return static_cast<std::int32_t>(let_go_before_ - change) >= 0; });
  }

 private:
  struct Entry {
    Watch watch;
    int event_fd = -1;
  };
  std::uint32_t interrupt() {
    // [W1] pairs with [W2]: watches before the count
    const std::uint32_t change = changed_.fetch_add(1, shm::kRelease) + 1;
    shm::futex_wake_all(changed_);
    return change;
  }
  void run();
  void signal_ready();

  std::mutex mutex_;
  std::map<std::uint64_t, Entry> watches_;
  std::size_t members_ = 0;
  std::condition_variable let_go_;
  std::uint32_t let_go_before_ = 0;  ///< nothing is used that was watched before this change
  shm::Atomic<std::uint32_t> changed_{0};
  std::uint64_t forks_ = shm::fork_count();
};

std::shared_ptr<WatchThread> WatchThread::with_room() {
  static std::mutex mutex;
  static std::vector<std::shared_ptr<WatchThread>> threads;
  static std::uint64_t forks = shm::fork_count();
  const std::lock_guard lock(mutex);
  if (forks != shm::fork_count()) {  // a child has none of its parent's threads
    forks = shm::fork_count();
    threads.clear();
  }
  for (const auto& thread : threads) {
    const std::lock_guard members(thread->mutex_);
    if (thread->members_ < kCapacity) return ++thread->members_, thread;
  }
  auto made = std::make_shared<WatchThread>();
  made->members_ = 1;
  threads.push_back(made);
  // Signals belong to the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  sigdelset(&all, SIGBUS);  // the kernel kills for one that is blocked (shm/truncation.hpp)
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([made] { made->run(); }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return made;
}

void WatchThread::run() {
  bool rested = false;
  while (true) {
    const std::uint32_t seen = changed_.load(shm::kAcquire);  // [W2] pairs with [W1]
    std::vector<shm::WaitWord> words{{&changed_, seen}};
    std::vector<Watch> watched;  // what the words lie in stays mapped
    {
      const std::lock_guard lock(mutex_);
      let_go_before_ = seen;
      let_go_.notify_all();
      for (const auto& [id, entry] : watches_) watched.push_back(entry.watch);
    }
    const bool long_piece = rested && std::all_of(watched.begin(), watched.end(), [](auto& watch) {
                              return watch.ring->participants().supervised();
                            });
    auto deadline = shm::Deadline::never();
    if (!watched.empty()) {
      deadline = deadline.within(long_piece ? shm::kSupervisedPieceNs : shm::kWaitPieceNs);
    }
    for (const Watch& watch : watched) {
      deadline = deadline.until(watch.look_at_ns);
      for (const shm::WaitWord& word : watch.words) {
        if (word.word != nullptr) words.push_back(word);
      }
    }
    rested = shm::futex_wait_any(words, deadline) == shm::Wake::timed_out;
    signal_ready();
  }
}

namespace {

bool has_news(const Watch& watch) {
  // Nobody else here touches the board, and a truncated one ends the topic for who touches it.
  (void)watch.ring->board().want.load(shm::kRelaxed);  // relaxed: the value is not used
  for (const shm::WaitWord& word : watch.words) {
    // [D2] acquire
    if (word.word != nullptr && word.word->load(shm::kAcquire) != word.seen) return true;
  }
  // A look at the message itself, should its publisher have died before the wake.
  if (watch.sequence != 0 && watch.ring->published(watch.sequence)) return true;
  if (watch.group != nullptr && watch.group->removed()) return true;
  return watch.ring->removed() || watch.look_at_ns <= shm::monotonic_ns();
}

}  // namespace

void WatchThread::signal_ready() {
  const std::lock_guard lock(mutex_);
  std::erase_if(watches_, [](const auto& watched) {
    const Entry& entry = watched.second;
    const bool news = has_news(entry.watch);
    if (news) eventfd_write(entry.event_fd, 1);
    return news;
  });
}

std::unique_ptr<Notification> Notification::make() {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return nullptr;
  return std::unique_ptr<Notification>(new Notification(fd));
}

Notification::Notification(int event_fd) : event_fd_(event_fd), thread_(WatchThread::with_room()) {
  static std::atomic<std::uint64_t> next_id{1};
  id_ = next_id.fetch_add(1, shm::kRelaxed);  // relaxed: only uniqueness matters
}

Notification::~Notification() {
  thread_->leave(id_);  // afterwards nobody writes to the descriptor
  close(event_fd_);
}

bool Notification::armed() const { return thread_->armed(id_); }

void Notification::watch(Watch watch) { thread_->set(id_, std::move(watch), event_fd_); }

void Notification::signal() { eventfd_write(event_fd_, 1); }

void Notification::clear() {
  eventfd_t count = 0;
  eventfd_read(event_fd_, &count);  // fails harmlessly when it is 0
}

}  // namespace tow
