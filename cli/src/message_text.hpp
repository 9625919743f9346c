#pragma once
/// A message as tow sub prints it.

#include <string>
#include <towpath/message.hpp>

namespace tow::cli {

class MessageText {
 public:
  /// `format` is text, hex, raw or json. `verbose`: a text follows what hex says before its dump.
  MessageText(const std::string& format, std::string topic, bool verbose = false);
  std::string of(const Message<Bytes>& message) const;

 private:
  std::string hex(const Message<Bytes>& message) const;
  std::string json(const Message<Bytes>& message) const;

  enum class Format { text, hex, raw, json } format_;
  std::string topic_;
  bool verbose_;
};

}  // namespace tow::cli
