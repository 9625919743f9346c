#include "stage.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include "towpath/shm/ring.hpp"
#include "towpath/shm/wait.hpp"

namespace tow::crash {
namespace {

using namespace std::chrono_literals;

TopicOptions small_topic(Publishers publishers) {
  TopicOptions options;
  options.publishers = publishers;
  options.depth = kSlots * 3 / 4;
  options.max_message_bytes = kPoolBytes;
  options.pool_bytes = kPoolBytes;
  if (publishers == Publishers::many) options.max_publishers = 3;
  options.max_subscribers = 6;
  options.stamps = Stamps::all;
  return options;
}

}  // namespace

namespace {

using Text = std::array<char, kPoolBytes>;

void write_text(char* to, std::uint64_t number, std::size_t bytes) {
  char* const end = to + bytes;
  to = std::to_chars(to, end, number).ptr;
  *to++ = ':';
  to = std::to_chars(to, end, bytes).ptr;
  while (to != end) *to++ = static_cast<char>('a' + number % 26);
}

}  // namespace

std::string_view text_of(std::uint64_t number, std::size_t bytes, std::size_t at) {
  alignas(4096) static Text home;
  write_text(home.data() + at, number, bytes);
  return {home.data(), at + bytes};
}

bool is_text_of(std::string_view text, std::uint64_t number) {
  static Text expected;
  if (text.size() > expected.size()) return false;
  write_text(expected.data(), number, text.size());
  return std::equal(text.begin(), text.end(), expected.begin());
}

void Actor::open() {
  bus.emplace(Bus::open(path).value());
  topic.emplace(bus->topic(kTopic, options).value());
}

void Actor::attach(const PublisherOptions& with) {
  open();
  publisher.emplace(topic->publisher(with).value());
  next = topic->last_sequence() + 1;
}

void Actor::subscribe(SubscriberOptions with) {
  if (!topic) open();
  with.spin = 0ns;
  subscriber.emplace(topic->subscriber(with).value());
}

const Attributes& all_attributes() {
  static const Attributes all{.key = "key",
                              .tag = "tag",
                              .time_to_live = 1h,
                              .delay = 2h,
                              .priority = 7,
                              .correlation_id = "correlation",
                              .reply_topic = "replies",
                              .content_type = "text/plain",
                              .headers = {{"integer", 5}, {"text", std::string(300, 't')}}};
  return all;
}

bool is_whole(const Message<Bytes>& message, std::uint64_t number) {
  if (!is_text_of(message.text(), number)) return false;
  const Attributes& all = all_attributes();
  if (message.priority() != all.priority) {
    return (message.key().empty() || message.key() == all.key) && message.tag_hash() == 0 &&
           message.correlation_id().empty() && message.reply_topic().empty() &&
           message.content_type().empty() && message.headers().empty();
  }
  return message.key() == all.key && message.has_tag(all.tag) && message.expires_at() &&
         message.due_at() && *message.due_at() - *message.expires_at() == 1h &&
         message.correlation_id() == all.correlation_id &&
         message.reply_topic() == all.reply_topic && message.content_type() == all.content_type &&
         message.headers() == all.headers;
}

void Actor::publish(std::size_t bytes) {
  if (!publisher->publish(text_of(next, bytes))) return;
  ++next;
  progress->published.fetch_add(1);
}

void Actor::publish(std::size_t bytes, const Attributes& attributes) {
  if (!publisher->publish(text_of(next, bytes), attributes)) return;
  ++next;
  progress->published.fetch_add(1);
}

void Actor::batch(std::size_t count, std::size_t bytes) {
  std::string_view all;
  for (std::size_t i = 0; i < count; ++i) all = text_of(next + i, bytes, i * bytes);
  const auto out = publisher->publish_batch(std::as_bytes(std::span(all)), bytes).value();
  next += out;
  progress->published.fetch_add(out);
}

void Actor::check(const Message<Bytes>& message) const {
  if (!is_whole(message, message.sequence())) progress->damaged.fetch_add(1);
}

bool Actor::take(bool keep) {
  auto taken = subscriber->try_take();
  if (!taken) return false;
  progress->taken.fetch_add(1);
  check(taken);
  if (keep) kept.push_back(std::move(taken));
  return true;
}

void Actor::consume(const ConsumerOptions& with) {
  if (!topic) open();
  group.emplace(topic->group(kGroup).value());
  consumer.emplace(group->consumer(with).value());
}

void Actor::begin(int count) {
  for (; count > 0; --count) {
    auto delivery = consumer->try_take();
    if (!delivery) return;
    progress->taken.fetch_add(1);
    check(delivery);
    deliveries.push_back(std::move(delivery));
  }
}

Stage::Stage(const Setting& setting)
    : path_(directory_.path() + "/bus"), options_(small_topic(setting.publishers)) {
  options_.lane_depth = setting.lane_depth;
  if (!setting.bus) return;
  bus_.emplace(Bus::open(path_).value());
  if (setting.topic) {
    topic_.emplace(bus_->topic(kTopic, options_).value());
    if (setting.group) {
      GroupOptions group = *setting.group;
      group.start = Start::oldest();
      group_.emplace(topic_->group(kGroup, group).value());
    }
    attributes_ = setting.attributes;
    if (setting.survivor) survivor_.emplace(topic_->subscriber({.spin = 0ns}).value());
    publish(setting.messages, setting.bytes);
  }
  if (setting.more) setting.more(*this);
}

Stage::~Stage() = default;

void Stage::publish(std::uint64_t count, std::size_t bytes) {
  if (count == 0) return;
  auto publisher = topic_->publisher({.when_full = WhenFull::fail}).value();
  const std::uint64_t next = topic_->last_sequence() + 1;
  for (std::uint64_t i = 0; i < count; ++i) {
    publisher.publish(text_of(next + i, bytes), attributes_).value();
  }
}

void Stage::fill() {
  // The actor may be the publisher of `one`, and a message too many is none of ours.
  auto publisher = topic_->publisher({.when_full = WhenFull::fail}).value();
  while (publisher.publish(text_of(topic_->last_sequence() + 1, kSmall))) {
    if (topic_->last_sequence() > 4 * kSlots) break;  // nobody reads yet
  }
}

void Stage::read_all() {
  while (auto taken = survivor_->try_take()) {
    if (taken.missed() != 0 || !is_whole(taken, taken.sequence())) {
      throw std::runtime_error("the survivor reads a wrong message " +
                               std::to_string(taken.sequence()));
    }
  }
}

namespace {

/// The topic's shared words, through files of its own.
std::shared_ptr<shm::Ring> open_ring(const std::string& path, const char* topic = kTopic) {
  auto participants = std::make_shared<shm::Participants>(
      shm::Directory::open(path + "/participants").value(), 0600);
  return shm::Ring::open(shm::Directory::open(path + "/topics/" + topic).value(), topic,
                         participants, 0600, false)
      .value();
}

}  // namespace

void Stage::add_laggard() { laggard_.emplace(topic_->subscriber({.max_lag = 4}).value()); }

void Stage::add_publisher() { publisher_.emplace(topic_->publisher().value()); }

void Stage::remove_under_readers() {
  bus_->remove_topic(kTopic).value();
  survivor_.reset();
}

std::uint32_t Stage::want_bell() {
  const auto ring = open_ring(path_);
  return shm::Doorbell::announce(ring->order().doorbell, ring->board().want);
}

void Stage::want_group_bell() {
  const auto group = shm::Group::open(open_ring(path_), kGroup).value();
  shm::Doorbell::announce(group->layout().bell, group->layout().want);
}

std::uint32_t Stage::bell() const { return open_ring(path_)->order().doorbell.load(shm::kAcquire); }

void Stage::want_room(const char* topic) {
  const auto ring = open_ring(path_, topic);
  shm::Doorbell::announce(ring->board().room_bell, ring->order().room_want);
}

void Stage::let_die(const std::function<void(Actor&)>& life) {
  const test::Shared<Progress> progress;
  const test::Shared<std::atomic<bool>> lived;
  test::Child child([&] {
    const auto self = actor(*progress);
    life(*self);
    lived->store(true);
    test::sleep_until_killed();
  });
  if (!test::eventually([&] { return lived->load(); })) {
    throw std::runtime_error("one who was to die did not live");
  }
  child.kill();
}

void Stage::leave() {
  last_ = last_sequence();
  survivor_.reset();
  laggard_.reset();
  publisher_.reset();
  group_.reset();
  topic_.reset();
  bus_.reset();
}

std::unique_ptr<Actor> Stage::actor(Progress& progress) const {
  auto actor = std::make_unique<Actor>();
  actor->path = path_;
  actor->options = options_;
  actor->progress = &progress;
  return actor;
}

}  // namespace tow::crash
