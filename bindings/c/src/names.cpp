#include "names.hpp"

namespace tow::c {
namespace {

struct OwnNames : tow_names {
  explicit OwnNames(std::vector<std::string> all) : texts(std::move(all)) {
    pointers.reserve(texts.size());
    for (const std::string& text : texts) pointers.push_back(text.c_str());
    count = pointers.size();
    names = pointers.data();
  }
  std::vector<std::string> texts;
  std::vector<const char*> pointers;
};

}  // namespace

const tow_names* make_names(std::vector<std::string> names) {
  return new OwnNames(std::move(names));
}

}  // namespace tow::c

void tow_names_free(const tow_names* names) { delete static_cast<const tow::c::OwnNames*>(names); }
