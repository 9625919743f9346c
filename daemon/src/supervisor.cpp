#include "supervisor.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>
#include <filesystem>

namespace towd {
namespace {

using boost::system::error_code;

/// A new bus is found within this time.
constexpr std::chrono::milliseconds kFindEvery{500};

/// The buses in a directory, as paths; none when there is no such directory (yet).
std::vector<std::string> buses_in(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error), end;
  for (; !error && entries != end; entries.increment(error)) {
    const std::filesystem::path path = entries->path();
    std::error_code hidden;
    if (std::filesystem::exists(path / "bus", hidden)) paths.push_back(path);
  }
  return paths;
}

}  // namespace

Supervisor::Supervisor(Settings settings)
    : settings_(std::move(settings)),
      context_(1),
      signals_(context_, SIGINT, SIGTERM),
      finding_(context_),
      service_(context_) {}

void Supervisor::run() {
  signals_.async_wait([this](const error_code& error, int) {
    if (error) return;
    service_.stopping();
    context_.stop();
  });
  find_buses();
  service_.ready();
  context_.run();
  spdlog::info("ended; whoever is blocked by the dead, or opens a bus, repairs from here on");
}

void Supervisor::find_buses() {
  std::erase_if(watches_, [](const auto& entry) {
    if (entry.second->exists()) return false;
    spdlog::info("{}: removed", entry.second->path());
    return true;
  });
  for (const std::string& bus : settings_.buses) consider(bus, true);
  for (const std::string& directory : settings_.directories) {
    for (const std::string& path : buses_in(directory)) consider(path, false);
  }
  finding_.expires_after(kFindEvery);
  finding_.async_wait([this](const error_code& error) {
    if (!error) find_buses();
  });
}

void Supervisor::consider(const std::string& name, bool must_exist) {
  if (watches_.contains(name)) return;
  try {
    watches_[name] = std::make_unique<BusWatch>(context_, name, settings_.look_every);
    complained_.erase(name);
  } catch (const tow::BadResult& bad) {
    watches_.erase(name);
    const bool not_yet = bad.error() == tow::Code::not_found;
    if (not_yet && !must_exist) return;
    if (complained_.insert(name).second) {
      spdlog::warn("{}{}", bad.error().message(),
                   not_yet ? "; it is watched once it is there" : "");
    }
  }
}

}  // namespace towd
