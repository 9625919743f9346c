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

/// Sleeps on the words of up to kCapacity watches and one word of its own, which changes when the
/// watches do. Runs until the process ends.
class WatchThread {
 public:
  static constexpr std::size_t kCapacity = shm::kMaxWaitWords - 1;

  /// A thread with room for one more subscriber; made when there is none.
  static std::shared_ptr<WatchThread> with_room();

  bool armed(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    return watches_.contains(id);
  }
  void set(std::uint64_t id, Watch watch) {
    {
      const std::lock_guard lock(mutex_);
      watches_[id] = std::move(watch);
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
  std::uint32_t interrupt() {
    // [W1] pairs with [W2]: watches before the count
    const std::uint32_t change = changed_.fetch_add(1, shm::kRelease) + 1;
    shm::futex_wake_all(changed_);
    return change;
  }
  void run();
  void signal_ready();

  std::mutex mutex_;
  std::map<std::uint64_t, Watch> watches_;
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
    std::vector<std::shared_ptr<shm::Ring>> mapped;  // what the words lie in stays mapped
    {
      const std::lock_guard lock(mutex_);
      let_go_before_ = seen;
      let_go_.notify_all();
      for (const auto& [id, watch] : watches_) {
        words.push_back(watch.word);
        mapped.push_back(watch.ring);
      }
    }
    const bool long_piece = rested && std::all_of(mapped.begin(), mapped.end(), [](auto& ring) {
                              return ring->participants().supervised();
                            });
    const auto piece =
        shm::Deadline::never().within(long_piece ? shm::kSupervisedPieceNs : shm::kWaitPieceNs);
    const auto deadline = words.size() == 1 ? shm::Deadline::never() : piece;
    rested = shm::futex_wait_any(words, deadline) == shm::Wake::timed_out;
    signal_ready();
  }
}

void WatchThread::signal_ready() {
  const std::lock_guard lock(mutex_);
  std::erase_if(watches_, [](const auto& entry) {
    const Watch& watch = entry.second;
    // Nobody else here touches the board, and a truncated one ends the topic for who touches it.
    (void)watch.ring->board().want.load(shm::kRelaxed);  // relaxed: the value is not used
    // [D2] acquire; and a look at the message itself, should its publisher have died before the
    // wake
    const bool news = watch.word.word->load(shm::kAcquire) != watch.word.seen ||
                      watch.ring->published(watch.sequence) || watch.ring->removed();
    if (news) eventfd_write(watch.event_fd, 1);
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

void Notification::watch(const std::shared_ptr<shm::Ring>& ring, std::uint64_t sequence,
                         shm::WaitWord word) {
  thread_->set(id_, {ring, sequence, word, event_fd_});
}

void Notification::signal() { eventfd_write(event_fd_, 1); }

void Notification::clear() {
  eventfd_t count = 0;
  eventfd_read(event_fd_, &count);  // fails harmlessly when it is 0
}

}  // namespace tow
