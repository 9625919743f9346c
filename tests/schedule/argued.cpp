#include "argued.hpp"

#include <array>

namespace tow::schedule {
namespace {

struct Argued {
  const char* label;
  const char* file;  ///< as it ends; empty: anywhere
  const char* code;  ///< a part of its line; empty: any
  const char* reason;
};

constexpr std::array kArgued{
    Argued{"", "bus/src/bus.cpp", "", "nothing depends on it"},
    Argued{"", "bus/src/notification.cpp", "", "inside one process, a mutex would do"},
    Argued{"", "bus/src/topic.cpp", "", "for people"},
    Argued{"", "bus/src/topic_info.cpp", "", "for people"},
    Argued{"S1", "", "", "the kernel orders a name after its file"},
    Argued{"S2", "", "", "the kernel orders a name after its file"},
    Argued{"D2", "wait.cpp", "", "a poll where futex_waitv is missing"},
    Argued{"M2", "", "entry.word.load(kAcquire);  // read", "for people"},
};

}  // namespace

const char* why_not_caught(const LabelledSite& site) {
  for (const Argued& one : kArgued) {
    if (*one.label != 0 && site.label != one.label) continue;
    if (site.file.ends_with(one.file) && site.code.find(one.code) != std::string::npos) {
      return one.reason;
    }
  }
  return nullptr;
}

}  // namespace tow::schedule
