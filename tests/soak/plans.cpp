#include "plans.hpp"

namespace tow::soak {

const std::vector<Plan>& plans() {
  static const std::vector<Plan> all{
      {.name = "OnePublisherWithOneSubscriber", .one = true, .supervisors = 1},
      {.name = "OnePublisherWithSixteenSubscribers", .one = true, .subscribers = 16, .depth = 48},
      {.name = "OnePublisherWithAHotStandby",
       .one = true,
       .publishers = 2,
       .subscribers = 2,
       .supervisors = 2,
       .depth = 24},
      {.name = "ALonePublisherAmongManyWithOneSubscriber"},
      {.name = "ALonePublisherAmongManyWithSixteenSubscribers",
       .subscribers = 16,
       .supervisors = 1,
       .depth = 48},
      {.name = "TwoPublishersWithOneSubscriber", .steady = true, .publishers = 2},
      {.name = "TwoPublishersWithSixteenSubscribers",
       .publishers = 2,
       .subscribers = 16,
       .supervisors = 2,
       .depth = 48},
      {.name = "TwoPublishersWhoseLanesAreShallowerThanTheTopic",
       .steady = true,
       .publishers = 2,
       .subscribers = 2,
       .supervisors = 1,
       .depth = 64,
       .lane_depth = 16},
      {.name = "OnePublisherWithAGroupOfFourConsumers",
       .one = true,
       .supervisors = 1,
       .consumers = 4,
       .depth = 48},
      {.name = "TwoPublishersWithAGroupOfFourConsumers",
       .steady = true,
       .publishers = 2,
       .consumers = 4,
       .depth = 32},
      {.name = "AGroupOfFourConsumersThatPublishAndAck",
       .steady = true,
       .supervisors = 1,
       .consumers = 4,
       .settles = true,
       .depth = 48},
  };
  return all;
}

}  // namespace tow::soak
