#include "group.hpp"

namespace tow::c {
namespace {

constexpr tow_group_options kDefaults{.struct_bytes = sizeof(tow_group_options),
                                      .mode = TOW_GROUP_SHARED,
                                      .start = {TOW_START_NEXT, 0},
                                      .max_attempts = 16,
                                      .lease_ns = 0,
                                      .backoff_ns = 100'000'000,
                                      .max_backoff_ns = 60'000'000'000,
                                      .time_to_live_ns = 0,
                                      .max_length = 0,
                                      .overflow = TOW_OVERFLOW_BLOCK,
                                      .by_priority = false,
                                      .key_pattern = nullptr,
                                      .tag = nullptr,
                                      .dead_letter = nullptr,
                                      .drop_when_dead_letters_full = false,
                                      .create = true};

// Modes count from 1 in the files, from 0 in C, where a struct of zeros means the first of them.
constexpr std::uint32_t kFirstMode = static_cast<std::uint32_t>(GroupMode::shared);
static_assert(static_cast<std::uint32_t>(GroupMode::ordered) - kFirstMode == TOW_GROUP_ORDERED);
static_assert(static_cast<std::uint32_t>(GroupMode::single_active) - kFirstMode ==
              TOW_GROUP_SINGLE_ACTIVE);
static_assert(static_cast<int>(Overflow::block) == TOW_OVERFLOW_BLOCK);
static_assert(static_cast<int>(Overflow::reject) == TOW_OVERFLOW_REJECT);
static_assert(static_cast<int>(Overflow::drop_oldest) == TOW_OVERFLOW_DROP_OLDEST);

}  // namespace

tow_code read(const tow_group_options* given, GroupOptions& options) {
  tow_group_options all = kDefaults;
  if (const tow_code fault = read(given, "tow_group_options", all)) return fault;
  options = {.max_attempts = all.max_attempts,
             .lease = ns(all.lease_ns),
             .backoff = ns(all.backoff_ns),
             .max_backoff = ns(all.max_backoff_ns),
             .time_to_live = ns(all.time_to_live_ns),
             .max_length = all.max_length,
             .by_priority = all.by_priority,
             .key_pattern = std::string(text_or_empty(all.key_pattern)),
             .tag = std::string(text_or_empty(all.tag)),
             .dead_letter = std::string(text_or_empty(all.dead_letter)),
             .drop_when_dead_letters_full = all.drop_when_dead_letters_full,
             .create = all.create};
  const std::uint32_t mode = number_of(all.mode);
  if (mode > TOW_GROUP_SINGLE_ACTIVE) return bad_member("tow_group_options.mode");
  options.mode = static_cast<GroupMode>(mode + kFirstMode);
  if (!convert(all.overflow, TOW_OVERFLOW_DROP_OLDEST, options.overflow)) {
    return bad_member("tow_group_options.overflow");
  }
  if (!start_of(all.start, options.start)) return bad_member("tow_group_options.start");
  return TOW_OK;
}

tow_group_options for_c(const GroupOptions& options) {
  return {
      .struct_bytes = sizeof(tow_group_options),
      .mode = static_cast<tow_group_mode>(static_cast<std::uint32_t>(options.mode) - kFirstMode),
      .start = kDefaults.start,
      .max_attempts = options.max_attempts,
      .lease_ns = options.lease.count(),
      .backoff_ns = options.backoff.count(),
      .max_backoff_ns = options.max_backoff.count(),
      .time_to_live_ns = options.time_to_live.count(),
      .max_length = options.max_length,
      .overflow = static_cast<tow_overflow>(options.overflow),
      .by_priority = options.by_priority,
      .key_pattern = options.key_pattern.c_str(),
      .tag = options.tag.c_str(),
      .dead_letter = options.dead_letter.c_str(),
      .drop_when_dead_letters_full = options.drop_when_dead_letters_full,
      .create = kDefaults.create};
}

}  // namespace tow::c

void tow_group_options_init_sized(tow_group_options* options, size_t struct_bytes) {
  tow::c::initialise(options, struct_bytes, tow::c::kDefaults);
}
