/// One way through a topic, small messages, receiver spinning.

#include "bench/harness/one_way.hpp"

#include "families.hpp"
#include "tow_link.hpp"

namespace towbench {
namespace {

Target at_most(double ratio) { return {Target::Kind::ratio, ratio, ""}; }

}  // namespace

void add_one_way(std::vector<Experiment>& all) {
  using enum tow::Publishers;
  all.push_back(one_way<TowLink<48, one>>(
      "one_way_48_one", "48 B one way, publishers = one, receiver spins on try_take",
      {"towpath", "1to1", 48, "one", "", "", at_most(1.15)}));
  all.push_back(one_way<TowLink<48, many>>("one_way_48_many",
                                           "the same, publishers = many, one of them active",
                                           {"towpath", "1to1", 48, "many", "", "", at_most(1.25)}));
  all.push_back(one_way<TowLink<48, one, Looks::take>>(
      "one_way_48_one_take", "48 B one way, receiver waits in take()",
      {"towpath", "1to1", 48, "one take()", "", "", {}}));
  all.push_back(one_way<TowLink<48, many, Looks::take>>(
      "one_way_48_many_take", "48 B one way, many, receiver waits in take()",
      {"towpath", "1to1", 48, "many take()", "", "", {}}));
  all.push_back(one_way<TowLink<8, one>>("one_way_8_one", "8 B one way",
                                         {"towpath", "1to1", 8, "one", "", "", {}}));
  all.push_back(one_way<TowLink<112, one>>("one_way_112_one", "112 B one way, inline in two lines",
                                           {"towpath", "1to1", 112, "one", "", "", {}}));
  all.push_back(one_way<TowLink<1024, one>>("one_way_1024_one", "1 KiB one way, read whole",
                                            {"towpath", "1to1", 1024, "one", "", "", {}}));
}

}  // namespace towbench
