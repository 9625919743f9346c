#include "children.hpp"

#include <unistd.h>

#include <exception>

#include "auditing.hpp"
#include "consuming.hpp"
#include "lives.hpp"

namespace tow::soak {
namespace {

/// All of it over and over: open, join, use a little, leave, close.
void join_and_leave(Self& self) {
  while (self.log.publishers_gone.load() == 0) {
    self.progress(Step::starting);
    {
      auto bus = Bus::open(self.plan.bus);
      if (!bus) return self.log.fault("joiner: " + bus.error().message());
      auto topic = bus->topic("soak", topic_options(self.plan));
      if (!topic) return self.log.fault("joiner: " + topic.error().message());
      const std::uint64_t dice = self.draw(1, 4);
      if (dice == 1) {
        auto publisher = topic->publisher({.when_full = WhenFull::fail});  // or there are enough
      } else if (dice <= 3) {
        auto subscriber = topic->subscriber(some_options(self));
        if (!subscriber) return self.log.fault("joiner: " + subscriber.error().message());
        take_some(self, *subscriber, self.draw(1, 20));
      }
      self.progress(Step::ending);
    }
    self.log.joins.fetch_add(1);
    self.weigh();
  }
}

void repair(Self& self) {
  auto bus = Bus::open(self.plan.bus).value();
  while (self.log.publishers_gone.load() == 0) {
    bus.heal();
    self.progress(Step::working);
    self.weigh();
    usleep(static_cast<useconds_t>(self.draw(100, 3000)));
  }
}

}  // namespace

int run_child(Self& self, Role role) {
  constexpr void (*kLives[kRoles])(Self&) = {observe,        publish_steadily, publish,   subscribe,
                                             join_and_leave, repair,           supervise, consume,
                                             audit,          check_leaks};
  try {
    self.progress(Step::starting);
    kLives[static_cast<std::size_t>(role)](self);
    return 0;
  } catch (const std::exception& failure) {
    self.log.fault(std::string(to_text(role)) + ": " + failure.what());
    return 1;
  }
}

}  // namespace tow::soak
