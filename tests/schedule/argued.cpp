#include "argued.hpp"

#include <string_view>

namespace tow::schedule {
namespace {

struct Argued {
  std::string_view label, function, code, reason;
};

// Told apart by function, or a part of the line, from where the same label is missed.
constexpr Argued kArgued[]{
    {"S1", "draft", "", "the kernel orders a file before its name"},
    {"S2", "check_header", "", "the kernel orders a file before its name"},
    {"P1", "append_many", "", "[O1] releases it"},
    {"P2", "published", "", "only the value counts"},
    {"R2", "keep_in_place", "", "a plain copy, not shown"},
    {"O2", "published", "", "only the value counts"},
    {"O2", "append_many", "", "only the value counts"},
    {"O2", "rebuild_many", "", "[A1] or the kernel has ordered it"},
    {"L1", "make_room", "", "the fence [L2]"},
    {"L1", "own_slot_passed", "", "the fence [L2]"},
    {"L1", "take_back", "", "the fence [L2]"},
    {"L3", "counting", "claim =", "the fences [L2], [L7]"},
    {"L3", "living_subscribers", "", "for people"},
    {"L3", "read_page", "", "for people"},
    {"L4", "join", "", "the fence [L7]"},
    {"L5", "map_new_pages", "", "the fences [L2], [L7]"},
    {"L6", "claim_page", "", "the fences [L2], [L7]"},
    {"L7", "join", "claim.store", "the fence [L7] behind it"},
    {"L7", "~Reader", "", "the fence [D10] before it"},
    {"L7", "take_from_the_dead", "dead_claim", "nothing depends on it"},
    {"L7", "free_reader_page", "", "no store comes early"},
    {"L7", "has_living_readers", "", "as in take_from_the_dead; removal is no scenario"},
    {"L9", "join", "", "nothing was read before it"},
    {"H5", "keep_in_place", "", "the fence [D10] before it"},
    {"E1", "evicted", "compare", "the fence [E1] behind it"},
    {"E2", "evicted", "", "only the value counts"},
    {"D4", "wait_for_room", "", "the fence [L2] within the look"},
    {"D4", "wait_for_subscribers", "", "as in wait_for_room, in bus/"},
    {"D2", "", "", "the fences [D3], [D4] behind it"},
    {"D8", "", "", "the fences [D3], [D4]"},
    {"D9", "arm", "", "the fences [D3], [D4]"},
    {"M1", "claim_entry", "", "[A1] or [L7] releases the token"},
    {"M1", "end_repair", "", "[M1] in begin_repair releases it"},
    {"M1", "leave", "", "whoever asks goes on by exchange"},
    {"M1", "begin_repair", "", "[M1] in end_repair releases it"},
    {"M2", "read_entry", "", "for people"},
    {"M2", "still_member", "", "only the value counts"},
    {"M3", "claim_entry", "", "the kernel's lock"},
    {"A2", "try_lane", "", "nothing was published"},
    {"A2", "~Writer", "if (head)", "a lane that was truncated"},
    {"T1", "", "", "nothing depends on it"},
    {"B1", "", "", "inside one process: the handler of SIGBUS"},
    {"B2", "", "", "inside one process: the handler of SIGBUS"},
    {"B3", "", "", "inside one process: the handler of SIGBUS"},
    {"B4", "", "", "inside one process: the handler of SIGBUS"},
    {"B5", "", "", "inside one process: the handler of SIGBUS"},
    {"B6", "", "", "inside one process: the handler of SIGBUS"},
    {"W1", "", "", "inside one process, a mutex would do"},
    {"W2", "", "", "inside one process, a mutex would do"},
};

}  // namespace

const char* why_not_caught(const LabelledSite& site) {
  for (const Argued& one : kArgued) {
    const bool is_there = one.function.empty() || site.function == one.function;
    if (site.label == one.label && is_there && site.code.find(one.code) != std::string::npos) {
      return one.reason.data();
    }
  }
  return nullptr;
}

bool acq_rel_would_do(const LabelledSite& site) {
  return site.function == "announce" || site.function == "ring" || site.function == "evicted";
}

}  // namespace tow::schedule
