// tow exchange: tables of bindings, and what becomes of a message there.

#include <fmt/core.h>

#include <algorithm>

#include "attributes.hpp"
#include "command.hpp"
#include "output.hpp"
#include "source.hpp"
#include "stop.hpp"
#include "values.hpp"

namespace tow::cli {
namespace {

struct ExchangeArguments {
  std::string name, kind, alternate;
  std::vector<std::string> names, destinations;
  std::string key, payload, when_full = "wait";
  std::uint64_t table_bytes = 0;
  Headers arguments;
  AttributeOptions attributes;
  std::optional<std::chrono::nanoseconds> timeout;
  bool only_names = false, to_exchange = false, mandatory = false, has_payload = false;
};

std::string kind_word(ExchangeKind kind) {
  switch (kind) {
    case ExchangeKind::fanout:
      return "fanout";
    case ExchangeKind::topic:
      return "topic";
    case ExchangeKind::headers:
      return "headers";
    default:
      return "direct";
  }
}

ExchangeKind to_kind(const std::string& word) {
  return word == "direct"    ? ExchangeKind::direct
         : word == "fanout"  ? ExchangeKind::fanout
         : word == "topic"   ? ExchangeKind::topic
         : word == "headers" ? ExchangeKind::headers
                             : ExchangeKind::any;
}

Json header_json(const HeaderValue& value) {
  if (const auto* truth = std::get_if<bool>(&value)) return *truth;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* bytes = std::get_if<std::vector<std::byte>>(&value)) {
    return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  }
  return nullptr;
}

Json headers_json(const Headers& headers) {
  Json json = Json::object();
  for (const Header& header : headers) json[header.name] = header_json(header.value);
  return json;
}

Json binding_json(const Binding& binding) {
  return {{binding.to == Binding::To::queue ? "queue" : "exchange", binding.destination},
          {"key", binding.key},
          {"arguments", headers_json(binding.arguments)}};
}

std::string describe(const Headers& arguments) {
  if (arguments.empty()) return "-";
  return printable(headers_json(arguments).dump(-1, ' ', false, Json::error_handler_t::replace));
}

Exchange open_exchange(const Bus& bus, const std::string& name) {
  return name.empty() ? bus.default_exchange() : bus.exchange(name, {.create = false}).value();
}

int list_bindings(const Context& context, const std::string& name) {
  const Bus bus = open_to_look(context);
  const Exchange exchange = open_exchange(bus, name);
  Json bindings = Json::array();
  Table table({"TO", "NAME", "KEY", "ARGUMENTS"});
  const auto bound = exchange.bindings().value();
  for (const Binding& binding : bound) {
    bindings.push_back(binding_json(binding));
    table.add({binding.to == Binding::To::queue ? "queue" : "exchange",
               printable(binding.destination), binding.key.empty() ? "-" : printable(binding.key),
               describe(binding.arguments)});
  }
  if (context.json) {
    print_json({{"exchange", name},
                {"kind", kind_word(exchange.kind())},
                {"alternate", exchange.alternate()},
                {"bindings", bindings}});
  } else {
    table.print();
  }
  return kOk;
}

int list(const Context& context, const ExchangeArguments& options) {
  if (!options.name.empty()) return list_bindings(context, options.name);
  const Bus bus = open_to_look(context);
  Json exchanges = Json::array();
  Table table({"EXCHANGE", "KIND", ">BINDINGS", "ALTERNATE"});
  int code = kOk;
  for (const std::string& name : bus.exchanges()) {
    if (options.only_names) {
      if (!context.json) write_out(name + '\n');
      exchanges.push_back(name);
      continue;
    }
    const auto exchange = bus.exchange(name, {.create = false});
    const auto bindings = exchange ? exchange->bindings() : exchange.error();
    if (!bindings) {
      if (!(bindings.error() == Code::not_found)) code = fail(bindings.error());
      continue;  // removed since we listed it, or damaged
    }
    exchanges.push_back({{"exchange", name},
                         {"kind", kind_word(exchange->kind())},
                         {"bindings", bindings->size()},
                         {"alternate", exchange->alternate()}});
    table.add({printable(name), kind_word(exchange->kind()), std::to_string(bindings->size()),
               exchange->alternate().empty() ? "-" : printable(exchange->alternate())});
  }
  if (context.json) {
    print_json(options.only_names ? exchanges : Json{{"exchanges", exchanges}});
  } else if (!options.only_names) {
    table.print();
  }
  return code;
}

int create(const Context& context, const ExchangeArguments& options) {
  const Bus bus = Bus::open(context.bus).value();
  const auto before = bus.exchanges();
  const bool existed = std::find(before.begin(), before.end(), options.name) != before.end();
  const Exchange exchange = bus.exchange(options.name, {.kind = to_kind(options.kind),
                                                        .alternate = options.alternate,
                                                        .table_bytes = options.table_bytes})
                                .value();
  if (context.json) {
    print_json({{"exchange", options.name},
                {"kind", kind_word(exchange.kind())},
                {"alternate", exchange.alternate()},
                {"created", !existed}});
  } else {
    write_out(fmt::format("{} {} exchange {}\n", existed ? "there is already the" : "created",
                          kind_word(exchange.kind()), printable(options.name)));
  }
  return kOk;
}

int change_bindings(const Context& context, const ExchangeArguments& options, bool bind) {
  const Bus bus = open_to_join(context);
  const Exchange exchange = open_exchange(bus, options.name);
  std::size_t changed = 0;
  for (const std::string& to : options.destinations) {
    const auto& key = options.key;
    const auto& arguments = options.arguments;
    const auto done = options.to_exchange ? (bind ? exchange.bind_exchange(to, key, arguments)
                                                  : exchange.unbind_exchange(to, key, arguments))
                                          : (bind ? exchange.bind(to, key, arguments)
                                                  : exchange.unbind(to, key, arguments));
    changed += done.value() ? 1 : 0;
  }
  if (context.json) {
    print_json({{"exchange", options.name}, {bind ? "bound" : "unbound", changed}});
  } else {
    write_out(fmt::format("{} {} of {}\n", bind ? "bound" : "unbound", changed,
                          options.destinations.size()));
  }
  return bind || changed != 0 ? kOk : kNotFound;
}

int remove(const Context& context, const ExchangeArguments& options) {
  const Bus bus = open_to_join(context);
  Json removed = Json::array();
  int code = kOk;
  for (const std::string& name : options.names) {
    if (const auto done = bus.remove_exchange(name); !done) {
      code = fail(done.error());
      continue;
    }
    removed.push_back(name);
    if (!context.json) write_out(fmt::format("removed exchange {}\n", printable(name)));
  }
  if (context.json) print_json({{"removed", removed}});
  return code;
}

/// Each message of the source; returns how many went out, and the queues that got one.
struct ExchangeTally {
  std::uint64_t published = 0, copies = 0, unroutable = 0;
  std::optional<Error> error;
};

ExchangeTally publish_all(ExchangePublisher& publisher, Source& source,
                          const ExchangeArguments& options) {
  ExchangeTally tally;
  const Attributes attributes = options.attributes.attributes();
  while (const auto payload = source.next()) {
    const auto reached = publisher.publish(options.key, *payload, attributes);
    if (!reached) {
      tally.error = reached.error();
      tally.copies += publisher.reached();
      break;
    }
    ++tally.published;
    tally.copies += *reached;
    tally.unroutable += *reached == 0 ? 1 : 0;
  }
  return tally;
}

/// The payload of the command line, once.
class OnePayload final : public Source {
 public:
  explicit OnePayload(std::string payload) : payload_(std::move(payload)) {}
  std::optional<std::string_view> next() override {
    if (std::exchange(given_, true)) return std::nullopt;
    return payload_;
  }

