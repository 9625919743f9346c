// The map in docs/memory_layout.md against the structs themselves. TOWPATH_UPDATE_DOCS=1 rewrites
// the offsets and sizes in it.

#include "towpath/shm/layout.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "towpath/shm/document.hpp"
#include "towpath/shm/group_layout.hpp"
#include "towpath/shm/participants.hpp"
#include "towpath/shm/producer.hpp"
#include "towpath/shm/record_layout.hpp"

namespace tow::shm {
namespace {

struct Field {
  std::string name;
  std::size_t offset, bytes;
};
struct Struct {
  std::string name;
  std::size_t bytes;
  std::vector<Field> fields;
};

// Names as in the struct; offsetof and sizeof need a macro.
#define FIELD(type, name) \
  Field { #name, offsetof(type, name), sizeof(type::name) }

Struct segment_and_bus(bool segment) {
  if (segment) {
    using T = SegmentLayout;
    return {"SegmentLayout",
            sizeof(T),
            {FIELD(T, magic), FIELD(T, version), FIELD(T, kind), FIELD(T, fingerprint),
             FIELD(T, file_bytes), FIELD(T, creator_pid), FIELD(T, reserved0), FIELD(T, created_ns),
             FIELD(T, reserved1)}};
  }
  using T = BusLayout;
  return {"BusLayout", sizeof(T), {FIELD(T, header), FIELD(T, file_mode), FIELD(T, reserved)}};
}

Struct geometry() {
  using T = GeometryLayout;
  return {"GeometryLayout",
          sizeof(T),
          {FIELD(T, kind), FIELD(T, slot_bytes), FIELD(T, slot_count), FIELD(T, lane_slot_count),
           FIELD(T, pool_bytes), FIELD(T, max_message_bytes), FIELD(T, asked_depth),
           FIELD(T, max_publishers), FIELD(T, max_subscribers), FIELD(T, stamp_shift),
           FIELD(T, flags), FIELD(T, type_bytes), FIELD(T, type_align), FIELD(T, type_fingerprint),
           FIELD(T, type_name)}};
}

Struct order() {
  using T = OrderLayout;
  return {"OrderLayout", sizeof(T), {FIELD(T, header),        FIELD(T, geometry),
                                     FIELD(T, created_ticks), FIELD(T, created_monotonic_ns),
                                     FIELD(T, reserved0),     FIELD(T, state),
                                     FIELD(T, reserved1),     FIELD(T, limit),
                                     FIELD(T, reserved2),     FIELD(T, doorbell),
                                     FIELD(T, wake_mode),     FIELD(T, reserved3),
                                     FIELD(T, room_want),     FIELD(T, reserved4),
                                     FIELD(T, dropped),       FIELD(T, reserved5),
                                     FIELD(T, pinned),        FIELD(T, reserved6),
                                     FIELD(T, evicted),       FIELD(T, pins)}};
}

Struct board() {
  using T = BoardLayout;
  return {"BoardLayout",
          sizeof(T),
          {FIELD(T, header), FIELD(T, reserved0), FIELD(T, want), FIELD(T, reserved1),
           FIELD(T, room_bell), FIELD(T, reserved2), FIELD(T, present), FIELD(T, reserved3)}};
}

Struct reader() {
  using T = ReaderLayout;
  return {
      "ReaderLayout",
      sizeof(T),
      {FIELD(T, header), FIELD(T, reserved0), FIELD(T, owner), FIELD(T, live), FIELD(T, claim),
       FIELD(T, kind), FIELD(T, overflow), FIELD(T, max_lag), FIELD(T, reserved2), FIELD(T, cursor),
       FIELD(T, received), FIELD(T, gaps), FIELD(T, lost), FIELD(T, start), FIELD(T, reserved3),
       FIELD(T, holds), FIELD(T, latency), FIELD(T, group), FIELD(T, reserved4)}};
}

Struct lane() {
  using T = LaneLayout;
  return {"LaneLayout",
          sizeof(T),
          {FIELD(T, header), FIELD(T, reserved0), FIELD(T, owner), FIELD(T, published),
           FIELD(T, adoptions), FIELD(T, in_record), FIELD(T, reserved1), FIELD(T, record),
           FIELD(T, reserved2)}};
}

Struct slot() {
  using T = SlotLayout;
  return {"SlotLayout", sizeof(T), {FIELD(T, sequence), FIELD(T, meta)}};
}

Struct group_options() {
  using T = GroupOptionsLayout;
  return {"GroupOptionsLayout",
          sizeof(T),
          {FIELD(T, slot_count), FIELD(T, mode), FIELD(T, overflow), FIELD(T, max_attempts),
           FIELD(T, flags), FIELD(T, lease_ns), FIELD(T, backoff_ns), FIELD(T, max_backoff_ns),
           FIELD(T, time_to_live_ns), FIELD(T, max_length), FIELD(T, tag), FIELD(T, reserved),
           FIELD(T, key_pattern), FIELD(T, dead_letter), FIELD(T, tag_text)}};
}

Struct consumer() {
  using T = ConsumerLayout;
  return {"ConsumerLayout",
          sizeof(T),
          {FIELD(T, owner), FIELD(T, incarnation), FIELD(T, reader), FIELD(T, taken),
           FIELD(T, acked), FIELD(T, reserved)}};
}

Struct group() {
  using T = GroupLayout;
  return {"GroupLayout",
          sizeof(T),
          {FIELD(T, header),     FIELD(T, reserved0),  FIELD(T, options),   FIELD(T, state),
           FIELD(T, paused),     FIELD(T, returns),    FIELD(T, reserved1), FIELD(T, next_due),
           FIELD(T, page),       FIELD(T, reserved2),  FIELD(T, bell),      FIELD(T, reserved3),
           FIELD(T, want),       FIELD(T, reserved4),  FIELD(T, retried),   FIELD(T, returned),
           FIELD(T, expired),    FIELD(T, dropped),    FIELD(T, dead),      FIELD(T, lost),
           FIELD(T, filtered),   FIELD(T, seeks),      FIELD(T, left_dead), FIELD(T, reserved5),
           FIELD(T, partitions), FIELD(T, next_entry), FIELD(T, reserved6), FIELD(T, frontier),
           FIELD(T, reserved7),  FIELD(T, consumers),  FIELD(T, reserved8)}};
}

Struct participant() {
  using T = ParticipantLayout;
  return {
      "ParticipantLayout",
      sizeof(T),
      {FIELD(T, word), FIELD(T, pid), FIELD(T, reserved), FIELD(T, joined_ns), FIELD(T, command)}};
}

Struct participants() {
  using T = ParticipantsLayout;
  return {"ParticipantsLayout",
          sizeof(T),
          {FIELD(T, header), FIELD(T, next_entry), FIELD(T, reserved), FIELD(T, entries)}};
}

Struct document() {
  using T = DocumentLayout;
  return {"DocumentLayout",
          sizeof(T),
          {FIELD(T, header), FIELD(T, capacity), FIELD(T, reserved0), FIELD(T, current),
           FIELD(T, reserved1)}};
}

Struct version() {
  using T = VersionLayout;
  return {"VersionLayout",
          sizeof(T),
          {FIELD(T, number), FIELD(T, bytes), FIELD(T, checksum), FIELD(T, reserved)}};
}

Struct record() {
  using T = RecordLayout;
  return {"RecordLayout",
          sizeof(T),
          {FIELD(T, header), FIELD(T, reserved0), FIELD(T, owner), FIELD(T, state), FIELD(T, id),
           FIELD(T, input_count), FIELD(T, output_count), FIELD(T, settler), FIELD(T, reserved1),
           FIELD(T, inputs), FIELD(T, outputs), FIELD(T, topics), FIELD(T, reserved2)}};
}

Struct producer() {
  using T = ProducerLayout;
  return {"ProducerLayout",
          sizeof(T),
          {FIELD(T, header), FIELD(T, reserved0), FIELD(T, owner), FIELD(T, number), FIELD(T, lane),
           FIELD(T, name_hash), FIELD(T, reserved1)}};
}

#undef FIELD

const std::vector<Struct>& structs() {
  static const std::vector<Struct> all{segment_and_bus(true),
                                       segment_and_bus(false),
                                       participants(),
                                       participant(),
                                       document(),
                                       version(),
                                       geometry(),
                                       order(),
                                       board(),
                                       reader(),
                                       lane(),
                                       slot(),
                                       group(),
                                       group_options(),
                                       consumer(),
                                       record(),
                                       producer()};
  return all;
}

const std::string kPath = TOWPATH_SOURCE_DIR "/docs/memory_layout.md";

std::vector<std::string> read_lines() {
  std::ifstream file(kPath);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream row(line);
  std::string cell;
  std::getline(row, cell, '|');
  while (std::getline(row, cell, '|')) {
    const auto from = cell.find_first_not_of(' ');
    const auto to = cell.find_last_not_of(' ');
    cells.push_back(from == std::string::npos ? "" : cell.substr(from, to - from + 1));
  }
  return cells;
}

/// The table that the document should have: writer and meaning as they stand there now.
std::vector<std::string> right_table(const Struct& layout,
                                     const std::map<std::string, std::string>& prose) {
  std::vector<std::string> table{"| field | offset | bytes | writer | meaning |",
                                 "|---|---:|---:|---|---|"};
  const auto row = [&](const std::string& name, std::size_t offset, std::size_t bytes) {
    const auto known = prose.find(name);
    table.push_back("| " + name + " | " + std::to_string(offset) + " | " + std::to_string(bytes) +
                    " | " + (known == prose.end() ? "? | ?" : known->second) + " |");
  };
  for (const Field& field : layout.fields) row('`' + field.name + '`', field.offset, field.bytes);
  row("*end*", layout.bytes, 0);
  return table;
}

/// The document with each table replaced by the right one.
std::vector<std::string> right_document(const std::vector<std::string>& lines) {
  std::vector<std::string> right;
  const Struct* layout = nullptr;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (const Struct& candidate : structs()) {
      if (lines[i].starts_with('#') && lines[i].find('`' + candidate.name + '`') != lines[i].npos) {
        layout = &candidate;
      }
    }
    if (layout == nullptr || !lines[i].starts_with("| field ")) {
      right.push_back(lines[i]);
      continue;
    }
    std::map<std::string, std::string> prose;
    for (; i < lines.size() && lines[i].starts_with('|'); ++i) {
      const auto cells = cells_of(lines[i]);
      if (cells.size() >= 5) prose[cells[0]] = cells[3] + " | " + cells[4];
    }
    for (const std::string& line : right_table(*layout, prose)) right.push_back(line);
    layout = nullptr;
    --i;
  }
  return right;
}

TEST(Layout, FieldsFollowEachOtherWithoutHolesOrOverlaps) {
  for (const Struct& layout : structs()) {
    std::size_t end = 0;
    for (const Field& field : layout.fields) {
      EXPECT_EQ(field.offset, end) << layout.name << "::" << field.name;
      end = field.offset + field.bytes;
    }
    EXPECT_EQ(end, layout.bytes) << layout.name << ": padding or an unlisted field at its end";
  }
}

TEST(Layout, MapInTheDocumentIsRight) {
  const auto lines = read_lines();
  const auto right = right_document(lines);
  if (std::getenv("TOWPATH_UPDATE_DOCS") != nullptr && right != lines) {
    std::ofstream file(kPath);
    for (const std::string& line : right) file << line << '\n';
    return;
  }
  ASSERT_EQ(lines.size(), right.size()) << "fields were added or removed in " << kPath
                                        << "; run this test with TOWPATH_UPDATE_DOCS=1";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i], right[i]) << kPath << ':' << i + 1 << " should read as the second line";
  }
}

