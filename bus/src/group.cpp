#include "towpath/group.hpp"

#include <algorithm>

#include "names.hpp"
#include "start.hpp"
#include "towpath/shm/fields.hpp"
#include "towpath/topic.hpp"

namespace tow {
namespace {

constexpr std::chrono::hours kLongestTimeToLive{8};  // stamps wrap after some 20

Error bad_option(std::string_view group, const std::string& what) {
  return make_error(Code::invalid_argument, "group " + std::string(group) + ": " + what);
}

bool put_text(std::array<char, shm::kGroupTextBytes>& to, std::string_view text) {
  if (text.size() >= to.size() || text.find('\0') != std::string_view::npos) return false;
  std::copy(text.begin(), text.end(), to.begin());
  return true;
}

Result<std::uint64_t> nanoseconds(std::string_view group, const char* option,
                                  std::chrono::nanoseconds value, std::chrono::nanoseconds most) {
  if (value.count() < 0 || value > most) {
    return bad_option(
        group, std::string(option) + " must be 0 to " +
                   std::to_string(std::chrono::floor<std::chrono::seconds>(most).count()) + " s");
  }
  return static_cast<std::uint64_t>(value.count());
}

Result<void> set_times(std::string_view name, const GroupOptions& options,
                       const shm::GeometryLayout& topic, shm::GroupOptionsLayout& raw) {
  constexpr std::chrono::hours kYear{24 * 365};
  struct Time {
    const char* option;
    std::chrono::nanoseconds value, most;
    std::uint64_t& to;
  };
  for (const Time& time :
       {Time{"lease", options.lease, kYear, raw.lease_ns},
        Time{"backoff", options.backoff, kYear, raw.backoff_ns},
        Time{"max_backoff", options.max_backoff, kYear, raw.max_backoff_ns},
        Time{"time_to_live", options.time_to_live, kLongestTimeToLive, raw.time_to_live_ns}}) {
    auto ns = nanoseconds(name, time.option, time.value, time.most);
    if (!ns) return ns.error();
    time.to = *ns;
  }
  if (raw.time_to_live_ns != 0 && topic.stamp_shift != 0) {
    return bad_option(name,
                      "time_to_live needs a topic whose every message is stamped: create it "
                      "with stamps = all, or give each message its own time to live");
  }
  return {};
}

Result<shm::GroupOptionsLayout> layout_of(std::string_view name, const GroupOptions& options,
                                          const shm::GeometryLayout& topic) {
  shm::GroupOptionsLayout raw{};
  raw.slot_count = topic.slot_count;
  raw.mode = static_cast<std::uint32_t>(options.mode);
  raw.overflow = static_cast<std::uint32_t>(options.overflow);
  if (options.max_attempts < 1 || options.max_attempts > shm::kMaxDeliveryAttempts) {
    return bad_option(name, "max_attempts must be 1 to 30");
  }
  raw.max_attempts = options.max_attempts;
  if (options.by_priority) raw.flags |= shm::kGroupByPriority;
  if (options.drop_when_dead_letters_full) raw.flags |= shm::kGroupDropWhenDeadLettersFull;
  if (auto set = set_times(name, options, topic, raw); !set) return set.error();
  if (options.max_length > topic.asked_depth) {
    return bad_option(name, "max_length " + std::to_string(options.max_length) +
                                " is more than the topic's depth, " +
                                std::to_string(topic.asked_depth));
  }
  if (options.max_length == 0 && options.overflow != Overflow::block) {
    return bad_option(name, "an overflow policy needs a max_length");
  }
  raw.max_length = options.max_length;
  raw.tag = options.tag.empty() ? 0 : shm::text_hash(options.tag);
  if (!put_text(raw.tag_text, options.tag)) {
    return bad_option(name, "tag must be shorter than 256 bytes, without NUL");
  }
  if (!put_text(raw.key_pattern, options.key_pattern)) {
    return bad_option(name, "key_pattern must be shorter than 256 bytes, without NUL");
  }
  if (!options.dead_letter.empty()) {
    if (auto file = escape_topic(options.dead_letter); !file) return file.error();
  }
  if (!put_text(raw.dead_letter, options.dead_letter)) {
    return bad_option(name, "the name in dead_letter must be shorter than 256 bytes");
  }
  return raw;
}

}  // namespace

Result<std::shared_ptr<shm::Group>> TopicBase::open_group(std::string_view name) const {
  auto file = escape_topic(name);
  if (!file) return file.error();
  const auto access = ring_->can_subscribe() ? shm::Access::read_write : shm::Access::read_only;
  return shm::Group::open(ring_, *file, access);
}

Result<std::shared_ptr<shm::Group>> TopicBase::make_group(std::string_view name,
                                                          const GroupOptions& options) const {
  auto file = escape_topic(name);
  if (!file) return file.error();
  auto raw = layout_of(name, options, ring_->geometry().raw());
  if (!raw) return raw.error();
  if (!options.create) {
    auto there = open_group(name);
    if (!there) return there.error();
  }
  return shm::Group::create(ring_, *file, *raw, start_of(ring_, options.start));
}

std::vector<std::string> TopicBase::groups() const {
  std::vector<std::string> names;
  for (const std::string& file : shm::groups_in(ring_->directory())) {
    if (std::string name = unescape_topic(file); !name.empty()) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> TopicBase::remove_group(std::string_view name) const {
  auto file = escape_topic(name);
  if (!file) return file.error();
  return shm::remove_group(ring_->directory(), *file);
}

std::string GroupBase::name() const { return unescape_topic(group_->name()); }

Result<std::unique_ptr<shm::Consumer>> GroupBase::attach(const ConsumerOptions& options) const {
  return shm::Consumer::attach(group_,
                               {.prefetch = options.prefetch, .max_holds = options.max_held});
}

std::uint64_t GroupBase::seek_target(SeekTo to) const {
  const shm::Ring& ring = group_->ring();
  const std::uint64_t oldest = ring.oldest(), newest = ring.tail() + 1;
  std::uint64_t target = oldest;
  switch (to.kind) {
    case SeekTo::Kind::oldest:
      break;
    case SeekTo::Kind::newest:
      target = newest;
      break;
    case SeekTo::Kind::sequence:
      target = static_cast<std::uint64_t>(to.value);
      break;
    case SeekTo::Kind::time:
      target = first_since(group_->shared_ring(), std::chrono::nanoseconds(to.value));
      break;
    case SeekTo::Kind::offset: {
      const auto low = static_cast<std::int64_t>(group_->position().low);
      const std::int64_t back = -std::min(low - 1, std::int64_t{1} << 61);
      target = static_cast<std::uint64_t>(low + std::clamp(to.value, back, std::int64_t{1} << 61));
      break;
    }
  }
  return std::clamp(target, std::min(oldest, newest), newest);
}

Result<std::uint64_t> GroupBase::seek(SeekTo to) const {
  if (group_->removed()) return group_->end_reason();
  if (!group_->writable()) return no_right("seek");
  return group_->seek(seek_target(to));
}

Result<void> GroupBase::pause() const {
  if (group_->removed()) return group_->end_reason();
  if (!group_->writable()) return no_right("pause");
  group_->pause(true);
  return {};
}

Result<void> GroupBase::resume() const {
  if (group_->removed()) return group_->end_reason();
  if (!group_->writable()) return no_right("resume");
  group_->pause(false);
  return {};
}

Error GroupBase::no_right(const char* what) const {
  return make_error(Code::no_permission, std::string(what) + " group " + name() + " of topic " +
                                             group_->ring().topic() + ": ask the topic's owner");
}

}  // namespace tow
