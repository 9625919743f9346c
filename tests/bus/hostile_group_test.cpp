// Each field of a group's file spoilt once: whoever uses the group gets an error, or goes on with
// what is left, in bounded time; another group of the topic loses nothing.

#include <fstream>

#include "tests/bus/group_fixture.hpp"
#include "towpath/shm/group_layout.hpp"

namespace tow {
namespace {

using shm::ConsumerLayout;
using shm::GroupLayout;
using shm::GroupOptionsLayout;
using test::drain;
using test::Jobs;
using test::numbers;
using namespace std::chrono_literals;

constexpr std::uint64_t kGroupSlots = 128;  // of a topic of 64
constexpr std::uint64_t kHurtful[] = {0, 1, 1ULL << 31, 1ULL << 57, 1ULL << 63, UINT64_MAX};

struct Field {
  std::string name;
  std::uint64_t offset;
  std::uint32_t bytes;
};

void add_range(std::vector<Field>& fields, const std::string& name, std::uint64_t from,
               std::uint64_t to, std::uint32_t bytes) {
  for (std::uint64_t at = from; at < to; at += bytes) {
    fields.push_back({name + " at " + std::to_string(at), at, bytes});
  }
}

/// What was there when the file was made.
std::vector<Field> fixed_fields() {
  std::vector<Field> fields;
  add_range(fields, "header", 0, sizeof(shm::SegmentLayout), 8);
  const std::uint64_t options = offsetof(GroupLayout, options);
  add_range(fields, "options", options, options + offsetof(GroupOptionsLayout, key_pattern), 4);
  add_range(fields, "key pattern", options + offsetof(GroupOptionsLayout, key_pattern),
            options + offsetof(GroupOptionsLayout, key_pattern) + 16, 8);
  add_range(fields, "dead letter", options + offsetof(GroupOptionsLayout, dead_letter),
            options + offsetof(GroupOptionsLayout, dead_letter) + 16, 8);
  return fields;
}

/// What changes all the time.
std::vector<Field> moving_fields() {
  std::vector<Field> fields{{"state", offsetof(GroupLayout, state), 4},
                            {"paused", offsetof(GroupLayout, paused), 4},
                            {"returns", offsetof(GroupLayout, returns), 4},
                            {"next_due", offsetof(GroupLayout, next_due), 8},
                            {"page", offsetof(GroupLayout, page), 8},
                            {"bell", offsetof(GroupLayout, bell), 4},
                            {"want", offsetof(GroupLayout, want), 4},
                            {"next_entry", offsetof(GroupLayout, next_entry), 4},
                            {"frontier", offsetof(GroupLayout, frontier), 8}};
  add_range(fields, "counters", offsetof(GroupLayout, retried), offsetof(GroupLayout, retried) + 64,
            8);
  add_range(fields, "partitions", offsetof(GroupLayout, partitions),
            offsetof(GroupLayout, partitions) + 8, 4);
  const std::uint64_t consumers = offsetof(GroupLayout, consumers);
  add_range(fields, "consumers", consumers, consumers + 2 * sizeof(ConsumerLayout), 4);
  add_range(fields, "words", sizeof(GroupLayout), sizeof(GroupLayout) + 4 * 8, 8);
  const std::uint64_t due = sizeof(GroupLayout) + 8 * kGroupSlots;
  add_range(fields, "due times", due, due + 4 * 8, 8);
  return fields;
}

GroupOptions attacked() { return {.lease = 1h, .key_pattern = "#", .dead_letter = "given.up"}; }

class HostileGroup : public testing::TestWithParam<GroupMode> {
 protected:
  std::string file() const { return jobs_.at().topic_path("jobs") + "/groups/workers/state"; }
  Group<std::uint64_t> make() {
    GroupOptions options = attacked();
    options.mode = GetParam();
    return jobs_.topic().group("workers", options).value();
  }
  void spoil(const Field& field, std::uint64_t value) const {
    test::overwrite(file(), field.offset, &value, field.bytes);
  }
  /// All that a program may do with a group. Whatever comes back is fine, if it comes.
  static void use(const Group<std::uint64_t>& group, Consumer<std::uint64_t>& consumer) {
    std::vector<Delivery<std::uint64_t>> kept;
    constexpr int kMost = 200;
    for (int i = 0; i < kMost; ++i) {
      auto delivery = consumer.try_take();
      if (!delivery) break;
      EXPECT_LE(delivery.attempts(), 31U);
      if (i % 5 == 0) (void)delivery.retry(1ns);
      if (i % 5 == 1) (void)delivery.renew();
      if (i % 5 == 2) (void)delivery.reject("why not");
      if (i % 5 < 3) continue;
      kept.push_back(std::move(delivery));
    }
    for (auto& delivery : kept) (void)delivery.ack();
    (void)consumer.take(1ms);
    const GroupInfo info = group.info();
    EXPECT_LE(info.lag, kGroupSlots);
    EXPECT_LE(info.consumers.size(), shm::kMaxConsumers);
    (void)group.seek(SeekTo::offset(-3));
    (void)consumer.try_take();
    (void)group.seek_target(SeekTo::time(1s));
  }
  /// The other group gets all that was published, and publishers are not held up for good.
  void expect_others_unhurt(Consumer<std::uint64_t>& other) {
    EXPECT_EQ(drain(other), numbers(published_ - 19, published_));
    ASSERT_TRUE(jobs_.topic().remove_group("workers"));
    EXPECT_EQ(jobs_.topic().groups(), std::vector<std::string>{"others"});
  }
  /// Of the reader page that has the group's low mark.
  std::uint64_t page_number() const {
    std::uint64_t page = 0;
    std::ifstream state(file(), std::ios::binary);
    state.seekg(offsetof(GroupLayout, page));
    state.read(reinterpret_cast<char*>(&page), sizeof page);
    return shm::GroupPage::unpack(page).number;
  }
  void publish_some() {
    for (int i = 0; i < 20; ++i) {
      const auto done = publisher_.publish(++published_);
      ASSERT_TRUE(done) << done.error().message();
    }
  }

