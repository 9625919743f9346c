#pragma once
/// The orders that the product declares, with their labels, read from its sources.

#include <string>
#include <vector>

#include "sites.hpp"

namespace tow::schedule {

/// A statement with an order stronger than relaxed (or a compiler fence, or a barrier).
struct LabelledSite {
  std::string label;  ///< without brackets; empty when there is none
  std::string file;   ///< from the root of the project
  std::string function;
  unsigned first = 0, last = 0;
  std::string code;  ///< the line that names the order, without its comment
  bool sequential = false;
};

/// All of them in shm/ and bus/, in the order of files and lines.
std::vector<LabelledSite> labelled_sites(const std::string& root);

}  // namespace tow::schedule
