/// Streams through a topic.

#include "bench/harness/stream.hpp"

#include "families.hpp"
#include "tow_link.hpp"

namespace towbench {
namespace {

Target at_most_far(double ns) { return {Target::Kind::p50, ns, "FAR"}; }

}  // namespace

void add_streams(std::vector<Experiment>& all) {
  using enum tow::Publishers;
  all.push_back(stream<TowLink<48, one, Looks::take>>(
      "stream_48_one", "48 B stream, publishers = one, receiver calls take()",
      {"towpath", "1to1", 48, "one take()", "", "", at_most_far(35)}));
  all.push_back(stream<TowLink<48, many, Looks::take>>(
      "stream_48_many", "the same, publishers = many, one of them active",
      {"towpath", "1to1", 48, "many take()", "", "", at_most_far(35)}));
  all.push_back(stream<TowLink<48, one>>("stream_48_one_spin", "receiver spins on try_take",
                                         {"towpath", "1to1", 48, "one", "", "", at_most_far(35)}));
  all.push_back(
      stream<TowLink<48, many>>("stream_48_many_spin", "receiver spins on try_take",
                                {"towpath", "1to1", 48, "many", "", "", at_most_far(35)}));
  all.push_back(stream<TowLink<48, one, Looks::take, 64>>(
      "stream_48_one_batch64", "batches of 64 by publish_batch, receiver calls take()",
      {"towpath", "1to1", 48, "one batch 64", "", "", at_most_far(17)}));
  constexpr std::uint64_t kDeep = 1 << 20;  // 64 MiB of slots
  all.push_back(stream<TowLink<48, one, Looks::take, 1, kDeep>>(
      "stream_48_one_deep", "a ring as deep as Aeron's term of 64 MiB",
      {"towpath", "1to1", 48, "one take() 64 MiB deep", "", "", {}}));
  all.push_back(stream<TowLink<1024, one, Looks::take>>(
      "stream_1024_one", "1 KiB stream, publishers = one, receiver calls take()",
      {"towpath", "1to1", 1024, "one take()", "", "", {}}));
}

}  // namespace towbench
