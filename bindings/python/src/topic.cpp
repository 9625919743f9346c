#include "bind.hpp"
#include "bus.hpp"
#include "convert.hpp"

namespace tow::python {

void bind_topic(nb::module_& module) {
  nb::class_<Topic> topic(module, "Topic", "A sequence of messages on a bus.");
  topic.def_prop_ro("name",
                    [](const Topic& self) { return text_of(tow_topic_name(self.handle.use())); });
  bind_closing(topic);
}

}  // namespace tow::python
