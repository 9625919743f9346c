#include "options.hpp"

#include <string>

namespace tow::c {

tow_code bad_struct_bytes(const char* type, std::size_t struct_bytes) noexcept {
  return guarded([&] {
    return fail(TOW_INVALID_ARGUMENT, std::string(type) + ": struct_bytes is " +
                                          std::to_string(struct_bytes) + "; call " + type +
                                          "_init() before setting its members");
  });
}

tow_code unknown_member(const char* type) noexcept {
  return guarded([&] {
    return fail(TOW_NOT_SUPPORTED, std::string(type) +
                                       ": this program sets a member that is newer than the "
                                       "library (" +
                                       tow_version() + "); install a newer one");
  });
}

tow_code bad_member(const char* member) noexcept {
  return guarded([&] {
    return fail(TOW_INVALID_ARGUMENT,
                std::string(member) + " is none of the values that the header lists");
  });
}

bool start_of(tow_start given, Start& start) {
  start.value = given.value;
  return convert(given.kind, TOW_START_TIME, start.kind);
}

TypeInfo type_of(const tow_type& type) {
  return type_info(text_or_empty(type.name), type.bytes, type.align);
}

}  // namespace tow::c
