#pragma once
/// All buses that this towd watches.

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "bus_watch.hpp"
#include "service.hpp"
#include "settings.hpp"

namespace towd {

/// Finds buses, watches each, ends on SIGTERM and SIGINT. One thread.
class Supervisor {
 public:
  explicit Supervisor(Settings settings);
  /// Returns when told to end.
  void run();

 private:
  /// Watches buses that have come, forgets those that have gone; again after a while.
  void find_buses();
  void consider(const std::string& name, bool must_exist);

  Settings settings_;
  boost::asio::io_context context_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer finding_;
  Service service_;
  std::map<std::string, std::unique_ptr<BusWatch>> watches_;  ///< by name, as it was told
  std::set<std::string> complained_;                          ///< about these, once
};

}  // namespace towd
