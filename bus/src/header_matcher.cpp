#include "header_matcher.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tow {
namespace {

struct Match {
  bool any = false;     ///< of the conditions, instead of all
  bool with_x = false;  ///< arguments whose names start with "x-" are conditions, too
};

Match match_of(const Headers& arguments) {
  for (const Header& argument : arguments) {
    const auto* const word = std::get_if<std::string>(&argument.value);
    if (argument.name != "x-match" || word == nullptr) continue;
    return {word->starts_with("any"), word->ends_with("-with-x")};
  }
  return {};
}

}  // namespace

HeaderMatcher::KeyView HeaderMatcher::key_of(std::string_view name, const HeaderValue& value) {
  if (const auto* truth = std::get_if<bool>(&value)) return {name, Form::boolean, *truth, {}};
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return {name, Form::integer, static_cast<std::uint64_t>(*integer), {}};
  }
  if (const auto* real = std::get_if<double>(&value)) {
    constexpr double kEnd = 9223372036854775808.0;  // 2^63
    if (*real >= -kEnd && *real < kEnd && std::trunc(*real) == *real) {
      return {
          name, Form::integer, static_cast<std::uint64_t>(static_cast<std::int64_t>(*real)), {}};
    }
    return {name, Form::real, std::bit_cast<std::uint64_t>(*real), {}};
  }
  if (const auto* text = std::get_if<std::string>(&value)) return {name, Form::text, 0, *text};
  if (const auto* bytes = std::get_if<std::vector<std::byte>>(&value)) {
    return {name, Form::text, 0, {reinterpret_cast<const char*>(bytes->data()), bytes->size()}};
  }
  return {name, Form::null, 0, {}};
}

HeaderMatcher::Number HeaderMatcher::number_of(const KeyView& key) {
  const auto next = static_cast<Number>(conditions_.size());
  const auto [known, is_new] = numbers_.try_emplace(
      {std::string(key.name), key.form, key.bits, std::string(key.text)}, next);
  if (is_new) conditions_.emplace_back();
  return known->second;
}

void HeaderMatcher::add(const Binding& binding, Target target) {
  const Match match = match_of(binding.arguments);
  Rule rule{target, match.any, {}};
  for (const Header& argument : binding.arguments) {
    const bool reserved = argument.name.starts_with("x-");
    if (argument.name == "x-match" || (reserved && !match.with_x)) continue;
    KeyView key = key_of(argument.name, argument.value);
    if (key.form == Form::null) key.form = Form::anything;
    any_presence_ = any_presence_ || key.form == Form::anything;
    rule.conditions.push_back(number_of(key));
  }
  if (!rule.conditions.empty()) {
    rules_.push_back(std::move(rule));
    anchored_ = false;
  } else if (!match.any) {
    always_.push_back(target);
  }
}

/// A rule that needs all its conditions is looked at when that one holds which the fewest share.
void HeaderMatcher::choose_anchors() {
  anchored_ = true;
  for (Condition& condition : conditions_) condition = {};
  for (const Rule& rule : rules_) {
    for (const Number number : rule.conditions) ++conditions_[number].askers;
  }
  for (Number number = 0; number < rules_.size(); ++number) {
    const Rule& rule = rules_[number];
    const auto rarest = *std::min_element(
        rule.conditions.begin(), rule.conditions.end(),
        [this](Number a, Number b) { return conditions_[a].askers < conditions_[b].askers; });
    if (!rule.any) conditions_[rarest].rules.push_back(number);
    for (const Number each : rule.conditions) {
      if (rule.any) conditions_[each].rules.push_back(number);
    }
  }
}

void HeaderMatcher::hold(const KeyView& key) {
  const auto known = numbers_.find(key);
  if (known == numbers_.end()) return;
  Condition& condition = conditions_[known->second];
  if (condition.turn == turn_) return;  // a header that is there twice
  condition.turn = turn_;
  held_.push_back(known->second);
}

bool HeaderMatcher::holds(const Rule& rule) const {
  return rule.any ||
         std::all_of(rule.conditions.begin(), rule.conditions.end(),
                     [this](Number number) { return conditions_[number].turn == turn_; });
}

void HeaderMatcher::match(std::string_view, const Headers& headers, std::vector<Target>& found) {
  if (!anchored_) choose_anchors();
  ++turn_;
  held_.clear();
  found.insert(found.end(), always_.begin(), always_.end());
  for (const Header& header : headers) {
    hold(key_of(header.name, header.value));
    if (any_presence_) hold({header.name, Form::anything, 0, {}});
  }
  for (const Number condition : held_) {
    for (const Number number : conditions_[condition].rules) {
      Rule& rule = rules_[number];
      if (rule.turn == turn_ || !holds(rule)) continue;
      rule.turn = turn_;
      found.push_back(rule.target);
    }
  }
}

}  // namespace tow
