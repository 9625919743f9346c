#include "sites.hpp"

#include <cstring>
#include <string_view>
#include <unordered_map>

namespace tow::schedule {
namespace {

std::optional<Weakened> weakened;
bool weakens_compiler = false;
std::unordered_map<const char*, std::set<unsigned>> passed;  // by the text's address: it is hot

bool is_weakened(const shm::Site& site) {
  if (!weakened || site.line < weakened->first || site.line > weakened->last) return false;
  return std::string_view(site.file).ends_with(weakened->file);
}

}  // namespace

void weaken(std::optional<Weakened> place) {
  weakened = std::move(place);
  weakens_compiler = false;
}

bool compiler_may_move() { return weakens_compiler; }

std::memory_order order_at(const shm::Site& site, std::memory_order declared, Weakened::Kind kind) {
  if (declared == std::memory_order_relaxed) return declared;
  if (!weakened) {
    passed[site.file].insert(site.line);
    return declared;
  }
  if (!is_weakened(site)) return declared;
  using Kind = Weakened::Kind;
  if (kind == Kind::compiler) weakens_compiler = true;
  if (weakened->how == Weakened::How::off) return std::memory_order_relaxed;
  if (kind == Kind::load) return std::memory_order_acquire;
  return kind == Kind::store ? std::memory_order_release : std::memory_order_acq_rel;
}

Passed take_passed() {
  Passed all;
  for (const auto& [file, lines] : passed) {
    for (const unsigned line : lines) all.emplace(file, line);
  }
  passed.clear();
  return all;
}

}  // namespace tow::schedule
