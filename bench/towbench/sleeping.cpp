/// A sleeping subscriber.

#include "bench/harness/asleep.hpp"
#include "families.hpp"
#include "tow_link.hpp"

namespace towbench {
namespace {

using Ticket = Payload<48>;

template <tow::Publishers kPublishers>
class TowSide {
 public:
  TowSide(Stage& stage, int side)
      : out_(open_topic<48, kPublishers>(stage, side == 0 ? "there" : "back")),
        publisher_(out_.publisher().value()),
        subscriber_(open_topic<48, kPublishers>(stage, side == 0 ? "back" : "there")
                        .subscriber({.spin = std::chrono::nanoseconds(0)})
                        .value()) {}
  void ready() { out_.wait_for_subscribers(1, std::chrono::seconds(5)).value(); }
  void send(std::uint64_t stamp) {
    Ticket ticket;
    ticket.words[0] = stamp;
    ticket.number(++sent_);
    publisher_.publish(ticket).value();
  }
  std::uint64_t receive() {
    const auto taken = subscriber_.take(std::chrono::seconds(10));
    if (!taken) throw Failure("a sleeping subscriber was not woken");
    taken->check(++received_);
    if (taken.sequence() != received_) throw Failure("a message is missing");
    return taken->words[0];
  }

 private:
  tow::Topic<Ticket> out_;
  tow::Publisher<Ticket> publisher_;
  tow::Subscriber<Ticket> subscriber_;
  std::uint64_t sent_ = 0, received_ = 0;
};

}  // namespace

void add_sleeping(std::vector<Experiment>& all) {
  using enum tow::Publishers;
  all.push_back(asleep<TowSide<one>>("asleep_48_one",
                                     "receiver asleep (no spin), against a bare futex",
                                     {"towpath", "1to1", 48, "one", "", "", {}}));
  all.push_back(asleep<TowSide<many>>("asleep_48_many", "the same, publishers = many",
                                      {"towpath", "1to1", 48, "many", "", "", {}}));
}

}  // namespace towbench
