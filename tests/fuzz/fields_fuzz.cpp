// What follows the payload of a message of somebody else: two bytes that say which fields there
// are, then the fields. Whatever they are, reading stays within them; what was read can be encoded,
// and then reads the same.

#include <vector>

#include "input.hpp"
#include "towpath/headers.hpp"
#include "towpath/shm/fields.hpp"

namespace {

using tow::fuzz::require;
using tow::shm::EncodedFields;
using tow::shm::Fields;
using tow::shm::FieldsView;
using tow::shm::HeaderEntry;
using tow::shm::HeaderReader;
using tow::shm::HeaderWriter;

bool lies_in(std::string_view text, std::string_view whole) {
  return text.empty() ||
         (text.data() >= whole.data() && text.data() + text.size() <= whole.data() + whole.size());
}

std::vector<HeaderEntry> entries_of(const FieldsView& view) {
  std::vector<HeaderEntry> entries;
  HeaderReader reader(view.headers());
  while (const auto entry = reader.next()) entries.push_back(*entry);
  require(tow::Headers::decode(view.headers()).size() == entries.size());
  return entries;
}

Fields fields_of(const FieldsView& view) {
  return {.expires_ns = view.expires_ns(),
          .due_ns = view.due_ns(),
          .tag = view.tag(),
          .producer = view.producer(),
          .key = view.key(),
          .correlation_id = view.correlation_id(),
          .reply_topic = view.reply_topic(),
          .content_type = view.content_type(),
          .priority = view.priority()};
}

bool same(const HeaderEntry& a, const HeaderEntry& b) {
  return a.name == b.name && a.type == b.type && a.bits == b.bits && a.content == b.content;
}

void require_same(const Fields& a, const Fields& b) {
  require(a.expires_ns == b.expires_ns && a.due_ns == b.due_ns && a.tag == b.tag);
  // A producer without a name is none; its number means nothing.
  require(a.producer.name_hash == 0 ? b.producer.name_hash == 0 : a.producer == b.producer);
  require(a.key == b.key && a.correlation_id == b.correlation_id);
  require(a.reply_topic == b.reply_topic && a.content_type == b.content_type);
  require(a.priority == b.priority);
}

void look(std::uint16_t bits, std::string_view bytes) {
  const FieldsView view{reinterpret_cast<const std::byte*>(bytes.data()),
                        static_cast<std::uint32_t>(bytes.size()), bits, 0};
  Fields fields = fields_of(view);
  for (const std::string_view text :
       {fields.key, fields.correlation_id, fields.reply_topic, fields.content_type}) {
    require(text.size() <= tow::shm::kMaxKeyBytes && lies_in(text, bytes));
  }
  const auto entries = entries_of(view);
  for (const HeaderEntry& entry : entries) {
    require(lies_in(entry.name, bytes) && lies_in(entry.content, bytes));
    fields.header_bytes += header_entry_bytes(entry);
  }
  require(fields.header_bytes <= view.headers().size());
  EncodedFields encoded(fields);
  HeaderWriter writer(encoded.header_room());
  for (const HeaderEntry& entry : entries) require(writer.put(entry));
  require(encoded.view().bytes <= tow::shm::kMaxFieldBytes);
  require_same(fields, fields_of(encoded.view()));
  const auto again = entries_of(encoded.view());
  require(again.size() == entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) require(same(again[i], entries[i]));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tow::fuzz::Input input(data, size);
  const auto bits = input.number<std::uint16_t>();
  look(bits, input.rest());
  return 0;
}
