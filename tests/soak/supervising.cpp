// towd, made of its own sources; only where its log goes is other.

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "daemon/src/supervisor.hpp"
#include "lives.hpp"

namespace tow::soak {
namespace {

/// What towd says: that it repaired, which is counted, or that something is wrong.
class Listener : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit Listener(Self& self) : self_(self) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string text(message.payload.begin(), message.payload.end());
    if (message.level >= spdlog::level::warn) self_.log.fault("towd: " + text);
    if (text.find(": died: ") == std::string::npos) return;
    self_.log.towd_repairs.fetch_add(1);
    self_.weigh();
  }
  void flush_() override {}

  Self& self_;
};

}  // namespace

void supervise(Self& self) {
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("towd", std::make_shared<Listener>(self)));
  towd::Settings settings;
  settings.buses = {self.plan.bus};
  towd::Supervisor supervisor(settings);
  self.idle();
  supervisor.run();
}

}  // namespace tow::soak
