#include "records.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "stage.hpp"

namespace demo {
namespace {

constexpr std::size_t kChunkBytes = 4096;

/// Where the record that begins at `from` ends: after `separator` and all line ends that follow it.
std::size_t end_of_record(std::string_view bytes, std::size_t from, std::string_view separator) {
  const std::size_t found = bytes.find(separator, from);
  if (found == std::string_view::npos) return bytes.size();
  const std::size_t end = found + separator.size();
  if (separator.size() == 1) return end;
  return std::min(bytes.size(), bytes.find_first_not_of('\n', end));
}

std::vector<std::string_view> cut(std::string_view bytes, std::string_view separator) {
  std::vector<std::string_view> records;
  const std::size_t limit = separator.empty() ? kChunkBytes : kMaxRecordBytes;
  for (std::size_t from = 0; from < bytes.size();) {
    const std::size_t end =
        separator.empty() ? bytes.size() : end_of_record(bytes, from, separator);
    while (from < end) {
      records.push_back(bytes.substr(from, std::min(limit, end - from)));
      from += records.back().size();
    }
  }
  return records;
}

}  // namespace

Input::Input(const std::string& path) {
  const auto fail = [&path](const char* what) { throw std::runtime_error(path + ": " + what); };
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(std::strerror(errno));
  struct stat status {};
  const bool usable = fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
  if (usable) {
    byte_count_ = static_cast<std::size_t>(status.st_size);
    void* at = mmap(nullptr, byte_count_, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    data_ = at == MAP_FAILED ? nullptr : static_cast<const char*>(at);
  }
  close(file);
  if (!usable) fail("is empty or not a regular file");
  if (data_ == nullptr) fail("cannot be mapped");

  const std::string_view head = bytes().substr(0, 65536);
  if (head.find('\0') != std::string_view::npos || bytes().find('\n') == std::string_view::npos) {
    unit_ = "chunks of 4 KiB";
    records_ = cut(bytes(), "");
  } else if (bytes().find("\n\n") != std::string_view::npos) {
    unit_ = "paragraphs";
    records_ = cut(bytes(), "\n\n");
  } else {
    unit_ = "lines";
    records_ = cut(bytes(), "\n");
  }
}

Input::~Input() {
  if (data_ != nullptr) munmap(const_cast<char*>(data_), byte_count_);
}

void save_package_index(const std::string& path) {
  const std::string command = "apt-cache dumpavail > " + shell_word(path) + " 2>/dev/null";
  const int status = std::system(command.c_str());
  stop_if_interrupted();
  struct stat written {};
  if (status == 0 && stat(path.c_str(), &written) == 0 && written.st_size > 0) return;
  throw std::runtime_error(
      "`apt-cache dumpavail` prints nothing: run `apt-get update` first, or name a file to stream");
}

std::string_view section_of(std::string_view record) {
  constexpr std::string_view kField = "\nSection: ";
  const std::size_t found = record.find(kField);
  if (found == std::string_view::npos) return {};
  record.remove_prefix(found + kField.size());
  return record.substr(0, std::min<std::size_t>(record.find('\n'), 255));  // a key's limit
}

}  // namespace demo
