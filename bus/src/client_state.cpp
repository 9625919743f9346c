#include "client_state.hpp"

#include <atomic>
#include <cstring>

#include "attributes.hpp"
#include "bus_state.hpp"

namespace tow {
namespace {

using shm::Deadline;
using Stage = shm::Handling::Stage;

/// So often a waiting caller asks who handles its request, and whether that one lives; seldomer as
/// time goes by where a supervisor rings for the dead, who are unknown once they are repaired.
constexpr std::uint64_t kLookNs = 2'000'000;

const std::uint64_t kPart = shm::text_hash(kReplyPart);
const std::uint64_t kEnd = shm::text_hash(kReplyEnd);
const std::uint64_t kError = shm::text_hash(kReplyError);

Deadline earlier(Deadline a, Deadline b) { return a.at_ns() < b.at_ns() ? a : b; }

std::string_view as_text(const std::uint64_t& id) {
  return {reinterpret_cast<const char*>(&id), sizeof id};
}

std::string number_of_server(const Message<Bytes>& error, std::int32_t& number) {
  const Headers headers = error.headers();
  const auto* const code = headers.find<std::int64_t>("code");
  number = code == nullptr ? 0 : static_cast<std::int32_t>(*code);
  return number == 0 ? "" : " (code " + std::to_string(number) + ")";
}

}  // namespace

ClientState::ClientState(const Bus& bus, std::string service, std::string reply_topic,
                         const GroupBase& group, Publisher<Bytes> requests,
                         Subscriber<Bytes> replies, const ClientOptions& options)
    : bus_(bus),
      service_(std::move(service)),
      reply_topic_(std::move(reply_topic)),
      group_(GroupParts(group).shared()),
      requests_(std::move(requests)),
      replies_(std::move(replies)),
      options_(options),
      spin_ns_(static_cast<std::uint64_t>(std::max<std::int64_t>(options.spin.count(), 0))) {
  prepare_fields();
}

Result<std::unique_ptr<ClientState>> ClientState::make(const Bus& bus, std::string service,
                                                       const Topic<Bytes>& topic,
                                                       const ClientOptions& options) {
  static std::atomic<std::uint64_t> number{0};
  auto group = open_servers(topic, options.service);
  if (!group) return group.error();
  auto requests = topic.publisher();
  if (!requests) return requests.error();
  const shm::Token self = GroupParts(*group).shared()->ring().participants().self();
  std::string name = reply_topic_of(service, self, number.fetch_add(1, std::memory_order_relaxed));
  constexpr std::uint32_t kTwoLines = 128;
  auto made = bus.topic(name, {.publishers = Publishers::many,
                               .depth = options.reply_depth,
                               .slot_bytes = kTwoLines,
                               .max_message_bytes = options.max_reply_bytes,
                               .pool_bytes = options.reply_pool_bytes});
  if (!made) return made.error();
  auto replies = made->subscriber();
  if (!replies) {
    const Error error = replies.error();
    (void)bus.remove_topic(name);  // the first error says more
    return error;
  }
  return std::unique_ptr<ClientState>(new ClientState(bus, std::move(service), std::move(name),
                                                      *group, std::move(*requests),
                                                      std::move(*replies), options));
}

ClientState::~ClientState() {
  if (!group_->ring().participants().still_member()) return;  // a forked child ends nothing
  for (const auto& call : calls_) {
    if (call->id != 0) end(call->id);
  }
  replies_.reset();  // before its topic, whose files stay as long as anybody reads
  (void)bus_.remove_topic(reply_topic_);  // what stays is a leftover that heal deletes
}

void ClientState::prepare_fields() {
  const std::uint64_t id = 0;
  const shm::EncodedFields encoded({.correlation_id = as_text(id), .reply_topic = reply_topic_});
  const shm::FieldsView view = encoded.view();
  fields_.assign(view.data, view.data + view.bytes);
  fields_view_ = view;
  fields_view_.data = fields_.data();
}

ClientState::Call& ClientState::new_call() {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(calls_.size()));
    calls_.push_back(std::make_unique<Call>());
  }
  Call& call = *calls_[free_.back()];
  call.id = ++serial_ << 16 | free_.back();
  free_.pop_back();
  return call;
}

