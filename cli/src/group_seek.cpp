// tow group seek: moves a group through its topic.

#include <fmt/core.h>

#include <algorithm>

#include "group.hpp"
#include "output.hpp"
#include "values.hpp"

namespace tow::cli {
namespace {

struct GroupSeekArguments {
  std::string topic, group;
  SeekTo to;
  bool dry_run = false;
};

/// What a seek does to messages.
struct Effect {
  std::uint64_t from = 0, to = 0;
  std::uint64_t again = 0, skipped = 0;  ///< settled ones that come again; unsettled ones passed
  bool exact = true;                     ///< else both are at most that
};

Effect effect_of(const GroupInfo& info, std::uint64_t to) {
  const std::uint64_t end = info.last + 1;
  const std::uint64_t from = info.lag == 0 ? end : info.low;
  Effect effect{.from = from, .to = to};
  // Which of the messages between were settled out of turn is not known, only how many.
  const bool whole = info.lag == end - from;
  if (to > from) {
    effect.skipped = std::min(info.lag, to - from);
    effect.exact = whole || to >= end;
  }
  const std::uint64_t ahead = end - std::min(to, end);
  const std::uint64_t unsettled = std::min(info.lag - effect.skipped, ahead);
  effect.again = ahead - unsettled;
  return effect;
}

std::string words_of(const Effect& effect) {
  const char* const most = effect.exact ? "" : "up to ";
  std::string words;
  if (effect.again != 0) words += fmt::format("{}{} come again", most, effect.again);
  if (effect.skipped != 0) {
    words += fmt::format("{}{}{} are skipped", words.empty() ? "" : ", ", most, effect.skipped);
  }
  return words.empty() ? "no message comes again or is skipped" : words;
}

int seek(const Context& context, const GroupSeekArguments& options) {
  const Bus bus = options.dry_run ? open_to_look(context) : open_to_join(context);
  const auto topic = bus.topic_as_bytes(options.topic).value();
  const auto group = existing_group(topic, options.group);
  const GroupInfo info = group.info();
  const std::uint64_t to =
      options.dry_run ? group.seek_target(options.to) : group.seek(options.to).value();
  const Effect effect = effect_of(info, to);
  if (context.json) {
    print_json({{"topic", options.topic},
                {"group", options.group},
                {"from", effect.from},
                {"to", effect.to},
                {"again", effect.again},
                {"skipped", effect.skipped},
                {"exact", effect.exact},
                {"dry_run", options.dry_run}});
  } else {
    write_out(fmt::format(
        "{} {} from message {} to {}: {}\n", options.dry_run ? "would move" : "moved",
        group_title(options.topic, options.group), effect.from, effect.to, words_of(effect)));
  }
  return kOk;
}

}  // namespace

void add_group_seek(CLI::App& parent, Context& context) {
  const auto options = std::make_shared<GroupSeekArguments>();
  CLI::App* const command =
      add_command(parent, context, "seek", "Move a group forward or back, while it runs",
                  [options](const Context& c) { return seek(c, *options); });
  add_topic_and_group(command, options->topic, options->group);
  const auto set_target = [options](const std::string& text) {
    const auto to = parse_seek(text);
    if (!to) {
      throw CLI::ValidationError(
          "WHERE", text + " is none of oldest, newest, sequence=N, time=AGO, offset=N");
    }
    options->to = *to;
  };
  command
      ->add_option_function<std::string>(
          "WHERE", set_target, "oldest, newest, sequence=N, time=AGO (such as time=10m), offset=N")
      ->required()
      ->type_name("");
  command->add_flag("--dry-run", options->dry_run, "Only say what it would do");
  command->footer(
      "What is being handled is taken from its consumers, whose ack then fails; what was settled\n"
      "behind the new place comes again. oldest is the oldest message that the topic still has,\n"
      "newest behind its last. time=AGO goes by stamps: up to 63 messages more than asked for\n"
      "come again, unless the topic stamps all.\n"
      "Examples:\n"
      "  tow group seek orders workers oldest\n"
      "  tow group seek orders workers time=1h --dry-run\n"
      "  tow group seek orders workers offset=-10\n"
      "  tow group seek orders workers sequence=1700\n");
}

}  // namespace tow::cli
