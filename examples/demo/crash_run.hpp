#pragma once
/// The first half of the demo: the stream, two murders, and what the survivors have to show.

#include <string>

#include "records.hpp"
#include "story.hpp"

namespace demo {

struct CrashFigures {
  double seconds = 0;  ///< from the first record to the last, deaths included
  double p50_ns = 0, p99_ns = 0;
  double after_publisher_ns = 0;   ///< from its kill to the successor's first message
  double after_subscriber_ns = 0;  ///< longest pause of the stream after its kill
};

/// Tells what happens and checks what came out. Throws std::runtime_error when it cannot go on.
CrashFigures crash_run(Story& story, const Input& input, const std::string& input_path,
                       const std::string& files, const std::string& bus_path);

}  // namespace demo
