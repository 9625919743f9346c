#include "bus_watch.hpp"

#include <spdlog/spdlog.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

namespace towd {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Everybody is looked at this often, whatever announces ends: nothing rests on it.
constexpr milliseconds kLookAnyway{5000};

/// The pidfd of a process, if the number that it wrote down means it here. In another PID namespace
/// the number may be nobody's or somebody else's.
int pidfd_of(const tow::ProcessInfo& process) {
  std::ifstream file("/proc/" + std::to_string(process.pid) + "/comm");
  std::string command;
  if (!std::getline(file, command) || command != process.command) return -1;
  return static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0));
}

/// A name that another process chose: it must not drive a terminal.
std::string plain(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; }, '?');
  return text;
}

/// Reads all events. Openings of the directory itself do not count: our own looks are among them.
bool file_was_opened(int inotify) {
  alignas(inotify_event) std::array<char, 4096> events;
  constexpr int kMaxReads = 64;  // who opens files in a loop shall not keep us here
  bool opened = false;
  for (int reads = 0; reads < kMaxReads; ++reads) {
    const ssize_t bytes = read(inotify, events.data(), events.size());
    if (bytes <= 0) break;
    for (ssize_t at = 0; at < bytes;) {
      const auto* const event = reinterpret_cast<const inotify_event*>(events.data() + at);
      opened = opened || (event->mask & IN_ISDIR) == 0;
      at += static_cast<ssize_t>(sizeof *event) + event->len;
    }
  }
  return opened;
}

double ms_since(steady_clock::time_point began) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - began).count();
}

}  // namespace

BusWatch::BusWatch(boost::asio::io_context& context, const std::string& name,
                   milliseconds look_every)
    : context_(context),
      bus_(tow::Bus::open(name, {.create = false, .observe = true}).value()),
      look_every_(look_every),
      joins_(context),
      soon_(context),
      often_(context),
      tidying_(context) {
  const int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (inotify >= 0) {
    joins_.assign(inotify);
    const std::string participants = path() + "/participants";
    inotify_add_watch(inotify, participants.c_str(), IN_OPEN | IN_CREATE | IN_ONLYDIR);
    watch_joins();
  }
  spdlog::info("{}: watching", path());
  lead();
  look();
  look_often();
  tidy_often();
}

BusWatch::~BusWatch() { bus_.stop_supervising(); }

bool BusWatch::exists() const { return std::filesystem::exists(path() + "/bus"); }

void BusWatch::watch_joins() {
  joins_.async_wait(Descriptor::wait_read, [this](const error_code& error) {
    if (error) return;
    // The file was opened; the entry follows.
    if (file_was_opened(joins_.native_handle())) look_soon(milliseconds(1));
    watch_joins();
  });
}

void BusWatch::look_soon(milliseconds when) {
  constexpr milliseconds kPutOffAtMost{20};  // whoever opens files in a loop
  const auto now = steady_clock::now();
  if (!due_since_) due_since_ = now;
  if (now - *due_since_ > kPutOffAtMost) return;
  soon_.expires_after(when);
  soon_.async_wait([this](const error_code& error) {
    if (error) return;
    due_since_.reset();
    look();
  });
}

void BusWatch::look_often() {
  const bool hidden = std::any_of(pidfds_.begin(), pidfds_.end(),
                                  [](const auto& entry) { return entry.second == nullptr; });
  often_.expires_after(hidden ? look_every_ : kLookAnyway);
  often_.async_wait([this](const error_code& error) {
    if (error) return;
    look();
    look_often();
  });
}

void BusWatch::tidy_often() {
  tidying_.expires_after(kLookAnyway);
  tidying_.async_wait([this](const error_code& error) {
    if (error) return;
    repair();
    tidy_often();
  });
}

void BusWatch::look() {
  bool somebody_died = false;
  std::map<Who, std::unique_ptr<Descriptor>> still;
  std::map<Who, tow::ProcessInfo> new_ones;
  for (const tow::ProcessInfo& process : bus_.processes()) {
    const Who who{process.uid, process.pid, process.joined_ns};
    somebody_died = somebody_died || !process.alive;
    if (auto known = pidfds_.extract(who)) {
      still.insert(std::move(known));
    } else if (process.alive) {
      new_ones.emplace(who, process);
    }
  }
  pidfds_ = std::move(still);  // the others have left
  for (const auto& [who, process] : new_ones) meet(who, process);
  if (!new_ones.empty()) look_often();
  if (somebody_died) repair();
}

void BusWatch::meet(const Who& who, const tow::ProcessInfo& process) {
  // Some user may claim any number of processes; the descriptors are for all buses.
  constexpr std::ptrdiff_t kMaxPidfds = 256;
  const auto watched_so_far = std::count_if(
      pidfds_.begin(), pidfds_.end(), [](const auto& entry) { return entry.second != nullptr; });
  const int pidfd = watched_so_far < kMaxPidfds ? pidfd_of(process) : -1;
  spdlog::debug("{}: pid {} ({}) joined{}", path(), process.pid, plain(process.command),
                pidfd < 0 ? ", seen by its lock byte only" : "");
  auto& watched = pidfds_[who];
  if (pidfd < 0) return;
  watched = std::make_unique<Descriptor>(context_, pidfd);
  watched->async_wait(Descriptor::wait_read, [this, who](const error_code& error) {
    if (error) return;
    // It has ended. Should its byte still be locked, by a child that inherited the descriptor, it
    // counts as alive: from here on the byte is asked.
    if (const auto found = pidfds_.find(who); found != pidfds_.end()) found->second = nullptr;
    look();
    look_often();
  });
}

void BusWatch::repair() {
  if (!lead()) return;
  const auto began = steady_clock::now();
  std::vector<tow::ProcessInfo> dead = bus_.processes();
  std::erase_if(dead, [](const tow::ProcessInfo& process) { return process.alive; });
  const tow::HealReport report = bus_.heal();
  if (report.leftovers != 0) {
    spdlog::info("{}: removed the files of {} removed topics", path(), report.leftovers);
  }
  if (report.participants == 0) return;
  std::string who;
  for (const tow::ProcessInfo& process : dead) {
    who += fmt::format("{}{} ({})", who.empty() ? "" : ", ", process.pid, plain(process.command));
  }
  spdlog::info("{}: died: pid {}; freed {} publishers' lanes and {} subscriptions in {:.2f} ms",
               path(), who, report.lanes, report.readers, ms_since(began));
}

bool BusWatch::lead() {
  const auto leads = bus_.supervise();
  if (!leads && !std::exchange(told_no_right_, true)) {
    spdlog::warn("{}; run towd as the user whose bus it is", leads.error().message());
  }
  return leads && *leads;
}

}  // namespace towd
