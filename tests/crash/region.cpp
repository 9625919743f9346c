#include "region.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "towpath/shm/atomic.hpp"

namespace tow::crash {
namespace {

namespace fs = std::filesystem;
using shm::kPage;

bool is_zero(const std::byte* page) {
  return page[0] == std::byte{} && std::memcmp(page, page + 1, kPage - 1) == 0;
}

}  // namespace

Region::Region(std::string root) : root_(std::move(root)) {
  look_for_files();
  is_new();
  names_changed_ = false;
}

Region::~Region() {
  for (auto& [path, file] : files_) unmap(file);
}

void Region::map(const std::string& path, File& file) const {
  const int fd = ::open((root_ + '/' + path).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw std::runtime_error("cannot look at " + path);
  void* const memory = mmap(nullptr, file.bytes, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (memory == MAP_FAILED) throw std::runtime_error("cannot map " + path);
  file.live = static_cast<const std::byte*>(memory);
  file.seen.assign(file.live, file.live + file.bytes);
  choose_pages(path, file);
}

void Region::unmap(File& file) {
  if (file.live != nullptr) munmap(const_cast<std::byte*>(file.live), file.bytes);
  file.live = nullptr;
}

/// Of the participants all but the first few are zero and stay so; the rest is compared whole.
void Region::choose_pages(const std::string& path, File& file) const {
  constexpr std::size_t kBusyPages = 1;
  const bool sparse = path.starts_with("participants/");
  for (std::size_t at = 0; at + kPage <= file.bytes; at += kPage) {
    if (!sparse || at < kBusyPages * kPage) file.pages.push_back(at);
  }
}

void Region::look_for_files() {
  std::set<std::string> directories;
  std::map<std::string, struct stat> found;
  std::error_code ignored;  // a directory may go while we list it
  for (fs::recursive_directory_iterator entry(root_, ignored), end; entry != end;
       entry.increment(ignored)) {
    const std::string path = entry->path().string().substr(root_.size() + 1);
    struct stat status {};
    if (lstat(entry->path().c_str(), &status) != 0) continue;
    if (S_ISDIR(status.st_mode)) {
      directories.insert(path);
    } else {
      found[path] = status;
    }
  }
  std::erase_if(files_, [&](const auto& entry) {
    const auto still = found.find(entry.first);
    if (still != found.end() && still->second.st_ino == entry.second.inode) return false;
    unmap(files_.at(entry.first));
    return names_changed_ = true;
  });
  for (const auto& [path, status] : found) {
    if (files_.contains(path)) continue;
    File& file = files_[path];
    file.inode = status.st_ino;
    file.bytes = static_cast<std::size_t>(status.st_size);
    map(path, file);
    names_changed_ = true;
  }
  if (directories != directories_) names_changed_ = true;
  directories_ = std::move(directories);
}

bool Region::refresh(File& file) {
  bool changed = false;
  for (const std::size_t at : file.pages) {
    if (std::memcmp(file.live + at, &file.seen[at], kPage) == 0) continue;
    std::memcpy(&file.seen[at], file.live + at, kPage);
    changed = true;
  }
  return changed;
}

bool Region::changed() {
  bool changed = std::exchange(names_changed_, false);
  for (auto& [path, file] : files_) changed = refresh(file) || changed;
  return changed;
}

std::uint64_t Region::state_hash() const {
  std::uint64_t hash = 0;
  const auto add = [&hash](std::string_view bytes) {
    hash = (hash ^ std::hash<std::string_view>{}(bytes)) * 0x9E37'79B9'7F4A'7C15;
  };
  for (const std::string& path : directories_) add(path);
  for (const auto& [path, file] : files_) {
    add(path);
    for (const std::size_t at : file.pages) {
      add({reinterpret_cast<const char*>(&file.seen[at]), kPage});
    }
  }
  return hash;
}

bool Region::is_new() { return states_.insert(state_hash()).second; }

void Region::copy_to(const std::string& root) const {
  fs::create_directories(root);
  for (const std::string& path : directories_) fs::create_directory(root + '/' + path);
  for (const auto& [path, file] : files_) {
    const int fd =
        ::open((root + '/' + path).c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, static_cast<off_t>(file.bytes)) != 0) {
      throw std::runtime_error("cannot copy " + path);
    }
    for (std::size_t at = 0; at < file.bytes; at += kPage) {
      const std::size_t bytes = std::min(kPage, file.bytes - at);
      const std::byte* const page = file.live + at;
      if (bytes == kPage && is_zero(page)) continue;
      if (pwrite(fd, page, bytes, static_cast<off_t>(at)) != static_cast<ssize_t>(bytes)) {
        throw std::runtime_error("cannot copy " + path);
      }
    }
    close(fd);
  }
}

}  // namespace tow::crash