Result<std::uint64_t> ClientState::begin(std::span<const std::byte> payload,
                                         std::chrono::nanoseconds timeout,
                                         const Attributes* attributes) {
  if (free_.empty() && calls_.size() > kPlaceMask) {
    return make_error(Code::too_many, "service " + service_ +
                                          ": this client has 65536 calls under way, as many as it "
                                          "may have; take their replies first");
  }
  Call& call = new_call();
  if (auto sent = publish(payload, call, timeout, attributes); !sent) {
    call.over = true;
    end(call.id);
    return sent.error();
  }
  call.sequence = requests_.last_sequence();
  return call.id;
}

Result<void> ClientState::publish(std::span<const std::byte> payload, Call& call,
                                  std::chrono::nanoseconds timeout, const Attributes* attributes) {
  const std::uint64_t id = call.id;
  std::memcpy(fields_.data() + 1, &id, sizeof id);  // behind the length of the correlation id
  const bool sent = attributes == nullptr && requests_.publish_at_once(payload, fields_view_);
  call.deadline = Deadline::after(timeout);  // only now: the request is on its way meanwhile
  if (sent) [[likely]]
    return {};
  requests_.wait_at_most(timeout);
  if (attributes == nullptr) {
    return requests_.publish_bytes(payload.data(), payload.size(), fields_view_);
  }
  Attributes own = *attributes;
  own.correlation_id = as_text(id);
  own.reply_topic = reply_topic_;
  return requests_.publish(payload, own);
}

void ClientState::end(std::uint64_t id) {
  Call& call = at(id);
  // Dies before: a server answers a dead client, and counts that.
  if (!call.over) (void)shm::withdraw(*group_, call.sequence);  // it may be over by now
  const auto place = static_cast<std::uint32_t>(id & kPlaceMask);
  call.id = 0;
  call.over = false;
  call.looked_ns = 0;
  free_.push_back(place);
  if (std::exchange(call.plain, true)) return;
  call.waiting.clear();
  call.text.clear();
  call.failure_number = 0;
  call.holder = {};
  call.holder_text.clear();
}

ClientState::Call* ClientState::find(std::string_view correlation_id) {
  std::uint64_t id = 0;
  if (correlation_id.size() != sizeof id) return nullptr;
  std::memcpy(&id, correlation_id.data(), sizeof id);
  const std::uint64_t place = id & kPlaceMask;
  if (id == 0 || place >= calls_.size() || calls_[place]->id != id) return nullptr;
  return calls_[place].get();
}

bool ClientState::take_one() {
  Taken<Bytes> taken = replies_->try_take();
  if (taken) {
    accept(std::move(taken));
    return true;
  }
  if (!taken.failed()) return false;
  if (taken.error() == Code::corrupt) return true;  // a damaged reply is as if it had not come
  fail_all(taken.error());
  return false;
}

void ClientState::pump() {
  constexpr int kMost = 65536;  // the rest at the next look
  for (int i = 0; i < kMost && take_one(); ++i) {
  }
}

void ClientState::accept(Message<Bytes>&& reply) {
  Call* const call = find(reply.correlation_id());
  if (call == nullptr || call->over) {
    ++late_;
    return;
  }
  const std::uint64_t mark = reply.tag_hash();
  if (mark == kError) {
    const std::string number = number_of_server(reply, call->failure_number);
    fail(*call, Code::request_failed,
         "service " + service_ + " failed: " + std::string(reply.text()) + number);
    return;
  }
  call->over = mark != kPart;
  if (mark == kEnd) return;
  call->plain = false;
  if (call->waiting.size() >= options_.max_waiting_replies) {
    (void)shm::withdraw(*group_, call->sequence);
    fail(*call, Code::too_many,
         "service " + service_ + ": more than " + std::to_string(options_.max_waiting_replies) +
             " replies to one request wait for its caller; take them sooner, or raise "
             "max_waiting_replies");
    return;
  }
  call->waiting.push_back(std::move(reply));
}

