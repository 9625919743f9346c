#pragma once
/// What an operation finds when it begins: a bus, a topic with messages, those who live, and those
/// who died before. And the child that operates.

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/temp_bus.hpp"

namespace tow::crash {

inline constexpr const char* kTopic = "crash";
inline constexpr const char* kGroup = "group";
inline constexpr std::uint64_t kSlots = 32;
inline constexpr std::uint64_t kPoolBytes = 8 << 10;
inline constexpr std::size_t kSmall = 32, kLarge = 1000;

/// The payload of message `number`, of at least 24 bytes: it says its number and size, and is the
/// same all over. It is written behind `at` bytes of earlier ones, whose whole is returned; always
/// in the same memory, because how memcpy goes about its work depends on where its source lies, and
/// a second life must take the same steps.
std::string_view text_of(std::uint64_t number, std::size_t bytes, std::size_t at = 0);
/// True when `text` is what text_of() makes for that number.
bool is_text_of(std::string_view text, std::uint64_t number);

/// Every attribute there is; always the same, and in the same memory.
const Attributes& all_attributes();
/// True when the payload is of that number, and the attributes are none, a key, a time or all of
/// them.
bool is_whole(const Message<Bytes>& message, std::uint64_t number);

/// What the child knows to have done, in memory that outlives it.
struct Progress {
  std::atomic<std::uint64_t> published;  ///< messages for which publish returned
  std::atomic<std::uint64_t> taken;      ///< messages taken
  std::atomic<std::uint64_t> damaged;    ///< of these, payloads that were not what they should be
  std::atomic<bool> done;                ///< the change that an operation makes has returned
};

/// The child that operates. It lives in that child alone, and is cleaned up when it may end.
struct Actor {
  std::string path;
  TopicOptions options;
  Progress* progress = nullptr;
  std::uint64_t next = 1;  ///< number of the message it publishes next

  std::optional<Bus> bus;
  std::optional<Topic<Bytes>> topic;
  std::optional<Publisher<Bytes>> publisher;
  std::optional<Subscriber<Bytes>> subscriber;
  std::deque<Message<Bytes>> kept;
  std::optional<Loan<Bytes>> loan;
  std::optional<Group<Bytes>> group;
  std::optional<Consumer<Bytes>> consumer;
  std::deque<Delivery<Bytes>> deliveries;
  std::shared_ptr<void> other;  ///< whatever else must outlive the operation

  void open();
  void attach(const PublisherOptions& with = {});
  void subscribe(SubscriberOptions with = {});
  void publish(std::size_t bytes);
  void publish(std::size_t bytes, const Attributes& attributes);
  void batch(std::size_t count, std::size_t bytes);
  /// Takes without waiting; true when there was a message. It is checked.
  bool take(bool keep = false);
  void check(const Message<Bytes>& message) const;
  /// Joins the group.
  void consume(const ConsumerOptions& with = {.prefetch = 4, .spin = {}});
  /// Begins the next `count` deliveries, and keeps them.
  void begin(int count = 1);
};

/// What a group may have made of its messages when somebody died. All others must be handed out.
struct GroupWant {
  std::set<std::uint64_t> done{};   ///< settled before the operation: they must not come again
  std::set<std::uint64_t> maybe{};  ///< that the operation may settle, or bring back
  std::set<std::uint64_t> begun{};  ///< if they come, then flagged
  std::set<std::uint64_t> later{};  ///< whose time has not come when all others are settled
  bool may_be_gone = false;         ///< the group, by the operation
};

class Stage;

struct Setting {
  Publishers publishers = Publishers::one;
  bool bus = true, topic = true;
  bool survivor = true;                 ///< a required subscriber that lives and has read nothing
  bool sleeper = false;                 ///< somebody sleeps, for whom the dead did not ring
  std::uint64_t messages = 5;           ///< published before
  std::size_t bytes = kSmall;           ///< of each
  std::uint64_t lane_depth = 0;         ///< of the topic; 0 = as deep as the topic
  std::optional<GroupOptions> group{};  ///< there is one, made before the messages
  GroupWant group_want{};
  Attributes attributes{};                  ///< of the messages
  std::function<void(Stage&)> more{};       ///< afterwards, by the stage
  std::function<void(Stage&)> meanwhile{};  ///< once the child that operates is ready
};

class Stage {
 public:
  explicit Stage(const Setting& setting);
  ~Stage();
  Stage(const Stage&) = delete;

  const std::string& path() const { return path_; }
  const TopicOptions& options() const { return options_; }
  Bus& bus() { return *bus_; }
  Topic<Bytes>& topic() { return *topic_; }
  bool has_topic() const { return topic_.has_value(); }
  Subscriber<Bytes>* survivor() { return survivor_ ? &*survivor_ : nullptr; }

  /// Publishes as a process that comes and goes.
  void publish(std::uint64_t count, std::size_t bytes);
  /// The survivor reads all there is; throws at the first that is missing or damaged.
  void read_all();
  /// Adds a living subscriber that reads nothing and may be evicted.
  void add_laggard();
  /// Adds a living publisher, which publishes nothing.
  void add_publisher();
  /// Removes the topic while the survivor reads it; then the survivor ends.
  void remove_under_readers();
  /// Publishes until the topic is full.
  void fill();
  Group<Bytes>& group() { return *group_; }
  /// As a consumer that sleeps leaves it.
  void want_group_bell();
  /// As a sleeper leaves it, or a publisher that waits for room. Returns the bell that he saw.
  std::uint32_t want_bell();
  std::uint32_t bell() const;
  void want_room(const char* topic = kTopic);
  /// Runs in a process of its own, which is killed afterwards.
  void let_die(const std::function<void(Actor&)>& life);
  /// Everybody of the stage leaves.
  void leave();
  /// A child's beginning.
  std::unique_ptr<Actor> actor(Progress& progress) const;
  std::uint64_t last_sequence() const { return topic_ ? topic_->last_sequence() : last_; }

 private:
  test::TempDir directory_;
  std::string path_;
  TopicOptions options_;
  std::optional<Bus> bus_;
  std::optional<Topic<Bytes>> topic_;
  std::optional<Subscriber<Bytes>> survivor_, laggard_;
  std::optional<Publisher<Bytes>> publisher_;
  std::optional<Group<Bytes>> group_;
  Attributes attributes_;
  std::uint64_t last_ = 0;  ///< of the topic, once the stage has left
};

}  // namespace tow::crash
