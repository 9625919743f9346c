#include "exchange_files.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "bus_state.hpp"
#include "names.hpp"

namespace tow {
namespace {

constexpr const char* kDirectory = "exchanges";
constexpr const char* kLock = ".lock";
constexpr std::uint64_t kUsualTableBytes = 64 << 10;
constexpr std::uint64_t kLeastTableBytes = 4 << 10;

std::uint64_t mix(std::uint64_t hash, std::uint64_t part) {
  return (hash ^ part) * 0x0000'0100'0000'01B3;
}

Result<void> check_options(const std::string& name, const ExchangeOptions& options) {
  if (options.table_bytes != 0 &&
      (options.table_bytes < kLeastTableBytes || options.table_bytes > shm::kMaxDocumentBytes)) {
    return make_error(Code::invalid_argument, "exchange " + name + ": table_bytes is " +
                                                  std::to_string(options.table_bytes) +
                                                  "; it may be 4 KiB to 64 MiB");
  }
  if (options.alternate.empty()) return {};
  if (auto alternate = escape_exchange(options.alternate); !alternate) return alternate.error();
  return {};
}

Result<void> check_same(const std::string& name, const BindingTable& is,
                        const ExchangeOptions& asked) {
  const auto differs = [&name](const std::string& what, const std::string& has,
                               const std::string& wanted) {
    return make_error(Code::options_mismatch,
                      "exchange " + name + " exists with " + what + ' ' + has +
                          ", this program asks for " + wanted +
                          "; ask for what it has, or remove it and create it anew");
  };
  if (asked.kind != ExchangeKind::any && asked.kind != is.kind) {
    return differs("kind", to_string(is.kind), to_string(asked.kind));
  }
  if (!asked.alternate.empty() && asked.alternate != is.alternate) {
    return differs("alternate", is.alternate.empty() ? "none" : is.alternate, asked.alternate);
  }
  return {};
}

}  // namespace

Result<std::string> escape_exchange(std::string_view name) { return escape_name(name, "exchange"); }

std::uint64_t identity_of(const shm::OrderLayout& order) {
  return mix(mix(mix(0xCBF2'9CE4'8422'2325, order.header.created_ns), order.created_ticks),
             order.created_monotonic_ns);
}

Error ExchangeFiles::not_found(const std::string& name) const {
  return make_error(Code::not_found, "no exchange " + name + " on bus " + bus_->path() +
                                         "; `tow exchange ls` lists those there are");
}

Result<shm::Directory> ExchangeFiles::directory() const { return bus_->open_child(kDirectory); }

/// Dies anywhere: a directory without exchanges, perhaps without its lock; whoever makes or changes
/// the next one completes it.
Result<shm::Directory> ExchangeFiles::make_directory() const {
  const std::uint32_t mode = directory_mode(file_mode_);
  if (mkdirat(bus_->fd(), kDirectory, mode) == 0) {
    fchmodat(bus_->fd(), kDirectory, mode, 0);  // the option, not the umask
  } else if (errno != EEXIST) {
    return make_error(errno == ENOSPC ? Code::no_space : Code::no_permission,
                      "make directory " + bus_->path_of(kDirectory) + ": ask the bus's owner",
                      errno);
  }
  return directory();
}

Result<void> ExchangeFiles::may_write() const {
  if (!observe_) return {};
  return make_error(Code::no_permission,
                    "bus " + bus_->path() + " was opened to look only; open it without `observe`");
}

Result<shm::FileLock> ExchangeFiles::lock(const shm::Directory& directory) const {
  constexpr std::chrono::seconds kPatience{1};  // a change takes microseconds
  auto held = shm::FileLock::take(directory, kLock, kPatience);
  if (held || !(held.error() == Code::not_found)) return held;
  // Nobody may read it: a lock for reading, which keeps writers out, takes the right to read.
  const std::uint32_t mode = (file_mode_ & 0222) | 0600;
  auto made = shm::Segment::create(directory, kLock,
                                   {shm::SegmentKind::lock, sizeof(shm::SegmentLayout), mode},
                                   [](std::byte*) {});
  if (!made && !(made.error() == Code::already_exists)) return made.error();
  return shm::FileLock::take(directory, kLock, kPatience);
}

Result<ExchangeFiles::Opened> ExchangeFiles::open_in(const shm::Directory& directory,
                                                     const std::string& name,
                                                     shm::Access access) const {
  const auto file_name = escape_exchange(name);
  if (!file_name) return file_name.error();
  auto document = shm::Document::open(directory, *file_name, shm::SegmentKind::exchange, access);
  if (!document) return document.error();
  auto version = document->read();
  if (!version) return version.error();
  auto table = decode(version->bytes, document->path());
  if (!table) return table.error();
  return Opened{std::move(*document), std::move(*version), std::move(*table)};
}

Result<ExchangeFiles::Opened> ExchangeFiles::open(const std::string& name,
                                                  shm::Access access) const {
  if (auto file_name = escape_exchange(name); !file_name) return file_name.error();
  const auto directory = this->directory();
  if (!directory) {
    return directory.error() == Code::not_found ? not_found(name) : directory.error();
  }
  auto opened = open_in(*directory, name, access);
  if (opened) return opened;
  const bool gone = opened.error() == Code::not_found || opened.error() == Code::removed;
  return gone ? not_found(name) : opened.error();
}

Result<void> ExchangeFiles::make(const shm::Directory& directory, const std::string& name,
                                 const ExchangeOptions& options) const {
  auto held = lock(directory);
  if (!held) return held.error();
  const std::string file_name = *escape_exchange(name);
  const auto there = open_in(directory, name, shm::Access::read_only);
  if (there) return {};  // somebody else made it meanwhile
  // Ended: its remover died before it deleted the file.
  if (there.error() == Code::removed) unlinkat(directory.fd(), file_name.c_str(), 0);
  BindingTable table;
  table.kind = options.kind == ExchangeKind::any ? ExchangeKind::direct : options.kind;
  table.alternate = options.alternate;
  const std::uint64_t bytes = options.table_bytes == 0 ? kUsualTableBytes : options.table_bytes;
  auto made = shm::Document::create(directory, file_name,
                                    {shm::SegmentKind::exchange, bytes, file_mode_}, encode(table));
  if (!made && !(made.error() == Code::already_exists)) return made.error();
  return {};
}

Result<ExchangeFiles::Opened> ExchangeFiles::open_or_make(const std::string& name,
                                                          const ExchangeOptions& options) const {
  if (auto fine = check_options(name, options); !fine) return fine.error();
  constexpr int kMaxRaces = 100;  // each means that somebody removed the exchange meanwhile
  for (int race = 0; race < kMaxRaces; ++race) {
    auto opened = open(name);
    if (opened) {
      if (auto same = check_same(name, opened->table, options); !same) return same.error();
      return opened;
    }
    if (!(opened.error() == Code::not_found) || !options.create || observe_) return opened.error();
    const auto directory = make_directory();
    if (!directory) return directory.error();
    if (auto made = make(*directory, name, options); !made) return made.error();
  }
  return make_error(Code::system, "exchange " + name + " is made and removed over and over");
}

Result<bool> ExchangeFiles::change(const std::string& name, const Edit& edit) const {
  if (auto may = may_write(); !may) return may.error();
  const auto directory = this->directory();
  if (!directory) {
    return directory.error() == Code::not_found ? not_found(name) : directory.error();
  }
  auto held = lock(*directory);
  if (!held) return held.error();
  auto opened = open(name, shm::Access::read_write);
  if (!opened) return opened.error();
  const auto edited = edit(opened->table);
  if (!edited || !*edited) return edited;
  const auto bytes = encode(opened->table);
  if (bytes.size() > opened->document.capacity()) {
    return make_error(Code::too_many,
                      "exchange " + name + ": its table is full (" +
                          std::to_string(opened->document.capacity()) + " bytes hold " +
                          std::to_string(opened->version.bytes.size()) +
                          " of bindings already); create it anew with more table_bytes");
  }
  if (auto replaced = opened->document.replace(*held, bytes); !replaced) return replaced.error();
  return true;
}

Result<void> ExchangeFiles::remove(const std::string& name) const {
  if (auto may = may_write(); !may) return may;
  const auto file_name = escape_exchange(name);
  if (!file_name) return file_name.error();
  const auto directory = this->directory();
  if (!directory) {
    return directory.error() == Code::not_found ? not_found(name) : directory.error();
  }
  {
    auto held = lock(*directory);
    if (!held) return held.error();
    auto document = shm::Document::open(*directory, *file_name, shm::SegmentKind::exchange,
                                        shm::Access::read_write);
    if (!document && document.error() == Code::not_found) return not_found(name);
    if (!document && document.error() == Code::no_permission) return document.error();
    // Unlink last: until here a restart must find the name. A damaged one has nobody to tell.
    if (document) document->end(*held);
    if (unlinkat(directory->fd(), file_name->c_str(), 0) != 0 && errno != ENOENT) {
      return make_error(Code::no_permission,
                        "remove " + directory->path_of(*file_name) + ": ask its owner", errno);
    }
  }
  prune();  // a death before: those bindings lead nowhere, and the next removal or repair drops
            // them
  return {};
}

std::vector<std::string> ExchangeFiles::names() const {
  std::vector<std::string> names;
  const auto directory = this->directory();
  if (!directory) return names;
  for (const std::string& file_name : directory->names()) {
    const std::string name = unescape_topic(file_name);
    if (!name.empty() && identity_of(Binding::To::exchange, name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<std::uint64_t> ExchangeFiles::identity_of(Binding::To to,
                                                        const std::string& name) const {
  const auto file_name = escape_exchange(name);
  if (!file_name) return std::nullopt;
  if (to == Binding::To::exchange) {
    const auto directory = this->directory();
    if (!directory) return std::nullopt;
    const auto document = shm::Document::open(*directory, *file_name, shm::SegmentKind::exchange,
                                              shm::Access::read_only);
    if (!document || (document->current() & shm::kDocumentEnded) != 0) return std::nullopt;
    return document->identity();
  }
  const auto topic = topics_->open_child(*file_name);
  if (!topic) return std::nullopt;
  const auto order = shm::Segment::open(*topic, "order", shm::SegmentKind::order,
                                        shm::Access::read_only, shm::kPage);
  if (!order || order->size() < shm::kPage) return std::nullopt;
  const auto& layout = *order->as<shm::OrderLayout>();
  // relaxed: as good as a look a moment later
  if (layout.state.load(shm::kRelaxed) != static_cast<std::uint32_t>(shm::TopicState::live)) {
    return std::nullopt;
  }
  return tow::identity_of(layout);
}

std::size_t ExchangeFiles::drop_dead(BindingTable& table) const {
  std::map<std::pair<Binding::To, std::string>, std::optional<std::uint64_t>> known;
  return std::erase_if(table.bindings, [&](const BoundTo& bound) {
    const auto [at, is_new] = known.try_emplace({bound.binding.to, bound.binding.destination});
    if (is_new) at->second = identity_of(bound.binding.to, bound.binding.destination);
    return at->second != bound.identity;
  });
}

bool ExchangeFiles::needs_pruning(const shm::Directory& directory, const std::string& name) const {
  auto opened = open_in(directory, name, shm::Access::read_only);
  return opened ? drop_dead(opened->table) != 0 : opened.error() == Code::removed;
}

void ExchangeFiles::prune_one(const shm::Directory& directory, const shm::FileLock& held,
                              const std::string& name) const {
  auto opened = open_in(directory, name, shm::Access::read_write);
  if (!opened && opened.error() == Code::removed) {
    unlinkat(directory.fd(), escape_exchange(name)->c_str(), 0);
  }
  if (opened && drop_dead(opened->table) != 0) {
    // What does not work here is left to the next who prunes.
    (void)opened->document.replace(held, encode(opened->table));
  }
}

void ExchangeFiles::prune() const {
  const auto directory = this->directory();
  if (!directory) return;
  std::vector<std::string> names;
  for (const std::string& file_name : directory->names()) {
    const std::string name = unescape_topic(file_name);
    if (!name.empty() && needs_pruning(*directory, name)) names.push_back(name);
  }
  if (names.empty()) return;
  const auto held = lock(*directory);
  if (!held) return;  // they lead nowhere in any case
  for (const std::string& name : names) prune_one(*directory, *held, name);
}

}  // namespace tow
