#include "labels.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>

namespace tow::schedule {
namespace {

namespace fs = std::filesystem;

struct Line {
  std::string code, comment;
  std::string function;  ///< that begins here; empty when none does
};

/// The name of a function whose definition begins on this line, at most inside a class.
std::string function_in(const std::string& text) {
  static const std::regex kFunction(R"(^(?:  )?(?:[A-Za-z][\w:<>*&, ]*[ *&]|)([\w:~]+)\(.*[^;]$)");
  static const std::regex kStatement(R"(^ *(if|for|while|switch|return|else|do)\b)");
  static const std::regex kCall(R"(^ *[\w:]+\()");  // without a type, and no member's definition
  std::smatch found;
  if (!std::regex_search(text, found, kFunction) || std::regex_search(text, kStatement)) return {};
  const std::string name = found[1].str();
  const std::size_t colons = name.rfind("::");
  if (std::regex_search(text, kCall) && colons == std::string::npos) return {};
  return colons == std::string::npos ? name : name.substr(colons + 2);
}

std::vector<Line> lines_of(const fs::path& path) {
  std::ifstream file(path);
  std::vector<Line> lines(1);  // from 1, as compilers count
  for (std::string text; std::getline(file, text);) {
    const std::size_t at = std::min(text.find("//"), text.size());
    const std::size_t end = text.find_last_not_of(' ', at - 1) + 1;
    std::string code = at == 0 ? std::string() : text.substr(0, end);
    code.erase(0, code.find_first_not_of(' '));
    lines.push_back({code, text.substr(at), function_in(text.substr(0, end))});
  }
  return lines;
}

bool ends_statement(const std::string& code) {
  return code.empty() || std::string_view(";{}:").find(code.back()) != std::string_view::npos;
}

/// The first label in a comment.
std::string label_in(const Line& line) {
  static const std::regex kLabel(R"(\[([A-Z]\d+)\])");
  std::smatch found;
  return std::regex_search(line.comment, found, kLabel) ? found[1].str() : std::string();
}

/// On the statement's own lines, or on the nearest line above.
std::string label_near(const std::vector<Line>& lines, unsigned first, unsigned at, unsigned last) {
  constexpr unsigned kReach = 8;  // as the habits test has it
  if (const std::string own = label_in(lines[at]); !own.empty()) return own;
  for (unsigned i = at; i <= last; ++i) {
    if (const std::string own = label_in(lines[i]); !own.empty()) return own;
  }
  unsigned i = first - 1;
  while (i > 0 && i + kReach >= first && label_in(lines[i]).empty()) --i;
  std::string above = label_in(lines[i]);
  // A comment begins with its own label and then names others.
  for (; i > 0 && lines[i].code.empty() && !lines[i].comment.empty(); --i) {
    if (const std::string own = label_in(lines[i]); !own.empty()) above = own;
  }
  return above;
}

void add_sites(const fs::path& root, const fs::path& path, std::vector<LabelledSite>& sites) {
  static const std::regex kOrder(
      R"(\bk(Acquire|Release|AcqRel|SeqCst)\b|\bcompiler_fence\(\)|\bbarrier_everywhere\(\))");
  const auto lines = lines_of(path);
  const std::string file = fs::relative(path, root).string();
  std::string function;
  for (unsigned at = 1; at < lines.size(); ++at) {
    if (!lines[at].function.empty()) function = lines[at].function;
    if (!std::regex_search(lines[at].code, kOrder)) continue;
    unsigned first = at, last = at;
    while (first > 1 && !ends_statement(lines[first - 1].code)) --first;
    while (last + 1 < lines.size() && !ends_statement(lines[last].code)) ++last;
    if (!sites.empty() && sites.back().file == file && sites.back().first == first) continue;
    const bool sequential = lines[at].code.find("kSeqCst") != std::string::npos;
    sites.push_back({label_near(lines, first, at, last), file, function, first, last,
                     lines[at].code, sequential});
  }
}

}  // namespace

std::vector<LabelledSite> labelled_sites(const std::string& root) {
  std::vector<fs::path> paths;
  for (const char* const folder : {"shm/include/towpath/shm", "shm/src", "bus/src"}) {
    for (const auto& entry : fs::directory_iterator(fs::path(root) / folder)) {
      const fs::path& path = entry.path();
      const bool is_source = path.extension() == ".cpp" || path.extension() == ".hpp";
      if (is_source && path.filename() != "atomic.hpp") paths.push_back(path);
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<LabelledSite> sites;
  for (const fs::path& path : paths) add_sites(root, path, sites);
  return sites;
}

}  // namespace tow::schedule