  Jobs jobs_{{.depth = 64}};
  std::uint64_t published_ = 0;
  /// One that is held up says by whom, in place of waiting.
  Publisher<std::uint64_t> publisher_ = jobs_.topic().publisher({.wait_at_most = 5s}).value();
};

TEST_P(HostileGroup, WhoOpensOneOfWhichAFieldIsSpoiltIsToldOrServed) {
  const auto others = jobs_.group({}, "others");
  auto other = others.consumer().value();
  for (const Field& field : fixed_fields()) {
    for (const std::uint64_t value : kHurtful) {
      SCOPED_TRACE(field.name + " is " + std::to_string(value));
      (void)make();
      publish_some();
      if (HasFatalFailure()) return;
      spoil(field, value);
      if (const auto group = jobs_.topic().group("workers")) {
        if (auto consumer = group->consumer()) use(*group, *consumer);
      } else {
        EXPECT_FALSE(group.error().message().empty());
      }
      expect_others_unhurt(other);
      if (HasFailure()) return;
    }
  }
}

TEST_P(HostileGroup, ConsumersUnderWhomAFieldIsSpoiltEndNeverthelessAndHurtNobody) {
  const auto others = jobs_.group({}, "others");
  auto other = others.consumer().value();
  for (const Field& field : moving_fields()) {
    for (const std::uint64_t value : kHurtful) {
      SCOPED_TRACE(field.name + " is " + std::to_string(value));
      const auto group = make();
      publish_some();
      if (HasFatalFailure()) return;
      {
        auto consumer = group.consumer({.prefetch = 16}).value();
        auto begun = consumer.try_take();
        spoil(field, value);
        use(group, consumer);
        (void)begun.ack();
        auto late = group.consumer();
        if (late) use(group, *late);
      }
      expect_others_unhurt(other);
      if (HasFailure()) return;
    }
  }
}

TEST_P(HostileGroup, LowMarksThatNoGroupReachesAreBounded) {
  const auto others = jobs_.group({}, "others");
  auto other = others.consumer().value();
  const std::string readers = jobs_.at().topic_path("jobs") + "/readers/";
  for (const std::uint64_t value : kHurtful) {
    for (const std::uint64_t offset :
         {offsetof(shm::ReaderLayout, cursor), offsetof(shm::ReaderLayout, max_lag),
          offsetof(shm::ReaderLayout, claim), offsetof(shm::ReaderLayout, owner)}) {
      SCOPED_TRACE(std::to_string(offset) + " is " + std::to_string(value));
      const auto group = make();
      publish_some();
      if (HasFatalFailure()) return;
      const std::string file = readers + std::to_string(page_number());
      {
        auto consumer = group.consumer().value();
        auto begun = consumer.try_take();
        test::overwrite(file, offset, value);
        use(group, consumer);
      }
      EXPECT_EQ(drain(other), numbers(published_ - 19, published_));
      (void)jobs_.topic().remove_group("workers");
      test::overwrite(file, offsetof(shm::ReaderLayout, owner), std::uint64_t{0});
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, HostileGroup,
                         testing::Values(GroupMode::shared, GroupMode::ordered),
                         [](const auto& row) {
                           return row.param == GroupMode::shared ? "shared" : "ordered";
                         });

}  // namespace
}  // namespace tow
