#pragma once
/// A message as tow sub, tow consume and tow dlq print it.

#include <string>
#include <towpath/consumer.hpp>
#include <towpath/message.hpp>

namespace tow::cli {

class MessageText {
 public:
  /// `format` is text, hex, raw or json. `verbose`: a text follows what hex says before its dump.
  MessageText(const std::string& format, std::string topic, bool verbose = false);
  std::string of(const Message<Bytes>& message) const { return text(message, nullptr); }
  /// Tells how often it was tried, too.
  std::string of(const Delivery<Bytes>& delivery) const { return text(delivery, &delivery); }

 private:
  /// `delivery`: null for a message that is none.
  std::string text(const Message<Bytes>& message, const DeliveryBase* delivery) const;
  std::string json(const Message<Bytes>& message, const DeliveryBase* delivery) const;

  enum class Format { text, hex, raw, json } format_;
  std::string topic_;
  bool verbose_;
};

}  // namespace tow::cli
