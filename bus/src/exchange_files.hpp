#pragma once
/// The files of a bus's exchanges: `exchanges/<name>`, and `exchanges/.lock`, which whoever changes
/// one of them holds.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "binding_table.hpp"
#include "towpath/shm/document.hpp"
#include "towpath/shm/layout.hpp"

namespace tow {

/// Thread-safe. Waits only for others who hold the lock, for a second at most. Changes need no
/// repair: each is in place as a whole or not at all. What a death may leave are an exchange that
/// is ended but not deleted, which is none for everybody and deleted by the next who finds it, and
/// bindings to what was removed, which lead nowhere because they name its identity, until prune().
class ExchangeFiles {
 public:
  struct Opened {
    shm::Document document;
    shm::Document::Version version;
    BindingTable table;
  };

  /// `bus` and `topics` are the bus's directories and must outlive it. A bus without exchanges has
  /// no directory for them.
  ExchangeFiles(const shm::Directory& bus, const shm::Directory& topics, std::uint32_t file_mode,
                bool observe)
      : bus_(&bus), topics_(&topics), file_mode_(file_mode), observe_(observe) {}

  /// Errors: not_found, corrupt, no_permission, version_mismatch.
  Result<Opened> open(const std::string& name, shm::Access access = shm::Access::read_only) const;
  /// Opens an exchange, or makes it. Errors: as open(), and no_space, options_mismatch, too_large.
  Result<Opened> open_or_make(const std::string& name, const ExchangeOptions& options) const;
  /// Errors: not_found, no_permission, timed_out.
  Result<void> remove(const std::string& name) const;
  /// Lets `edit` change the table; false when it says that there was nothing to change. Nobody else
  /// changes it meanwhile. Errors: those of `edit` and open(), too_many (no room), timed_out.
  using Edit = std::function<Result<bool>(BindingTable&)>;
  Result<bool> change(const std::string& name, const Edit& edit) const;
  /// Drops all bindings to what was removed, and deletes exchanges that were ended. What it may not
  /// write, or finds damaged, it leaves.
  void prune() const;
  std::vector<std::string> names() const;

  /// Of the present life of a destination's name; nothing when there is none.
  std::optional<std::uint64_t> identity_of(Binding::To to, const std::string& name) const;
  /// Drops from a table, which is nobody else's, the bindings that lead nowhere; how many.
  std::size_t drop_dead(BindingTable& table) const;

  Error not_found(const std::string& name) const;

 private:
  Result<shm::Directory> directory() const;
  Result<shm::Directory> make_directory() const;
  Result<shm::FileLock> lock(const shm::Directory& directory) const;
  Result<void> may_write() const;
  Result<Opened> open_in(const shm::Directory& directory, const std::string& name,
                         shm::Access access) const;
  Result<void> make(const shm::Directory& directory, const std::string& name,
                    const ExchangeOptions& options) const;
  bool needs_pruning(const shm::Directory& directory, const std::string& name) const;
  void prune_one(const shm::Directory& directory, const shm::FileLock& held,
                 const std::string& name) const;

  const shm::Directory* bus_;
  const shm::Directory* topics_;
  std::uint32_t file_mode_;
  bool observe_;
};

/// The file name of an exchange. Errors: invalid_name.
Result<std::string> escape_exchange(std::string_view name);
/// Tells one life of a topic's name from the next.
std::uint64_t identity_of(const shm::OrderLayout& order);

}  // namespace tow