 private:
  std::string payload_;
  bool given_ = false;
};

int publish(const Context& context, const ExchangeArguments& options) {
  const Bus bus = open_to_join(context);
  ExchangePublisherOptions how{.mandatory = options.mandatory};
  how.when_full = options.when_full == "fail"   ? WhenFull::fail
                  : options.when_full == "drop" ? WhenFull::drop
                                                : WhenFull::wait;
  how.wait_at_most = options.timeout.value_or(kForever);
  auto publisher = open_exchange(bus, options.name).publisher(how).value();
  std::unique_ptr<Source> source;
  if (options.has_payload) {
    source = std::make_unique<OnePayload>(options.payload);
  } else {
    constexpr std::uint64_t kLongestLine = 64 << 20;
    source = lines_of("-", kLongestLine);
  }
  const ExchangeTally tally = publish_all(publisher, *source, options);
  if (context.json) {
    print_json({{"exchange", options.name},
                {"published", tally.published},
                {"copies", tally.copies},
                {"unroutable", tally.unroutable},
                {"dropped", publisher.dropped()}});
  } else {
    write_out(
        fmt::format("published {} messages, {} copies in queues", tally.published, tally.copies));
    if (tally.unroutable != 0) write_out(fmt::format("; {} went nowhere", tally.unroutable));
    if (publisher.dropped() != 0) write_out(fmt::format("; {} dropped", publisher.dropped()));
    write_out("\n");
  }
  return tally.error ? fail(*tally.error) : kOk;
}

using Shared = std::shared_ptr<ExchangeArguments>;

CLI::Option* add_name(CLI::App* command, const Shared& options) {
  return command->add_option("EXCHANGE", options->name, "Name of the exchange")->type_name("");
}

void add_list_and_create(CLI::App& parent, Context& context, const Shared& options) {
  CLI::App* const ls =
      add_command(parent, context, "ls", "List the exchanges, or the bindings of one",
                  [options](const Context& c) { return list(c, *options); });
  add_name(ls, options);
  ls->add_flag("--names", options->only_names, "Print the names alone, one a line");
  CLI::App* const make = add_command(parent, context, "create", "Make an exchange",
                                     [options](const Context& c) { return create(c, *options); });
  add_name(make, options)->required();
  add_choice(make, "--kind", options->kind, "direct|fanout|topic|headers",
             "Which bindings match [direct, or as it is]");
  make->add_option("--alternate", options->alternate,
                   "Exchange that gets what no binding matches [none]")
      ->type_name("EXCHANGE");
  add_size(make, "--table", options->table_bytes, "Memory for bindings [64K]");
}

void add_bindings(CLI::App& parent, Context& context, const Shared& options, bool bind) {
  CLI::App* const command = add_command(
      parent, context, bind ? "bind" : "unbind",
      bind ? "Let matching messages go to queues" : "Undo bindings, named as they were made",
      [options, bind](const Context& c) { return change_bindings(c, *options, bind); });
  add_name(command, options)->required();
  command->add_option("QUEUE", options->destinations, "Topics that serve as queues")
      ->required()
      ->type_name("");
  command
      ->add_option("-k,--key", options->key,
                   "Routing key; a pattern with * and # where the kind is topic")
      ->type_name("KEY");
  const auto add_argument = [options](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      Header header = parse_header(text);
      options->arguments.add(std::move(header.name), std::move(header.value));
    }
  };
  command
      ->add_option_function<std::vector<std::string>>(
          "-H,--header", add_argument, "What headers must be: name=text, name:=JSON, x-match=any")
      ->type_name("HEADER")
      ->allow_extra_args(false);
  command->add_flag("--to-exchange", options->to_exchange, "QUEUE names exchanges, not queues");
}

