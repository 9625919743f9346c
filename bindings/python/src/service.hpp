#pragma once
/// What clients and servers say of their service when they open it.

#include <memory>
#include <string>

#include "bus.hpp"
#include "convert.hpp"

namespace tow::python {

/// Options of a service, which Bus.client() and Bus.server() take beside their own.
struct ServiceAsked {
  ServiceAsked(const std::string& service, nb::handle dtype, nb::handle type_name)
      : name(service), type(type_of(dtype, type_name)) {}
  /// For C; points into this.
  void put(tow_service_options& options, std::uint32_t max_attempts, std::uint64_t depth,
           std::uint64_t max_request_bytes, std::uint64_t pool_bytes, bool create) const {
    options.max_attempts = max_attempts;
    options.depth = depth;
    options.max_request_bytes = max_request_bytes;
    options.pool_bytes = pool_bytes;
    options.create = create;
    if (type != nullptr) options.type = type->c_type();
  }

  const std::string name;
  const std::shared_ptr<const ValueType> type;  ///< of requests; null: bytes of any length

 private:
  static std::shared_ptr<const ValueType> type_of(nb::handle dtype, nb::handle type_name) {
    const OptionalText name(type_name);
    return ValueType::of(dtype, name.c_str());
  }
};

constexpr const char* kServiceDoc =
    " `dtype` and `type_name`, as of topic(), are those of requests. Of the service, 0: as it is, "
    "or the default: `max_attempts`, how often a request is begun (1); `depth`, requests waiting "
    "or handled (1024); `max_request_bytes` (64 KiB); `pool_bytes`, each client's memory for what "
    "fits no slot; `create`: make it (True). Raises TypeMismatch, OptionsMismatch, NotFound, "
    "InvalidName, InvalidArgument, TooMany, NoSpace.";

}  // namespace tow::python
