#include "towpath/headers.hpp"

#include "handles.hpp"
#include "options.hpp"

using namespace tow::c;

namespace {

/// False for a kind that there is not.
bool value_of(const tow_value& given, tow::HeaderValue& value) {
  switch (number_of(given.kind)) {
    case TOW_VALUE_NULL:
      value = nullptr;
      return true;
    case TOW_VALUE_BOOLEAN:
      value = given.boolean;
      return true;
    case TOW_VALUE_INTEGER:
      value = given.integer;
      return true;
    case TOW_VALUE_REAL:
      value = given.real;
      return true;
    case TOW_VALUE_TEXT:
      value = std::string(text_of(given.view));
      return true;
    case TOW_VALUE_BYTES: {
      const auto* const data = static_cast<const std::byte*>(given.view.data);
      value = std::vector<std::byte>(data, data + given.view.bytes);
      return true;
    }
    default:
      return false;
  }
}

struct ValueForC {
  tow_value operator()(std::nullptr_t) const { return {TOW_VALUE_NULL, {}}; }
  tow_value operator()(bool of) const { return {TOW_VALUE_BOOLEAN, {.boolean = of}}; }
  tow_value operator()(std::int64_t of) const { return {TOW_VALUE_INTEGER, {.integer = of}}; }
  tow_value operator()(double of) const { return {TOW_VALUE_REAL, {.real = of}}; }
  tow_value operator()(const std::string& of) const {
    return {TOW_VALUE_TEXT, {.view = view_of(of)}};
  }
  tow_value operator()(const std::vector<std::byte>& of) const {
    return {TOW_VALUE_BYTES, {.view = {of.data(), of.size()}}};
  }
};

/// Checks what a program gives, then hands it to `body`.
template <class Body>
tow_code change(tow_headers* headers, tow_view name, const tow_value& given, const Body& body) {
  if (headers == nullptr) return null_argument("the headers");
  if (!is_whole(name)) return null_argument("the header's name");
  const std::uint32_t kind = number_of(given.kind);
  const bool viewed = kind == TOW_VALUE_TEXT || kind == TOW_VALUE_BYTES;
  if (viewed && !is_whole(given.view)) return null_argument("the header's text or bytes");
  return guarded([&] {
    tow::HeaderValue value;
    if (!value_of(given, value)) return bad_member("tow_value.kind");
    body(headers->headers, text_of(name), std::move(value));
    return TOW_OK;
  });
}

}  // namespace

tow_code tow_headers_new(tow_headers** headers) {
  if (headers == nullptr) return null_argument("the pointer to the headers");
  return guarded([&] { return *headers = new tow_headers, TOW_OK; });
}

void tow_headers_free(tow_headers* headers) { delete headers; }

tow_code tow_headers_add(tow_headers* headers, tow_view name, tow_value value) {
  return change(headers, name, value,
                [](tow::Headers& to, std::string_view of, tow::HeaderValue&& it) {
                  to.add(std::string(of), std::move(it));
                });
}

tow_code tow_headers_set(tow_headers* headers, tow_view name, tow_value value) {
  return change(headers, name, value,
                [](tow::Headers& to, std::string_view of, tow::HeaderValue&& it) {
                  to.set(of, std::move(it));
                });
}

size_t tow_headers_remove(tow_headers* headers, tow_view name) {
  if (headers == nullptr || !is_whole(name)) {
    return (void)null_argument(headers == nullptr ? "the headers" : "the header's name"), 0;
  }
  return guarded_or(size_t{0}, [&] { return headers->headers.remove(text_of(name)); });
}

void tow_headers_clear(tow_headers* headers) {
  if (headers == nullptr) return (void)null_argument("the headers");
  headers->headers.clear();
}

size_t tow_headers_size(const tow_headers* headers) {
  return ask(headers, "the headers", size_t{0},
             [](const tow_headers& it) { return it.headers.size(); });
}

tow_code tow_headers_at(const tow_headers* headers, size_t index, tow_view* name,
                        tow_value* value) {
  if (const tow_code fault = need({{headers, "the headers"},
                                   {name, "the pointer to the name"},
                                   {value, "the pointer to the value"}})) {
    return fault;
  }
  if (index >= headers->headers.size()) return TOW_NOTHING;
  const tow::Header& header = headers->headers[index];
  *name = view_of(header.name);
  *value = std::visit(ValueForC(), header.value);
  return TOW_OK;
}

tow_code tow_headers_find(const tow_headers* headers, tow_view name, tow_value* value) {
  if (const tow_code fault =
          need({{headers, "the headers"}, {value, "the pointer to the value"}})) {
    return fault;
  }
  if (!is_whole(name)) return null_argument("the header's name");
  return guarded([&] {
    const tow::HeaderValue* const found = headers->headers.find(text_of(name));
    if (found == nullptr) return TOW_NOTHING;
    *value = std::visit(ValueForC(), *found);
    return TOW_OK;
  });
}
