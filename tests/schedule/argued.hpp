#pragma once
/// Labelled orders whose absence no scenario shows, each argued in docs/memory_model.md.

#include "labels.hpp"

namespace tow::schedule {

/// Why no scenario fails without it, in a few words; null when one must.
const char* why_not_caught(const LabelledSite& site);
/// Where acquire and release would do in place of seq_cst, though nothing at all would not.
bool acq_rel_would_do(const LabelledSite& site);

}  // namespace tow::schedule
