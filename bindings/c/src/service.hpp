#pragma once
/// Options of services, for clients and servers.

#include "options.hpp"
#include "towpath/service.hpp"

namespace tow::c {

inline constexpr tow_service_options kServiceDefaults{.max_attempts = 0,
                                                      .depth = 0,
                                                      .max_request_bytes = 0,
                                                      .pool_bytes = 0,
                                                      .create = true,
                                                      .type = kBytesType,
                                                      .reserved = {}};

/// `member` names it in errors.
inline tow_code read(const tow_service_options& given, const char* member,
                     ServiceOptions& options) noexcept {
  for (const std::uint64_t word : given.reserved) {
    if (word != 0) return unknown_member(member);
  }
  options = {.max_attempts = given.max_attempts,
             .depth = given.depth,
             .max_request_bytes = given.max_request_bytes,
             .pool_bytes = given.pool_bytes,
             .create = given.create};
  return TOW_OK;
}

}  // namespace tow::c