void ClientState::fail(Call& call, Code code, std::string text) {
  call.over = true;
  call.plain = false;
  call.failure = code;
  call.text = std::move(text);
}

void ClientState::fail_all(const Error& error) {
  for (const auto& call : calls_) {
    if (call->id != 0 && !call->over) fail(*call, error.code, error.message());
  }
}

bool ClientState::ready(std::uint64_t id) {
  Call& call = at(id);
  if (has_news(call)) return true;
  pump();
  if (has_news(call)) return true;
  const std::uint64_t now = shm::monotonic_ns();
  if (call.looked_ns == 0) call.looked_ns = now;
  if (now - call.looked_ns > kLookNs) examine(call);
  if (!has_news(call) && call.deadline.passed()) time_out(call);
  return has_news(call);
}

bool ClientState::wait_for(Call& call, Deadline deadline, Message<Bytes>* reply) {
  if (has_news(call) || look(call, reply)) return true;
  const Deadline until = earlier(deadline, call.deadline);
  const Deadline spin = until.within(spin_ns_);
  do {
    const Deadline piece = spin.within(kLookNs);
    do {
      if (look(call, reply)) return true;
    } while (!piece.passed());
    examine(call);
    if (has_news(call)) return true;
  } while (!spin.passed());
  for (auto patience_ns = kLookNs; !until.passed();
       patience_ns = std::min(patience_ns * 2, shm::kSupervisedPieceNs)) {
    if (sleep(call, until.within(patience_ns))) return true;
  }
  if (call.deadline.passed()) time_out(call);
  return has_news(call);
}

bool ClientState::look(Call& call, Message<Bytes>* reply) {
  constexpr int kLooks = 32;
  const shm::Reader& reader = replies_->reader();
  for (int i = 0; i < kLooks; ++i) {
    // One at a time: a reader that finds no more has work to do, for which there is time later.
    if (reader.ready()) {
      if (reply == nullptr) {
        take_one();
      } else if (take_whole(call, *reply)) {
        return true;
      }
      if (has_news(call)) return true;
    }
    shm::pause();
  }
  return false;
}

bool ClientState::take_whole(Call& call, Message<Bytes>& reply) {
  shm::Reader& reader = replies_->reader();
  if (reader.try_take(reply.received_, reply.buffer_) != shm::Take::message) {
    take_one();  // it says the same, and what that means
    return false;
  }
  reply.reader_ = &reader;
  const bool is_whole = reply.received_.fields == shm::kFieldCorrelationId;
  if (is_whole && reply.correlation_id() == as_text(call.id)) [[likely]]
    return call.over = true;
  accept(std::move(reply));
  reply = Message<Bytes>();
  return false;
}

bool ClientState::sleep(Call& call, Deadline until) {
  shm::Reader& reader = replies_->reader();
  shm::GroupLayout& servers = group_->layout();
  // Replies ring the topic's bell; what is given back for a dead server rings the group's.
  const shm::WaitWord replies = reader.arm();
  const std::uint32_t seen = shm::Doorbell::announce(servers.bell, servers.want);
  shm::fence(shm::kSeqCst);  // [D3] pairs with [D4]: want before the second look
  pump();
  if (!has_news(call)) examine(call);
  if (has_news(call)) return true;
  std::uint64_t piece_ns = reader.wait_piece_ns(rested_);
  if (piece_ns != shm::kSupervisedPieceNs) piece_ns = std::min(piece_ns, kLookNs);
  const std::array<shm::WaitWord, 2> words{replies, {&servers.bell, seen}};
  rested_ = shm::futex_wait_any(words, until.within(piece_ns)) == shm::Wake::timed_out;
  pump();
  return has_news(call);
}

