#pragma once
/// Descriptors that become readable when a topic has news: an eventfd a subscriber, fed by waiting
/// threads of this process. All ring logic stays on the subscriber's own thread; the waiting
/// threads only sleep on futex words and look, read-only, whether a sequence was committed.

#include <atomic>
#include <cstdint>
#include <memory>

#include "towpath/shm/ring.hpp"
#include "towpath/shm/wait.hpp"

namespace tow {

/// What a waiting thread knows of one subscriber.
struct Watch {
  std::shared_ptr<shm::Ring> ring;
  std::uint64_t sequence = 0;  ///< signal when this was committed
  shm::WaitWord word{};        ///< or when this changed
  int event_fd = -1;
};

class WatchThread;

/// One subscriber's descriptor. Used on the subscriber's thread.
class Notification {
 public:
  /// Null when no descriptor is to be had; errno says why.
  static std::unique_ptr<Notification> make();
  ~Notification();
  Notification(const Notification&) = delete;

  int fd() const { return event_fd_; }
  /// True from watch() until the descriptor was signalled.
  bool armed() const;
  void watch(const std::shared_ptr<shm::Ring>& ring, std::uint64_t sequence, shm::WaitWord word);
  void signal();
  void clear();

 private:
  explicit Notification(int event_fd);
  int event_fd_;
  std::shared_ptr<WatchThread> thread_;
  std::uint64_t id_;
};

}  // namespace tow