TEST(Layout, DocumentHasATableForEachStructAndSaysWhatEachFieldMeans) {
  const auto lines = read_lines();
  for (const Struct& layout : structs()) {
    int headings = 0;
    for (const std::string& line : lines) {
      headings += line.starts_with('#') && line.find('`' + layout.name + '`') != line.npos;
    }
    EXPECT_EQ(headings, 1) << layout.name << " in " << kPath;
  }
  for (const std::string& line : lines) {
    EXPECT_EQ(line.find("| ? |"), line.npos) << "who writes it, and what is it? " << line;
  }
}

}  // namespace

TEST(Stamp, GivesTheTimeOfItsOwnMessageOnly) {
  const std::uint64_t bits = Stamp::pack(640, 1000);
  EXPECT_EQ(Stamp::elapsed(bits, 640, 1090), 90U);
  for (const std::uint64_t other : {641U, 640U + 1024U, 640U + 65536U, 0U}) {
    EXPECT_EQ(Stamp::elapsed(bits, other, 1090), std::nullopt) << other;
  }
  EXPECT_EQ(Stamp::elapsed(0, 640, 1090), std::nullopt) << "never written";
}

TEST(Stamp, SurvivesTheWrapOfItsTicksAndCountersThatDiffer) {
  const std::uint64_t late = Stamp::kTickMask - 9;
  EXPECT_EQ(Stamp::elapsed(Stamp::pack(64, late), 64, Stamp::kTickMask + 81), 90U);
  EXPECT_EQ(Stamp::elapsed(Stamp::pack(64, 1000), 64, 990), std::nullopt) << "taken before sent";
}

}  // namespace tow::shm
