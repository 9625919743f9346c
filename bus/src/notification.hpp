#pragma once
/// Descriptors that become readable when a topic has news: an eventfd a subscriber or consumer, fed
/// by waiting threads of this process. All logic of rings and groups stays on the thread of the
/// subscriber or consumer; the waiting threads only sleep on futex words and look, read-only,
/// whether a sequence was committed or a time has come.

#include <atomic>
#include <cstdint>
#include <memory>

#include "towpath/waitable.hpp"

namespace tow {

class WatchThread;

/// The descriptor of one subscriber or consumer. Used on its thread.
class Notification {
 public:
  /// Null when no descriptor is to be had; errno says why.
  static std::unique_ptr<Notification> make();
  ~Notification();
  Notification(const Notification&) = delete;

  int fd() const { return event_fd_; }
  /// True from watch() until the descriptor was signalled.
  bool armed() const;
  void watch(Watch watch);
  void signal();
  void clear();

 private:
  explicit Notification(int event_fd);
  int event_fd_;
  std::shared_ptr<WatchThread> thread_;
  std::uint64_t id_;
};

}  // namespace tow
