#pragma once
/// The second act of the demo: a group of workers shares the records, and one of them dies in the
/// middle of one.

#include <string>

#include "records.hpp"
#include "story.hpp"

namespace demo {

struct GroupFigures {
  double seconds = 0;          ///< from the first record to the last ack, the death included
  double after_worker_ns = 0;  ///< from the kill until another worker had the dead one's record
};

/// Tells what happens and checks what came out. Throws std::runtime_error when it cannot go on.
GroupFigures group_run(Story& story, const Input& input, const std::string& bus_path);

}  // namespace demo