void add_remove_and_publish(CLI::App& parent, Context& context, const Shared& options) {
  CLI::App* const rm = add_command(parent, context, "rm", "Remove exchanges, and their bindings",
                                   [options](const Context& c) { return remove(c, *options); });
  rm->add_option("EXCHANGE", options->names, "Names of the exchanges")->required()->type_name("");
  CLI::App* const pub =
      add_command(parent, context, "publish", "Publish to an exchange; '' is the default one",
                  [options](const Context& c) { return publish(c, *options); });
  add_name(pub, options)->required();
  pub->add_option("KEY", options->key, "Routing key")->required()->type_name("");
  const auto set_payload = [options](const std::string& text) {
    options->payload = text;
    options->has_payload = text != "-";
  };
  pub->add_option_function<std::string>("PAYLOAD", set_payload,
                                        "The payload; else each line of stdin is one")
      ->type_name("");
  add_choice(pub, "--when-full", options->when_full, "wait|fail|drop",
             "What to do about queues without room [wait]");
  add_duration(pub, "--timeout", options->timeout,
               "How long a message may wait for room [for ever]");
  pub->add_flag("--mandatory", options->mandatory, "A message that reaches no queue is a failure");
  add_attributes(pub, options->attributes);
}

}  // namespace

void add_exchange(CLI::App& app, Context& context) {
  const auto options = std::make_shared<ExchangeArguments>();
  CLI::App* const parent =
      app.add_subcommand("exchange", "Make exchanges, bind queues to them, publish to them");
  parent->fallthrough();
  parent->require_subcommand(1);
  add_list_and_create(*parent, context, options);
  add_bindings(*parent, context, options, true);
  add_bindings(*parent, context, options, false);
  add_remove_and_publish(*parent, context, options);
  parent->footer(
      "A queue is a topic. tow exchange ACTION --help says more of each.\n"
      "Exit code 3: no such exchange, queue or binding; 4: a queue had no room in time.\n"
      "Examples:\n"
      "  tow exchange create logs --kind topic\n"
      "  tow exchange bind logs errors --key '*.error'\n"
      "  tow exchange bind reports archive -H format=pdf -H x-match=any\n"
      "  tow exchange publish logs kernel.error 'out of memory'\n"
      "  dmesg -w | tow exchange publish logs kernel.info\n"
      "  tow exchange ls logs\n"
      "  tow exchange unbind logs errors --key '*.error'\n"
      "  tow exchange rm logs\n");
}

}  // namespace tow::cli