void ClientState::examine(Call& call) {
  call.looked_ns = shm::monotonic_ns();
  if (group_->removed()) return fail(call, Code::removed, group_->end_reason().message());
  const shm::Handling now = shm::handling_of(*group_, call.sequence);
  if (now.stage == Stage::waiting) {
    if (!options_.fail_without_server || shm::living_consumers(*group_) != 0) return;
    (void)shm::withdraw(*group_, call.sequence);  // a server that comes now is too late
    return fail(call, Code::no_server,
                "nobody serves " + service_ +
                    "; start a server (`tow serve` makes one), or let "
                    "calls wait for it (fail_without_server = false)");
  }
  if (now.stage == Stage::begun) {
    remember_holder(call, now.holder);
    shm::Participants& participants = group_->ring().participants();
    if (!now.is_last_try || !now.holder ||
        participants.liveness(now.holder) != shm::Liveness::dead) {
      return;
    }
  }
  pump();  // it answered before it died, or before it settled the request
  if (call.over) return;
  if (now.stage != Stage::settled) return died(call);
  fail(call, Code::no_reply,
       "service " + service_ +
           " settled the request without a reply that arrived: its server gave "
           "the reply up because this client took none for too long, or somebody removed the "
           "request");
}

void ClientState::remember_holder(Call& call, shm::Token holder) {
  if (!holder || holder == call.holder) return;
  const auto info = group_->ring().participants().info(holder);
  if (!info) return;
  call.plain = false;
  call.holder = holder;
  call.holder_text = "pid " + std::to_string(info->pid) + ", " + info->command;
}

void ClientState::died(Call& call) {
  const std::string who =
      call.holder ? "its server (" + call.holder_text + ") died" : "its server died";
  fail(call, Code::server_died,
       "service " + service_ + ": " + who +
           " while it handled the request, which is not tried again; send it again if doing it "
           "twice does no harm, or give the service a higher max_attempts");
}

void ClientState::time_out(Call& call) {
  if (call.over) return;
  const shm::Handling now = shm::handling_of(*group_, call.sequence);
  std::string why;
  if (now.stage == Stage::begun) {
    remember_holder(call, now.holder);
    why = "its server (" + (call.holder ? call.holder_text : "pid unknown") +
          ") has begun it and not answered; allow more time, or see what keeps it";
  } else if (const std::uint32_t servers = shm::living_consumers(*group_); servers == 0) {
    why = "nobody serves it; start a server (`tow serve` makes one)";
  } else {
    why = "the request waits for its turn with " + std::to_string(servers) +
          " servers; start more of them, or allow more time";
  }
  (void)shm::withdraw(*group_, call.sequence);  // should it be settled, that is as good
  fail(call, Code::timed_out, "service " + service_ + " gave no reply in time: " + why);
}

Result<bool> ClientState::take(std::uint64_t id, Message<Bytes>& reply, std::size_t typed_bytes) {
  Call& call = at(id);
  const bool news = wait_for(call, call.deadline, &reply);
  if (!call.waiting.empty()) {
    reply = std::move(call.waiting.front());
    call.waiting.pop_front();
  } else if (!news || reply.sequence() == 0) {
    if (call.text.empty()) return false;
    Error error = make_error(call.failure, call.text);
    error.os_errno = call.failure_number;
    return error;
  }
  if (typed_bytes == 0 || reply.bytes().size() == typed_bytes) [[likely]]
    return true;
  const std::size_t bytes = reply.bytes().size();
  reply.release();
  return make_error(Code::type_mismatch, "service " + service_ + ": a reply of " +
                                             std::to_string(bytes) +
                                             " bytes is not of the client's type, which has " +
                                             std::to_string(typed_bytes));
}

}  // namespace tow
