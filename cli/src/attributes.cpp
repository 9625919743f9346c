#include "attributes.hpp"

#include <fmt/core.h>

#include <limits>
#include <system_error>
#include <towpath/shm/fields.hpp>

#include "output.hpp"
#include "source.hpp"
#include "values.hpp"

namespace tow::cli {
namespace {

constexpr const char* kHeader = "--header";
constexpr const char* kGroup = "Attributes of each message";

[[noreturn]] void refuse(const std::string& option, const std::string& why) {
  throw CLI::ValidationError(option, why);
}

[[noreturn]] void refuse_number(const std::string& header) {
  refuse(kHeader, header + " is out of range; a whole number has 64 bits with its sign");
}

HeaderValue value_of(const std::string& header, const std::string& text) {
  const Json value = Json::parse(text, nullptr, false);
  switch (value.type()) {
    case Json::value_t::null:
      return nullptr;
    case Json::value_t::boolean:
      return value.get<bool>();
    case Json::value_t::number_float:
      // A whole number beyond what the parser can hold comes out so, with less digits.
      if (text.find_first_of(".eE") == std::string::npos) refuse_number(header);
      return value.get<double>();
    case Json::value_t::string:
      return value.get<std::string>();
    case Json::value_t::number_integer:
      return value.get<std::int64_t>();
    case Json::value_t::number_unsigned:
      if (value.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max()) {
        return value.get<std::int64_t>();
      }
      refuse_number(header);
    default:
      refuse(kHeader, header +
                          " is no JSON of a single value; write name:=5, name:=0.5, name:=true, "
                          "name:=null, or name=text");
  }
}

std::vector<std::byte> bytes_of(const std::string& header, const std::string& path) {
  try {
    const auto source = whole_file(path, shm::kMaxHeadersBytes);
    const std::string_view read = source->next().value_or("");
    const auto* const from = reinterpret_cast<const std::byte*>(read.data());
    return {from, from + read.size()};
  } catch (const std::system_error& error) {
    refuse(kHeader, header + ": " + error.what());
  }
}

/// Where the name ends, and how the value is written.
struct Separator {
  std::size_t at;
  std::string_view sign;
};

std::optional<Separator> find_separator(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const std::string_view sign : {":=", "=", "@"}) {
      if (text.substr(at).starts_with(sign)) return Separator{at, sign};
    }
  }
  return std::nullopt;
}

CLI::Option* add_text(CLI::App* command, const std::string& names, const std::string& name,
                      std::string& target, const std::string& type,
                      const std::string& description) {
  const auto set = [&target, name](const std::string& text) {
    if (text.size() > shm::kMaxKeyBytes) {
      refuse(name,
             fmt::format("{} bytes are too long; at most {}", text.size(), shm::kMaxKeyBytes));
    }
    target = text;
  };
  return command->add_option_function<std::string>(names, set, description)
      ->type_name(type)
      ->group(kGroup);
}

std::string at_most_the_longest(const std::string& text) {
  const auto duration = parse_duration(text);
  return duration && *duration > kLongestTime ? text + " is more than 100 years" : "";
}

void add_time(CLI::App* command, const std::string& name,
              std::optional<std::chrono::nanoseconds>& target, const std::string& description) {
  add_duration(command, name, target, description)->group(kGroup)->check(at_most_the_longest, "");
}

}  // namespace

Attributes AttributeOptions::attributes() const {
  constexpr std::chrono::nanoseconds kNone{0};
  return {.key = key,
          .tag = tag,
          .time_to_live = time_to_live.value_or(kNone),
          .delay = delay.value_or(kNone),
          .priority = priority,
          .correlation_id = correlation_id,
          .reply_topic = reply_topic,
          .content_type = content_type,
          .headers = headers};
}

Header parse_header(const std::string& text) {
  const auto found = find_separator(text);
  if (!found || found->at == 0) {
    refuse(kHeader, text + " has no name and value; write name=text, name:=5 or name@FILE");
  }
  Header header{.name = text.substr(0, found->at)};
  if (header.name.size() > shm::kMaxHeaderNameBytes) {
    refuse(kHeader, fmt::format("a name of {} bytes is too long; at most {}", header.name.size(),
                                shm::kMaxHeaderNameBytes));
  }
  const std::string rest = text.substr(found->at + found->sign.size());
  if (found->sign == ":=") {
    header.value = value_of(text, rest);
  } else if (found->sign == "@") {
    header.value = bytes_of(text, rest);
  } else {
    header.value = rest;
  }
  return header;
}

void add_attributes(CLI::App* command, AttributeOptions& options) {
  add_text(command, "-k,--key", "--key", options.key, "KEY",
           "What it is about, up to 255 bytes, as the other texts");
  add_text(command, "--tag", "--tag", options.tag, "TAG",
           "A kind of message that readers look for; only its hash travels");
  add_time(command, "--ttl", options.time_to_live, "Worth nothing to groups after so long [never]");
  add_time(command, "--delay", options.delay, "Groups see it after so long [at once]");
  const auto set_priority = [&options](const std::string& text) {
    if (text.size() != 1 || text[0] < '0' || text[0] > '7') {
      refuse("--priority", text + " is none of 0 to 7, the most urgent");
    }
    options.priority = static_cast<std::uint8_t>(text[0] - '0');
  };
  command
      ->add_option_function<std::string>("--priority", set_priority,
                                         "0 to 7, the most urgent: groups prefer it [0]")
      ->type_name("0|1|2|3|4|5|6|7")
      ->group(kGroup);
  add_text(command, "--correlation-id", "--correlation-id", options.correlation_id, "ID",
           "Ties a reply to its request");
  add_text(command, "--reply-topic", "--reply-topic", options.reply_topic, "TOPIC",
           "Where an answer is expected");
  add_text(command, "--content-type", "--content-type", options.content_type, "TYPE",
           "What the payload is, such as application/json");
  const auto set_headers = [&options](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      Header header = parse_header(text);
      options.headers.add(std::move(header.name), std::move(header.value));
    }
  };
  command
      ->add_option_function<std::vector<std::string>>(
          "-H,--header", set_headers,
          "name=text, name:=JSON (5, 0.5, true, null) or name@FILE (bytes); again for more")
      ->type_name("HEADER")
      ->allow_extra_args(false)  // one value each time, or it would take the arguments
      ->group(kGroup);
}

}  // namespace tow::cli
