// Publishes through an exchange whose table others scribble over, binds, unbinds, removes.

#include <unistd.h>

#include <string>

#include "stage.hpp"
#include "towpath/towpath.hpp"

namespace tow::hostile {
namespace {

/// Whatever the table says now; true when it could be done.
bool use_once(Victim& self, const Exchange& exchange, ExchangePublisher& publisher) {
  switch (draw(self.random, 0, 9)) {
    case 0:
      return exchange.bind(kAttacked, std::to_string(draw(self.random, 0, 20)) + ".#").has_value();
    case 1:
      return exchange.unbind(kAttacked, std::to_string(draw(self.random, 0, 20)) + ".#")
          .has_value();
    case 2: {
      const auto bindings = exchange.bindings();
      // As many as the table may have bytes for, and no more.
      if (bindings && bindings->size() > 1000) self.log.fault("bindings out of nowhere");
      return bindings.has_value();
    }
    default: {
      const std::string key = std::to_string(draw(self.random, 0, 20)) + ".some.key";
      const auto reached = publisher.publish(key, "through an exchange", {.headers = {{"a", 1}}});
      // A forged binding can lead to a topic of the bus; never to more than there are.
      if (reached && *reached > 3) self.log.fault("more queues than there are");
      return reached.has_value();
    }
  }
}

}  // namespace

void publish_to_exchange(Victim& self) {
  while (!self.over()) {
    const auto bus = Bus::open(self.plan.bus);
    self.step(!bus);
    if (!bus) usleep(1000);
    for (int turn = 0; bus && turn < 20 && !self.over(); ++turn) {
      const auto exchange =
          bus->exchange(kAttacked, {.kind = ExchangeKind::topic, .table_bytes = 4096});
      self.step(!exchange);
      auto publisher = exchange ? exchange->publisher({.when_full = WhenFull::fail})
                                : Result<ExchangePublisher>(exchange.error());
      self.step(!publisher);
      for (int failures = 0, i = 0; publisher && failures < 8 && i < 500 && !self.over(); ++i) {
        const bool failed = !use_once(self, *exchange, *publisher);
        failures += failed ? 1 : 0;
        self.step(failed);
      }
      // A damaged one is taken away and made anew, as its error asks for.
      if (!publisher || one_in(self.random, 8)) (void)bus->remove_exchange(kAttacked);
    }
  }
}

}  // namespace tow::hostile
