#pragma once
/// The mappings of this process, as the handler of SIGBUS finds them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "towpath/shm/truncation.hpp"

namespace tow::shm {

/// Stands for one mapping while it exists: made behind mmap, destroyed before munmap.
class MappedFile {
 public:
  MappedFile(void* data, std::uint64_t bytes, bool writable, std::string path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;

  bool broken() const { return fate_->broken(); }
  /// From here on this mapping breaks when any other of `fate` does. Not while others use it.
  void share(std::shared_ptr<Fate> fate);

  struct Record;
  /// For the handler: marks a fate.
  static void end_of(Fate& fate, const char* path) { fate.end(path); }

 private:
  std::string path_;
  std::shared_ptr<Fate> fate_;
  Record* record_;
};

}  // namespace tow::shm
