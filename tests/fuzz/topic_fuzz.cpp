// A topic's directory as bytes: laid over the files of a small topic that has seen some messages,
// then opened, read, adopted and published to. The first byte says which kind of topic; then come
// a file, a place in it, a length and bytes, again and again.

#include <algorithm>
#include <filesystem>
#include <map>

#include "input.hpp"
#include "tests/support/ring_files.hpp"
#include "towpath/shm/repair.hpp"

namespace {

using tow::shm::RingKind;

constexpr const char* kFiles[] = {"order", "lanes/0", "readers/board", "readers/0"};

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A topic of one kind: its publisher and one of two subscribers have gone, the other is dead.
struct Topic {
  explicit Topic(RingKind kind) : files(geometry(kind)) {
    {
      auto reader = files.reader();
      auto writer = files.writer();
      for (int i = 0; i < 20; ++i) {
        if (i >= 12) tow::test::take_from(*reader);
        const std::string text(i % 3 == 0 ? 300 : 20, 'x');
        tow::test::append_text(*writer, text, i % 4 == 0 ? "key" : "");
      }
    }
    for (const char* const name : kFiles) good[name] = read(path(name));
  }
  static tow::shm::GeometryLayout geometry(RingKind kind) {
    auto raw = tow::test::small_geometry(kind);
    raw.pool_bytes = 4096;
    raw.max_message_bytes = 1024;
    raw.max_publishers = kind == RingKind::one ? 1 : 2;
    raw.max_subscribers = 2;
    raw.stamp_shift = 0;
    return raw;
  }
  std::string path(const std::string& name) const { return files.topic_path() + '/' + name; }

  tow::test::RingFiles files;
  std::map<std::string, std::string> good;
};

void spoil(const Topic& topic, tow::fuzz::Input& input) {
  auto files = topic.good;
  while (input.left() != 0) {
    std::string& file = files[kFiles[input.number<std::uint8_t>() % std::size(kFiles)]];
    const std::size_t at =
        input.number<std::uint16_t>() * 4 % std::max<std::size_t>(file.size(), 1);
    const auto length = input.number<std::uint8_t>();
    if (length == 255) {
      file.resize(at);  // truncated, once in a while
      continue;
    }
    const std::string_view bytes = input.text(length);
    file.replace(at, std::min(bytes.size(), file.size() - at), bytes);
  }
  for (const auto& [name, bytes] : files) tow::fuzz::write_file(topic.path(name), bytes);
}

void use(const Topic& topic) {
  std::uint64_t seen = 0;
  for (const bool observe : {true, false}) {
    const auto ring = topic.files.try_open(observe);
    if (!ring) continue;
    auto observer = tow::shm::Reader::observe(*ring, {tow::shm::StartAt::Kind::oldest, 0});
    for (int i = 0; i < 40; ++i) seen += tow::test::take_from(*observer).payload.size();
    if (observe) continue;
    auto reader = tow::shm::Reader::attach(*ring, {.start = {tow::shm::StartAt::Kind::last, 5}});
    auto writer = tow::shm::Writer::attach(*ring);
    for (int i = 0; i < 20 && writer; ++i) {
      tow::test::append_text(**writer, std::string(i % 2 == 0 ? 300 : 20, 'y'));
    }
    for (int i = 0; i < 40 && reader; ++i) seen += tow::test::take_from(**reader).payload.size();
    if (reader) (void)(*reader)->skip_to_latest();
    if (reader) seen += (*reader)->lag();
  }
  if (topic.files.participants()) {
    (void)tow::shm::repair_topic(topic.files.topic(), *topic.files.participants());
  }
  tow::fuzz::require(seen < 1ULL << 62 || seen != 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Topic one(RingKind::one), many(RingKind::many);
  tow::fuzz::Input input(data, size);
  const Topic& topic = input.number<std::uint8_t>() % 2 == 0 ? one : many;
  spoil(topic, input);
  use(topic);
  // What the run made beside the four files.
  for (const char* const made : {"lanes/1", "readers/1"}) {
    std::filesystem::remove(topic.path(made));
  }
  return 0;
}
