#pragma once
/// One bus under watch: who lives there, who died, and what is done about it.

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "towpath/towpath.hpp"

namespace towd {

/// Watches one bus without joining it. It keeps nothing that its successor could not find again:
/// killed anywhere, it leaves what it had not repaired to the next one, or to any survivor.
///
/// An end is noticed by the process's pidfd where its id means something here, and else by asking
/// for its lock byte every `look_every`. Proof of death is the lock byte alone; a pidfd only says
/// when to ask. One thread.
class BusWatch {
 public:
  /// Throws tow::BadResult when there is no such bus, or no right to look at it.
  BusWatch(boost::asio::io_context& context, const std::string& name,
           std::chrono::milliseconds look_every);
  ~BusWatch();
  BusWatch(const BusWatch&) = delete;

  const std::string& path() const { return bus_.path(); }
  /// False once the bus was removed.
  bool exists() const;

 private:
  using Descriptor = boost::asio::posix::stream_descriptor;
  /// A life of a process on this bus.
  using Who = std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>;  // uid, pid, joined_ns

  void watch_joins();
  void look_soon(std::chrono::milliseconds when);
  void look_often();
  /// For what nothing announces: the end of another towd, or of a removed topic's last reader.
  void tidy_often();
  /// Watches who came, forgets who went, repairs if somebody died.
  void look();
  void meet(const Who& who, const tow::ProcessInfo& process);
  void repair();
  /// True when this towd is the one that acts; tries to be it.
  bool lead();

  boost::asio::io_context& context_;
  tow::Bus bus_;
  std::chrono::milliseconds look_every_;
  Descriptor joins_;  ///< inotify: somebody opened the participants' files
  boost::asio::steady_timer soon_, often_, tidying_;
  std::map<Who, std::unique_ptr<Descriptor>> pidfds_;  ///< null: only its lock byte tells
  std::optional<std::chrono::steady_clock::time_point> due_since_;  ///< a look is due soon
  bool told_no_right_ = false;
};

}  // namespace towd
