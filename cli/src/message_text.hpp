#pragma once
/// A message as tow sub prints it.

#include <string>
#include <towpath/message.hpp>

namespace tow::cli {

class MessageText {
 public:
  /// `format` is text, hex, raw or json.
  MessageText(const std::string& format, std::string topic);
  std::string of(const Message<Bytes>& message) const;

 private:
  std::string hex(const Message<Bytes>& message) const;
  std::string json(const Message<Bytes>& message) const;

  enum class Format { text, hex, raw, json } format_;
  std::string topic_;
};

}  // namespace tow::cli
