#pragma once
/// Bindings of a headers exchange, compiled the other way round: from a header to who asks for it.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "matcher.hpp"

namespace tow {

/// Matching costs a look-up for each header of the message (two, where some binding asks for a
/// header whatever its value), and a step for each binding whose rarest condition holds. Private to
/// a process.
class HeaderMatcher final : public Matcher {
 public:
  void add(const Binding& binding, Target target) override;
  void match(std::string_view routing_key, const Headers& headers,
             std::vector<Target>& found) override;

 private:
  /// Values that count as equal are one form: numbers by value, text and bytes by their bytes.
  enum class Form : std::uint8_t { anything, null, boolean, integer, real, text };
  template <class Text>
  struct Key {
    Text name;
    Form form = Form::anything;
    std::uint64_t bits = 0;
    Text text;
  };
  using StoredKey = Key<std::string>;
  using KeyView = Key<std::string_view>;
  struct Hash {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's name
    template <class Text>
    std::size_t operator()(const Key<Text>& key) const {
      const std::uint64_t text = key.text.empty() ? 0 : hash_of(key.text);
      return (hash_of(key.name) ^ text) + (key.bits + static_cast<std::uint64_t>(key.form)) * 31;
    }
  };
  struct Equal {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's name
    template <class A, class B>
    bool operator()(const Key<A>& a, const Key<B>& b) const {
      return a.form == b.form && a.bits == b.bits && a.name == b.name && a.text == b.text;
    }
  };
  using Number = std::uint32_t;  // of a condition or a rule
  struct Rule {
    Target target;
    bool any = false;  ///< one of the conditions is enough
    std::vector<Number> conditions;
    std::uint64_t turn = 0;  ///< in which it was found last
  };
  struct Condition {
    std::uint64_t turn = 0;     ///< in which it held last
    std::size_t askers = 0;     ///< rules that have it
    std::vector<Number> rules;  ///< to be looked at when it holds
  };

  static KeyView key_of(std::string_view name, const HeaderValue& value);
  Number number_of(const KeyView& key);
  void choose_anchors();
  void hold(const KeyView& key);
  bool holds(const Rule& rule) const;

  std::unordered_map<StoredKey, Number, Hash, Equal> numbers_;
  std::vector<Condition> conditions_;
  std::vector<Rule> rules_;
  std::vector<Target> always_;
  bool anchored_ = true;
  bool any_presence_ = false;  ///< somebody asks for a header whatever its value
  std::vector<Number> held_;
  std::uint64_t turn_ = 0;
};

}  // namespace tow
