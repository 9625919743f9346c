#pragma once
/// Groups, as Python holds them.

#include <memory>

#include "handle.hpp"
#include "value_type.hpp"

namespace tow::python {

/// Any number of threads.
struct Group {
  SharedHandle<tow_group, tow_group_close> handle;
  std::shared_ptr<const ValueType> type;  ///< its topic's
  bool closed() const { return handle.closed(); }
  void close() { handle.close(); }
};

/// The Python object of a group that was opened.
nb::object group_object(tow_group* opened, std::shared_ptr<const ValueType> type);

/// The keyword arguments of Topic.group(), for C. Raises TypeError for one that is none.
class GroupOptions {
 public:
  explicit GroupOptions(nb::handle named);
  GroupOptions(const GroupOptions&) = delete;

  /// Opens a group by `open(options)`, a function of C. Without options it is as it is, or made
  /// with the defaults; `create` alone says no more than whether it may be made.
  template <class Open>
  tow_code open(const Open& open) const {
    if (!given_ && options_.create) return open(nullptr);
    const tow_code code = open(&options_);
    if (given_ || code != TOW_OPTIONS_MISMATCH) return code;
    return open(nullptr);  // it exists, with options of its own
  }

 private:
  bool take(const std::string& name, nb::handle value);
  void take_text(nb::handle value, std::string& text, const char*& to);

  tow_group_options options_;
  bool given_ = false;  ///< there is one beside `create`
  std::string key_pattern_, tag_, dead_letter_;
};

}  // namespace tow::python
