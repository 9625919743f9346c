#include "coverage.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>

#include "source_lines.hpp"

namespace tow::crash {
namespace {

namespace fs = std::filesystem;

/// What changes shared memory, the files of a bus, or locks.
const std::regex& change() {
  static const std::regex pattern(
      R"(\bstore\(|compare_exchange|fetch_add|fetch_or|raise_to\(|store_words\(|copy_payload\()"
      R"(|fill_payload\(|put_fields\(|F_OFD_SETLK|posix_fallocate|linkat\(|mkdir\(|mkdirat\()"
      R"(|chmod\(|fchmodat\(|unlinkat\(|rename\(|remove_all|O_TMPFILE|lock_whole\()"
      R"(|Doorbell::ring|Doorbell::announce)");
  return pattern;
}

/// Files of the product whose atomics are private to a process.
bool is_private(const std::string& path) {
  return path.ends_with("/notification.cpp") || path.ends_with("/atomic.hpp") ||
         path.ends_with("/fork.cpp") || path.ends_with("/task.cpp") ||
         path.ends_with("/truncation.cpp");
}

/// No comment, no text, no declaration.
bool is_code(const std::string& line) {
  static const std::regex other(R"(^\s*(//|"|#|(\[\[.*\]\] )?(inline |void |bool |int )+\w+\().*)");
  return !std::regex_match(line, other);
}

/// What no operation gets to alone. By the text of the line, so that a change of it asks again.
struct Exempt {
  const char* file;
  const char* text;
  const char* reason;
};
constexpr Exempt kExempt[] = {
    {"shm/src/participants.cpp", "fcntl(lock_fd_, F_OFD_SETLK, &lock);",
     "gives back the byte of an entry that somebody else took between the look and the lock; dying "
     "here is dying with a locked byte of an entry that is not ours, which the kernel frees"},
    {"shm/src/segment.cpp", "return linkat(fd,",
     "for systems without /proc; the same single step as the linkat before it"},
    {"shm/src/writer_attach.cpp", "if (head) head->as<LaneLayout>()->owner.compare_exchange_strong",
     "of a topic of which a file was truncated: the same single step as the exchange above it, of "
     "whose owner death makes a dead one just as well"},
    {"shm/src/writer_attach.cpp", "word.compare_exchange_strong(owner, 0, kAcqRel);  // [A2]",
     "gives a lane back that could not be mapped for want of memory, which no operation here "
     "lacks; "
     "dying before or behind it is dying with or without a lane, as at the end of a publisher"},
    {"shm/src/writer_attach.cpp", "word.compare_exchange_strong(ours, 0, kAcqRel);  // [A2]",
     "a lane that somebody else's settlement took between the look and the claim: it is given back "
     "as it was; dying before or behind it leaves that settlement's lane, of a dead owner or of "
     "none"},
    {"bus/src/server.cpp", "state_->stopped().store(true",
     "a word of this process alone, which dies with it"},
    {"bus/src/dead_letters.cpp", "group.layout().lost.fetch_add(1",
     "of a dead message that was overwritten, or is damaged; dying before or behind it is as for "
     "one "
     "that is dropped, below it"},
    {"shm/src/consumer_pick.cpp", "layout_->lost.fetch_add(1, kRelaxed);",
     "of a damaged message: hostile_group_test.cpp gets there; dying before or behind it is as for "
     "a message that is not for the group, below it"},
    {"shm/src/reader.cpp", "word.store(0, kRelaxed);  // relaxed: nothing was read under it",
     "an overtaken lossy reader takes its hold back: interruption_test.cpp gets there; dying "
     "before "
     "or behind it is dying with or without a hold, as when releasing a payload"},
};

bool is_exempt(const std::string& file, const std::string& line) {
  return std::any_of(std::begin(kExempt), std::end(kExempt), [&](const Exempt& exempt) {
    return file == exempt.file && line.find(exempt.text) != std::string::npos;
  });
}

using Lines = std::map<std::string, std::set<int>>;

/// A statement may span lines; an instruction of any of them will do.
bool reached(const std::vector<std::string>& text, std::size_t line, const std::set<int>& lines) {
  for (std::size_t at = line; at < text.size(); ++at) {
    if (lines.contains(static_cast<int>(at) + 1)) return true;
    const std::string code = text[at].substr(0, text[at].find("//"));
    if (code.find(';') != std::string::npos || code.find('{') != std::string::npos) break;
  }
  return false;
}

std::vector<std::string> read_lines(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::vector<std::string> lines_not_killed_at(const std::set<std::uint64_t>& executed) {
  const Lines killed_at = lines_of(executed);
  std::vector<std::string> missing;
  const std::string root = std::string(TOWPATH_SOURCE_DIR) + '/';
  for (const char* const folder : {"shm", "bus", "daemon"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root + folder)) {
      const std::string path = entry.path().string().substr(root.size());
      if ((!path.ends_with(".cpp") && !path.ends_with(".hpp")) || is_private(path)) continue;
      const auto text = read_lines(root + path);
      const auto found = killed_at.find(path);
      for (std::size_t i = 0; i < text.size(); ++i) {
        if (!is_code(text[i]) || !std::regex_search(text[i], change())) continue;
        const bool was_reached = found != killed_at.end() && reached(text, i, found->second);
        if (was_reached != is_exempt(path, text[i])) continue;
        missing.push_back(path + ':' + std::to_string(i + 1) +
                          (was_reached ? ": is reached, though exempt:" : ":") + text[i]);
      }
    }
  }
  std::sort(missing.begin(), missing.end());
  return missing;
}

}  // namespace tow::crash
