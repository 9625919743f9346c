// tow rm and tow heal: what takes things away.

#include <fmt/core.h>

#include <algorithm>

#include "command.hpp"
#include "output.hpp"

namespace tow::cli {
namespace {

struct RemoveArguments {
  std::vector<std::string> topics;
};

int remove_bus(const Context& context) {
  Bus::remove(context.bus).value();
  if (context.json) {
    print_json({{"bus", context.bus}, {"bus_removed", true}, {"removed", Json::array()}});
  } else {
    write_out(fmt::format("removed bus {}\n", printable(context.bus)));
  }
  return kOk;
}

int remove_topics(const Context& context, const std::vector<std::string>& topics) {
  const Bus bus = open_to_join(context);
  Json removed = Json::array();
  int code = kOk;
  for (const std::string& topic : topics) {
    if (const auto done = bus.remove_topic(topic); !done) {
      code = fail(done.error());
      continue;
    }
    removed.push_back(topic);
    if (!context.json) write_out(fmt::format("removed {}\n", printable(topic)));
  }
  if (context.json) {
    print_json({{"bus", context.bus}, {"bus_removed", false}, {"removed", removed}});
  }
  return code;
}

int heal(const Context& context) {
  // A bus that is only looked at was not healed by opening it, so the report is whole.
  const HealReport report = open_to_look(context).heal();
  if (context.json) {
    print_json({{"bus", context.bus},
                {"participants", report.participants},
                {"lanes", report.lanes},
                {"readers", report.readers},
                {"leftovers", report.leftovers}});
    return kOk;
  }
  if (report.participants + report.lanes + report.readers + report.leftovers == 0) {
    write_out("nothing to repair\n");
    return kOk;
  }
  write_out(fmt::format(
      "repaired after {} dead processes: {} publishers' lanes freed, {} subscribers' pages freed, "
      "{} removed topics cleared away\n",
      report.participants, report.lanes, report.readers, report.leftovers));
  return kOk;
}

}  // namespace

void add_rm(CLI::App& app, Context& context) {
  const auto options = std::make_shared<RemoveArguments>();
  CLI::App* const command =
      add_command(app, context, "rm", "Remove topics; with --bus NAME and no topic, that bus",
                  [options](const Context& c) {
                    if (!options->topics.empty()) return remove_topics(c, options->topics);
                    if (c.bus_given) return remove_bus(c);
                    complain("rm: name the topics, or the bus with --bus NAME (try tow rm --help)");
                    return kUsage;
                  });
  command->add_option("TOPIC", options->topics, "Names of the topics")->type_name("");
  command->footer(
      "Those who have a removed topic open read what is there, then get the error `removed`.\n"
      "A bus is removed only while no living process uses it.\n"
      "Examples:\n"
      "  tow rm numbers ticks\n"
      "  tow rm --bus market\n");
}

void add_heal(CLI::App& app, Context& context) {
  CLI::App* const command =
      add_command(app, context, "heal", "Repair what dead processes left", heal);
  command->footer(
      "Every program that opens the bus does the same, and so does whoever is blocked by the "
      "dead;\n"
      "this is for looking, and for cron. It never touches what the living use.\n"
      "Examples:\n"
      "  tow heal\n"
      "  tow heal --json\n");
}

}  // namespace tow::cli
