#pragma once
/// Options of topics, for those who make topics with something else.

#include "options.hpp"
#include "towpath/options.hpp"

namespace tow::c {

/// What a program asks of a topic, checked as far as the library below cannot.
struct TopicAsked {
  TopicOptions options;
  TypeInfo type;
};
tow_code read(const tow_topic_options* given, TopicAsked& asked) noexcept;

}  // namespace tow::c
