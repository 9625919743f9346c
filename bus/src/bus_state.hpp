#pragma once
/// What the copies of a Bus share.

#include <cstdint>
#include <memory>

#include "towpath/shm/participants.hpp"

namespace tow {

struct BusState {
  shm::Directory directory;
  shm::Directory topics;
  std::shared_ptr<shm::Participants> participants;
  std::uint32_t file_mode;
  bool observe;
};

/// Of a directory whose files have that mode: who may read them may list it.
inline std::uint32_t directory_mode(std::uint32_t file_mode) {
  return file_mode | (file_mode & 0444) >> 2 | 0700;
}

}  // namespace tow
