#pragma once
/// Actors that use a topic's memory as typed topics do: the functions for payloads of a fixed size.

#include <array>
#include <memory>

#include "stage.hpp"
#include "towpath/shm/reader.hpp"
#include "towpath/shm/writer.hpp"

namespace tow::crash {

struct Typed {
  using Payload = std::array<char, kSmall>;
  std::shared_ptr<shm::Ring> ring;
  std::unique_ptr<shm::Writer> writer;
  std::unique_ptr<shm::Reader> reader;
};

Typed& typed(Actor& actor);
/// Joins, and shares the topic's memory without a Topic.
void open_typed(Actor& actor);
void attach_typed(Actor& actor);
void publish_typed(Actor& actor);

}  // namespace tow::crash
