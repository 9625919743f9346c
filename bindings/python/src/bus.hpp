#pragma once
/// Buses and topics, as Python holds them.

#include <memory>

#include "handle.hpp"
#include "value_type.hpp"

namespace tow::python {

/// Any number of threads.
struct Bus {
  SharedHandle<tow_bus, tow_bus_close> handle;
  bool closed() const { return handle.closed(); }
  void close() { handle.close(); }
};

/// Any number of threads.
struct Topic {
  SharedHandle<tow_topic, tow_topic_close> handle;
  std::shared_ptr<const ValueType> type;  ///< null: bytes of any length
  bool closed() const { return handle.closed(); }
  void close() { handle.close(); }
};

/// The Python object of a topic that was opened.
nb::object topic_object(tow_topic* opened, std::shared_ptr<const ValueType> type);

/// What Bus.topic() takes beside the name, for C. `options` points into `type`.
struct TopicOptions {
  tow_topic_options options;
  std::shared_ptr<const ValueType> type;
};
/// Of the keyword arguments of Bus.topic(), or of a mapping of the same names. Raises TypeError for
/// one that is none.
TopicOptions topic_options_of(nb::handle dtype, nb::handle named);

}  // namespace tow::python
