#pragma once
/// Labelled orders whose absence no scenario shows, each argued in docs/memory_model.md.

#include "labels.hpp"

namespace tow::schedule {

/// Why no scenario fails without it, in a few words; null when one must.
const char* why_not_caught(const LabelledSite& site);

}  // namespace tow::schedule
