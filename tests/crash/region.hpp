#pragma once
/// All files of a bus as a bystander sees them: when they change, and copies of them.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace tow::crash {

class Region {
 public:
  explicit Region(std::string root);
  ~Region();
  Region(const Region&) = delete;

  /// Looks for files that came or went: after each system call.
  void look_for_files();
  /// True when anything differs from the last look.
  bool changed();
  /// True when the region has not been in its present state before, as far as this was asked.
  bool is_new();
  /// Writes the whole bus, as it is now, to a directory that does not exist.
  void copy_to(const std::string& root) const;

 private:
  struct File {
    ino_t inode = 0;
    std::size_t bytes = 0;
    const std::byte* live = nullptr;
    std::vector<std::byte> seen;
    std::vector<std::size_t> pages;  ///< offsets of those that are compared at each step
  };

  void map(const std::string& path, File& file) const;
  static void unmap(File& file);
  static bool refresh(File& file);
  void choose_pages(const std::string& path, File& file) const;
  std::uint64_t state_hash() const;

  std::string root_;
  std::map<std::string, File> files_;  ///< by path below the root
  std::set<std::string> directories_;
  std::set<std::uint64_t> states_;
  bool names_changed_ = false;
};

}  // namespace tow::crash
