/// peer_rabbitmq: RabbitMQ over TCP on the loopback. The broker is started here, with a name, ports
/// and files of its own: one that runs as a service is left alone.

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/harness/footprint.hpp"
#include "bench/harness/peer.hpp"
#include "bench/harness/server.hpp"

namespace towbench {
namespace {

/// A port that nobody uses just now.
int free_port() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const bool found = bind(probe, generic, size) == 0 && getsockname(probe, generic, &size) == 0;
  close(probe);
  if (!found) throw Failure("there is no free port");
  return ntohs(address.sin_port);
}

class Broker {
 public:
  Broker()
      : names_({"epmd", "-port", std::to_string(names_port_), "-address", "127.0.0.1"}, {},
               folder_ / "epmd.log"),
        server_({"/usr/lib/rabbitmq/bin/rabbitmq-server"}, environment(), folder_ / "log") {
    server_.await("Server startup complete", 60);
  }
  int port() const { return port_; }
  std::vector<int> processes() const { return {names_.id(), server_.id()}; }

 private:
  std::vector<std::string> environment() const {
    const auto of = [](const char* name, const auto& value) {
      return fmt::format("{}={}", name, value);
    };
    return {of("RUNNING_UNDER_SYSTEMD", "true"),  // the script becomes the broker: one process
            of("HOME", folder_ / ""),
            of("ERL_EPMD_PORT", names_port_),
            of("RABBITMQ_NODENAME", "towbench@localhost"),
            of("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1"),
            of("RABBITMQ_NODE_PORT", port_),
            of("RABBITMQ_DIST_PORT", free_port()),
            of("RABBITMQ_MNESIA_BASE", folder_ / "data"),
            of("RABBITMQ_LOG_BASE", folder_ / "logs"),
            of("RABBITMQ_LOGS", "-"),
            of("RABBITMQ_ENABLED_PLUGINS_FILE", folder_.file("plugins", "[].")),
            of("RABBITMQ_CONF_ENV_FILE", folder_.file("env.conf", "")),
            of("RABBITMQ_CONFIG_FILE", folder_.file("rabbitmq.conf", "")),
            of("RABBITMQ_ADVANCED_CONFIG_FILE", folder_.file("advanced.config", "[]."))};
  }
  Folder folder_;
  const int names_port_ = free_port(), port_ = free_port();
  Server names_, server_;
};

/// There is one; it ends with the program.
const Broker& broker() {
  static const Broker running;
  return running;
}

void check(int status) {
  if (status != AMQP_STATUS_OK) throw Failure(amqp_error_string2(status));
}

/// Of the broker that is installed: in Debian a folder carries it in its name.
std::string version() {
  constexpr std::string_view kPrefix = "rabbitmq_server-";
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/rabbitmq/lib", absent)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(kPrefix)) return name.substr(kPrefix.size());
  }
  return "(not installed)";
}

/// A connection and its one channel.
class Connection {
 public:
  static constexpr amqp_channel_t kChannel = 1;

  Connection() : state_(amqp_new_connection()) {
    constexpr int kFrameBytes = 128 << 10;
    check(amqp_socket_open(amqp_tcp_socket_new(state_), "127.0.0.1", broker().port()));
    check(amqp_login(state_, "/", 0, kFrameBytes, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"));
    amqp_channel_open(state_, kChannel);
    check_reply();
  }
  Connection(const Connection&) = delete;
  ~Connection() {
    amqp_connection_close(state_, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(state_);
  }
  operator amqp_connection_state_t() const { return state_; }
  void check_reply() const { check(amqp_get_rpc_reply(state_)); }

 private:
  static void check(amqp_rpc_reply_t reply) {
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
    throw Failure(fmt::format("RabbitMQ: {}", amqp_error_string2(reply.library_error)));
  }
  static void check(int status) { towbench::check(status); }
  amqp_connection_state_t state_;
};
constexpr amqp_channel_t kChannel = Connection::kChannel;

/// One queue for all, or an exchange that gives each receiver's queue a copy. All of it is gone
/// with the receivers.
template <bool kFanOut>
struct RabbitChannel {
  static constexpr BestWaits kBest{Waits::block, Waits::block, Waits::block};
  static constexpr std::size_t kFewer = 20;

  class Out {
   public:
    Out(Stage& stage, const Lane& lane) : name_(lane_name(stage, lane)) {
      const amqp_bytes_t name = amqp_cstring_bytes(name_.c_str());
      if (kFanOut) {
        amqp_exchange_declare(connection_, kChannel, name, amqp_cstring_bytes("fanout"), 0, 0, 1, 0,
                              amqp_empty_table);
      } else {
        amqp_queue_declare(connection_, kChannel, name, 0, 0, 0, 1, amqp_empty_table);
      }
      connection_.check_reply();
    }
    void ready() {}
    void send(std::span<const std::byte> bytes) {
      const amqp_bytes_t name = amqp_cstring_bytes(name_.c_str());
      const amqp_bytes_t body{bytes.size(), const_cast<std::byte*>(bytes.data())};
      check(amqp_basic_publish(connection_, kChannel, kFanOut ? name : amqp_empty_bytes,
                               kFanOut ? amqp_empty_bytes : name, 0, 0, nullptr, body));
    }

   private:
    std::string name_;
    Connection connection_;
  };

  class In {
   public:
    In(Stage& stage, const Lane& lane) : blocks_(lane.waits == Waits::block) {
      const std::string text = lane_name(stage, lane);
      const amqp_bytes_t name = amqp_cstring_bytes(text.c_str());
      const auto* const made = amqp_queue_declare(
          connection_, kChannel, kFanOut ? amqp_empty_bytes : name, 0, 0, 0, 1, amqp_empty_table);
      connection_.check_reply();
      const amqp_bytes_t queue = made->queue;
      if (kFanOut) {
        amqp_queue_bind(connection_, kChannel, queue, name, amqp_empty_bytes, amqp_empty_table);
        connection_.check_reply();
      }
      amqp_basic_consume(connection_, kChannel, queue, amqp_empty_bytes, 0, 1, 0, amqp_empty_table);
      connection_.check_reply();
    }
    template <class Use>
    bool take(Use&& use) {
      constexpr timeval kNow{};
      amqp_envelope_t envelope;
      amqp_maybe_release_buffers(connection_);
      const auto reply = amqp_consume_message(connection_, &envelope, blocks_ ? nullptr : &kNow, 0);
      if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
        if (reply.library_error == AMQP_STATUS_TIMEOUT) return false;
        throw Failure("RabbitMQ: nothing can be received");
      }
      const amqp_bytes_t body = envelope.message.body;
      use(std::span(static_cast<const std::byte*>(body.bytes), body.len));
      amqp_destroy_envelope(&envelope);
      return true;
    }

   private:
    Connection connection_;
    bool blocks_;
  };
};

}  // namespace

void add_experiments(std::vector<Experiment>& all) {
  const Peer queue{"rabbitmq", "RabbitMQ", "queue",
                   fmt::format("RabbitMQ {} over TCP on the loopback by rabbitmq-c {}, transient "
                               "messages, no confirms, no acknowledgements.",
                               version(), amqp_version())};
  Peer exchange = queue;
  exchange.mode = "fanout exchange";
  add_pair<RabbitChannel<false>>(all, queue);
  add_large<RabbitChannel<false>>(all, queue);
  add_fan_out<RabbitChannel<true>>(all, exchange);
  add_fan_in<RabbitChannel<false>>(all, queue);
  add_footprint<RabbitChannel<false>>(all, queue, [] { return broker().processes(); });
  start_first(all, broker);
}

}  // namespace towbench
