// Every way to publish meets every way to take, between real processes, on a ring so short that it
// is full most of the time.

#include <sys/epoll.h>
#include <unistd.h>

#include <deque>
#include <iterator>
#include <thread>

#include "tests/bus/notes.hpp"

namespace tow {
namespace {

using test::Child;
using test::Ledger;
using test::long_note;
using test::Note;
using test::Shape;
using test::TempBus;
using namespace std::chrono_literals;

constexpr std::uint64_t kNotes = 300;  // of each publisher

using Send = void (*)(Publisher<>& publisher, std::uint64_t id);
using Receive = void (*)(Subscriber<>& subscriber, Ledger& ledger, std::uint64_t total);
struct Way {
  const char* name;
  Send send;
};
struct Taking {
  const char* name;
  Receive receive;
};

void send_bytes(Publisher<>& publisher, std::uint64_t id) {
  for (std::uint64_t i = 0; i < kNotes; ++i) publisher.publish(long_note(id, i, 0)).value();
}
/// Some fit a slot, some need the pool.
void send_mixed(Publisher<>& publisher, std::uint64_t id) {
  for (std::uint64_t i = 0; i < kNotes; ++i) {
    publisher.publish(long_note(id, i, i * 53 % 1500)).value();
  }
}
void send_keyed(Publisher<>& publisher, std::uint64_t id) {
  for (std::uint64_t i = 0; i < kNotes; ++i) {
    publisher.publish(long_note(id, i, i % 100), {.key = "key" + std::string(i % 250, 'k')})
        .value();
  }
}
/// Written in place, in memory that was lent larger than needed.
void send_loans(Publisher<>& publisher, std::uint64_t id) {
  for (std::uint64_t i = 0; i < kNotes; ++i) {
    const auto bytes = long_note(id, i, i * 31 % 1500);
    auto loan = publisher.loan(bytes.size() + i % 400).value();
    EXPECT_EQ(loan.bytes().size(), bytes.size() + i % 400);
    loan.copy_from(bytes);
    loan.shrink(bytes.size());
    publisher.publish(std::move(loan)).value();
  }
}
void send_batches(Publisher<>& publisher, std::uint64_t id) {
  for (std::uint64_t i = 0; i < kNotes;) {
    std::vector<std::byte> batch;
    const std::uint64_t count = std::min<std::uint64_t>(1 + i % 40, kNotes - i);
    for (std::uint64_t k = 0; k < count; ++k, ++i) {
      const auto note = long_note(id, i, 8);
      batch.insert(batch.end(), note.begin(), note.end());
    }
    EXPECT_EQ(publisher.publish_batch(batch, sizeof(Note) + 8).value(), count);
  }
}

void take_one_by_one(Subscriber<>& subscriber, Ledger& ledger, std::uint64_t total) {
  while (ledger.messages() < total) {
    const auto message = subscriber.take();
    ASSERT_TRUE(message) << message.error().message();
    ledger.add(message.sequence(), message.bytes());
  }
}
void try_to_take(Subscriber<>& subscriber, Ledger& ledger, std::uint64_t total) {
  while (ledger.messages() < total) {
    if (const auto message = subscriber.try_take()) {
      ledger.add(message.sequence(), message.bytes());
    } else {
      ASSERT_FALSE(message.failed()) << message.error().message();
      std::this_thread::yield();
    }
  }
}
void take_batches(Subscriber<>& subscriber, Ledger& ledger, std::uint64_t total) {
  while (ledger.messages() < total) {
    std::vector<Message<>> batch;
    const std::size_t count = subscriber.take_batch(batch, 7).value();
    ASSERT_EQ(batch.size(), count);
    for (const auto& message : batch) ledger.add(message.sequence(), message.bytes());
  }
}
void take_in_a_loop(Subscriber<>& subscriber, Ledger& ledger, std::uint64_t total) {
  for (const auto& message : subscriber) {
    ledger.add(message.sequence(), message.bytes());
    if (ledger.messages() == total) break;
  }
}
void take_by_epoll(Subscriber<>& subscriber, Ledger& ledger, std::uint64_t total) {
  const int events = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  ASSERT_EQ(epoll_ctl(events, EPOLL_CTL_ADD, subscriber.fd().value(), &event), 0);
  while (ledger.messages() < total) {
    ASSERT_GE(epoll_wait(events, &event, 1, -1), 0);
    while (const auto message = subscriber.try_take()) {
      ledger.add(message.sequence(), message.bytes());
    }
  }
  close(events);
}
void take_by_wait_any(Subscriber<>& subscriber, Ledger& ledger, std::uint64_t total) {
  SubscriberBase* const one[] = {&subscriber};
  while (ledger.messages() < total) {
    ASSERT_EQ(wait_any(one), 0U);
    while (const auto message = subscriber.try_take()) {
      ledger.add(message.sequence(), message.bytes());
    }
  }
}
Task take_by_coroutine_task(Subscriber<>& subscriber, Ledger& ledger, std::uint64_t total) {
  while (ledger.messages() < total) {
    const auto message = co_await subscriber.next();
    if (!message) break;
    ledger.add(message.sequence(), message.bytes());
  }
}
void take_by_coroutine(Subscriber<>& subscriber, Ledger& ledger, std::uint64_t total) {
  run(take_by_coroutine_task(subscriber, ledger, total));
}
/// Holds several messages at once, and reads each only when it lets it go.
void take_and_hold(Subscriber<>& subscriber, Ledger& ledger, std::uint64_t total) {
  std::deque<Message<>> held;
  while (ledger.messages() < total) {
    if (held.size() < 5 && ledger.messages() + held.size() < total) {
      auto taken = subscriber.take();
      ASSERT_TRUE(taken) << taken.error().message();
      held.push_back(std::move(taken));
    } else {
      ledger.add(held.front().sequence(), held.front().bytes());
      held.pop_front();
    }
  }
}

const Way kWays[] = {{"bytes", send_bytes},
                     {"mixed", send_mixed},
                     {"keyed", send_keyed},
                     {"loans", send_loans},
                     {"batches", send_batches}};
const Taking kTakings[] = {{"take", take_one_by_one},        {"try_take", try_to_take},
                           {"take_batch", take_batches},     {"loop", take_in_a_loop},
                           {"epoll", take_by_epoll},         {"wait_any", take_by_wait_any},
                           {"coroutine", take_by_coroutine}, {"hold", take_and_hold}};

/// Every shape with every way to take; the ways to publish rotate, so that each pair occurs.
struct Meeting {
  Shape shape;
  Way way;
  Taking taking;
};
void PrintTo(const Meeting& meeting, std::ostream* out) {
  *out << test::name_of(meeting.shape) << '_' << meeting.way.name << '_' << meeting.taking.name;
}
std::vector<Meeting> meetings() {
  std::vector<Meeting> all;
  for (std::size_t s = 0; s < test::shapes().size(); ++s) {
    for (std::size_t t = 0; t < std::size(kTakings); ++t) {
      all.push_back({test::shapes()[s], kWays[(s + t) % std::size(kWays)], kTakings[t]});
    }
  }
  return all;
}

class BetweenProcesses : public testing::TestWithParam<Meeting> {};

TEST_P(BetweenProcesses, EverySubscriberGetsEveryMessageOnceAndInOrder) {
  const auto& [shape, way, taking] = GetParam();
  const TempBus bus;
  const TopicOptions options{
      .publishers = shape.kind, .depth = 16, .max_message_bytes = 4096, .pool_bytes = 64 << 10};
  const std::uint64_t total = kNotes * static_cast<std::uint64_t>(shape.publishers);
  std::vector<Child> children;
  for (int i = 0; i < shape.subscribers; ++i) {
    children.emplace_back([&, receive = taking.receive] {
      const auto topic = bus.open().topic("notes", options).value();
      auto subscriber = topic.subscriber({.start = Start::oldest()}).value();
      Ledger ledger;
      receive(subscriber, ledger, total);
      EXPECT_EQ(ledger.messages(), total);
      EXPECT_EQ(subscriber.lost(), 0U);
    });
  }
  for (int i = 0; i < shape.publishers; ++i) {
    children.emplace_back([&, i, send = way.send, subscribers = shape.subscribers] {
      const auto topic = bus.open().topic("notes", options).value();
      topic.wait_for_subscribers(static_cast<std::uint32_t>(subscribers)).value();
      auto publisher = topic.publisher().value();
      send(publisher, static_cast<std::uint64_t>(i));
    });
  }
  for (Child& child : children) EXPECT_EQ(child.wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(Meetings, BetweenProcesses, testing::ValuesIn(meetings()),
                         [](const auto& row) { return testing::PrintToString(row.param); });

}  // namespace
}  // namespace tow
