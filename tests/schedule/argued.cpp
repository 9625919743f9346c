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
    {"P1", "publish_slot", "", "[O1] releases it"},
    {"P2", "published", "", "only the value counts"},
    {"P3", "prepare_slot", "", "as in append_many; no scenario reads the slot meanwhile"},
    {"R1", "take_at", "", "[P2], [O2] or [G2] has shown it before"},
    {"R1", "producers_in", "", "as in try_take; numbers are no scenario"},
    {"R2", "producers_in", "", "as in try_take; numbers are no scenario"},
    {"R2", "keep_in_place", "", "a plain copy, not shown"},
    {"O2", "published", "", "only the value counts"},
    {"O2", "append_many", "", "only the value counts"},
    {"O2", "rebuild_many", "", "[A1] or the kernel has ordered it"},
    {"O2", "publish_slot", "", "only the value counts"},
    {"O2", "finish_prepared", "", "the kernel has ordered it"},
    {"O2", "is_out", "", "[A1] or the kernel has ordered it"},
    {"L1", "scan_readers", "", "the fence [L2]"},
    {"L1", "slot_passed", "", "the fence [L2]"},
    {"L1", "take_back", "", "the fence [L2]"},
    {"L3", "counting", "claim =", "the fences [L2], [L7]"},
    {"L3", "living_subscribers", "", "for people"},
    {"L3", "read_page", "", "for people"},
    {"L4", "join", "", "the fence [L7]"},
    {"L4", "pin", "", "the fence [X1]"},
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
    {"D4", "wait_until", "", "the fence [L2] within the look"},
    {"D4", "wait_for_subscribers", "", "as in wait_for_room, in bus/"},
    {"D3", "sleep", "", "as in arm, in bus/"},
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
    {"A1", "clear_lane", "load", "the exchange behind it"},
    {"A1", "clear_lane", "", "[X6] or the kernel has ordered it"},
    {"A2", "clear_lane", "", "a lane in a record is passed over; no store comes early"},
    {"A1", "resolve_lane", "", "the exchange in clear_lane"},
    {"A1", "take_over", "load", "the exchange behind it"},
    {"A1", "take_over", "", "[X6] or the kernel has ordered it"},
    {"A2", "try_lane", "", "nothing was published"},
    {"V1", "create", "", "[S1] and the link"},
    {"V1", "end", "", "only the bit counts"},
    {"V2", "replace", "", "the kernel's lock"},
    {"G1", "claim_partitions", "", "the exchange of a word fails, and bars the key"},
    {"G2", "claim_partitions", "", "the exchange of a word fails, and bars the key"},
    {"G1", "give_back_all", "", "the exchange of a word fails, and bars the key"},
    {"G1", "change", "", "as change_word; settlements of groups are no scenario"},
    {"G2", "renew", "", "only the value counts"},
    {"G2", "cancelled", "", "only the value counts"},
    {"G3", "position", "", "only the value counts"},
    {"G5", "seek", "", "the fence [L7] behind it"},
    {"G6", "announce_returns", "", "[G1], the fence [G9]; no store comes early"},
    {"G6", "remove_group", "", "nothing depends on it"},
    {"G7", "sweep", "", "the fence [G9] behind it"},
    {"G7", "", "", "only the value counts"},
    {"G8", "lower_next_due", "compare", "the fence [D4] behind it"},
    {"G9", "sweep", "store", "the fence [G9] behind it"},
    {"G9", "wakes_itself", "", "only the value counts"},
    {"G9", "read_clock", "", "only the value counts"},
    {"G9", "ready", "", "only the value counts"},
    {"G9", "next_look", "", "only the value counts"},
    {"G10", "", "", "files and names are no scenario"},
    {"G11", "", "", "files and names are no scenario"},
    {"G12", "", "", "files and names are no scenario"},
    {"G13", "claim_entry", "", "only the value counts"},
    {"G13", "repair_consumer", "owner", "only the value counts"},
    {"G13", "holder_of", "", "[G2] of the word has shown both"},
    {"G14", "claim_entry", "compare", "[G14] of the incarnation behind it"},
    {"G14", "repair_consumer", "", "what follows are exchanges of the words"},
    {"G14", "~Consumer", "", "what follows are exchanges of the words"},
    {"L3", "use_page", "", "files and names are no scenario"},
    {"L7", "use_page", "", "files and names are no scenario"},
    {"L3", "free_orphan", "", "files and names are no scenario"},
    {"L7", "free_orphan", "", "files and names are no scenario"},
    {"L7", "hand_over", "", "files and names are no scenario"},
    {"L7", "seek", "", "[G5] and [L4] are seq_cst"},
    {"L4", "seek", "", "the fence [L7]"},
    {"E1", "group_mark", "", "only a hint"},
    {"E2", "group_mark", "", "only a hint"},
    {"T2", "", "", "nothing depends on it"},
    {"X1", "pin", "", "[O1] of the name has released the pin"},
    {"X2", "", "", "who resolves acts on the proof of death; no store comes early"},
    {"X3", "", "", "[A1], [A2] or the kernel has ordered it"},
    {"X4", "", "", "[A1], [A2] or the kernel has ordered it"},
    {"X5", "", "", "the kernel has ordered it"},
    {"X6", "", "", "[X7] is an exchange; the kernel has ordered the rest"},
    {"X7", "", "", "[X6] or the kernel has ordered it"},
    {"X8", "", "", "[X6] or the kernel has ordered it"},
    {"N1", "", "", "[A1], [N2] or the kernel has ordered it"},
    {"N2", "", "", "numbers are no scenario"},
    {"A2", "leave", "if (head)", "a lane that was truncated"},
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
