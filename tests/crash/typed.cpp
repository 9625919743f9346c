#include "typed.hpp"

namespace tow::crash {

Typed& typed(Actor& actor) { return *static_cast<Typed*>(actor.other.get()); }

/// Joins, and shares the topic's memory without a Topic.
void open_typed(Actor& actor) {
  auto typed = std::make_shared<Typed>();
  auto participants = std::make_shared<shm::Participants>(
      shm::Directory::open(actor.path + "/participants").value(), 0600);
  participants->join().value();
  typed->ring = shm::Ring::open(shm::Directory::open(actor.path + "/topics/" + kTopic).value(),
                                kTopic, participants, 0600, false)
                    .value();
  actor.next = typed->ring->tail() + 1;
  actor.other = std::move(typed);
}

void attach_typed(Actor& actor) {
  open_typed(actor);
  typed(actor).writer = shm::Writer::attach(typed(actor).ring).value();
}

void publish_typed(Actor& actor) {
  const std::string_view text = text_of(actor.next, kSmall);
  if (typed(actor).writer->append_fixed<kSmall>(text.data()) != shm::Append::done) return;
  typed(actor).writer->notify();
  ++actor.next;
  actor.progress->published.fetch_add(1);
}

}  // namespace tow::crash
