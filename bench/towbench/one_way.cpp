/// One way through a topic, small messages, receiver spinning.

#include "bench/harness/one_way.hpp"

#include "families.hpp"
#include "tow_link.hpp"

namespace towbench {
namespace {

/// Two publishers of one process take turns, so that each message comes from the other lane.
class InterleavingLink {
  using Link = TowLink<48, tow::Publishers::many>;

 public:
  class Sender {
   public:
    explicit Sender(Stage& stage)
        : topic_(open_topic<48, tow::Publishers::many>(stage)),
          publishers_{topic_.publisher().value(), topic_.publisher().value()} {
      message_.words.fill(0);
    }
    void ready() {
      topic_.wait_for_subscribers(1, std::chrono::seconds(5)).value();
      message_.number(1);
    }
    void send(std::uint64_t stamp) {
      message_.words[0] = stamp;
      publishers_[number_ % 2].publish(message_).value();
      message_.number(++number_ + 1);
    }

   private:
    tow::Topic<Link::Message> topic_;
    std::array<tow::Publisher<Link::Message>, 2> publishers_;
    Link::Message message_;
    std::uint64_t number_ = 0;
  };
  using Receiver = Link::Receiver;
};

Target at_most(double ratio) { return {Target::Kind::ratio, ratio, ""}; }

}  // namespace

void add_one_way(std::vector<Experiment>& all) {
  using enum tow::Publishers;
  all.push_back(one_way<TowLink<48, one>>(
      "one_way_48_one", "48 B one way, publishers = one, receiver spins on try_take",
      {"towpath", "1to1", 48, "one", "", "", at_most(1.10)}));
  all.push_back(one_way<TowLink<48, many>>("one_way_48_many",
                                           "the same, publishers = many, one of them active",
                                           {"towpath", "1to1", 48, "many", "", "", at_most(1.15)}));
  all.push_back(one_way<TowLink<48, one, Looks::take>>(
      "one_way_48_one_take", "48 B one way, receiver waits in take()",
      {"towpath", "1to1", 48, "one take()", "", "", {}}));
  all.push_back(one_way<TowLink<48, many, Looks::take>>(
      "one_way_48_many_take", "48 B one way, many, receiver waits in take()",
      {"towpath", "1to1", 48, "many take()", "", "", {}}));
  all.push_back(one_way<InterleavingLink>(
      "one_way_48_interleaving", "many, two publishers of one process take turns",
      {"towpath", "2to1", 48, "many, taking turns", "", "", at_most(1.6)}));
  all.push_back(one_way<TowLink<8, one>>("one_way_8_one", "8 B one way",
                                         {"towpath", "1to1", 8, "one", "", "", at_most(1.10)}));
  all.push_back(one_way<TowLink<112, one>>("one_way_112_one", "112 B one way, inline in two lines",
                                           {"towpath", "1to1", 112, "one", "", "", at_most(1.2)}));
  all.push_back(one_way<TowLink<1024, one>>("one_way_1024_one", "1 KiB one way, read whole",
                                            {"towpath", "1to1", 1024, "one", "", "", {}}));
}

}  // namespace towbench
