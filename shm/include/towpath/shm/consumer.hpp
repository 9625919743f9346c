#pragma once
/// One consumer of a group: leases messages in runs, hands them out, settles them.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "towpath/shm/group.hpp"
#include "towpath/shm/reader.hpp"

namespace tow::shm {

struct ConsumerOptions {
  std::uint32_t prefetch = 8;           ///< unsettled messages it may have, 1 to kMaxPrefetch
  std::uint32_t max_holds = kMaxHolds;  ///< payloads kept in place at once; more are copied
};

enum class Leased : std::uint8_t {
  message,
  empty,
  exhausted,    ///< it has all the unsettled messages that it may have
  removed,      ///< the group or its topic is gone, or a file of it was truncated
  unreachable,  ///< the message's lane cannot be mapped now (failure() says why); it stays leased
  stale,        ///< this process lost its membership, and with it what it had leased
};

/// What settles a message: that, and when, this consumer was given it.
struct Lease {
  std::uint64_t sequence = 0;
  std::uint64_t bits = 0;      ///< its word, as this consumer left it
  std::uint32_t attempts = 0;  ///< that failed before
  bool redelivered = false;    ///< somebody has begun to handle it before
};

/// Not thread-safe. The Group must outlive it (it holds a share); payloads in place must be
/// released before it ends. What it has leased and not settled when it ends is ready again, without
/// blame.
///
/// Dies anywhere: its entry names a dead participant; any other consumer, or a repairer, gives back
/// what it had (repair_consumer).
class Consumer {
 public:
  /// Groups that look at messages before they lease them look so far beyond the low mark.
  static constexpr std::uint64_t kWindow = 4096;
  static constexpr std::uint64_t kPriorityWindow = 256;

  /// Errors: too_many (consumers, reader pages), no_permission, no_space, removed.
  static Result<std::unique_ptr<Consumer>> attach(std::shared_ptr<Group> group,
                                                  const ConsumerOptions& options);
  ~Consumer();
  Consumer(const Consumer&) = delete;

  /// The next message; it is started from here on. `buffer` as for Reader::try_take().
  Leased try_take(Lease& lease, Received& out, std::byte* buffer);
  /// True when try_take() would not say `empty`.
  bool ready() const;
  /// Says that this consumer is about to sleep. The caller must then look again (ready()), and only
  /// then sleep until one of these words changes.
  std::array<WaitWord, 2> arm();
  /// The message whose commit makes it ready; 0: none does.
  std::uint64_t awaited() const;
  /// The earlier of `limit` and the time at which it is ready by itself.
  Deadline next_look(Deadline limit) const;
  /// What one who sleeps does now and then: gives back what the dead had, raises the low mark for
  /// publishers who wait.
  void look_around();
  /// Waits for ready(): spins for `spin_ns`, then sleeps. As timed out, too, once `interrupt` is
  /// true: who sets it rings the group's bell behind that.
  Wake wait(Deadline deadline, std::uint64_t spin_ns, const std::atomic<bool>* interrupt = nullptr);

  /// All of these are false, and change nothing, when the lease was lost: its time passed, somebody
  /// sought, or the message was dropped.
  bool ack(const Lease& lease);
  /// It was acked by a settlement (record.hpp).
  void settled(const Lease& lease);
  /// Whether a settlement may still ack it: no seek has taken it back.
  bool may_settle(const Lease& lease) const {
    return group_->position().epoch == GroupWord::unpack(lease.bits).epoch;
  }
  bool release(const Lease& lease);
  /// The attempt failed: again after `wait_ns`, by default the group's backoff.
  bool retry(const Lease& lease, std::optional<std::uint64_t> wait_ns = std::nullopt);
  bool reject(const Lease& lease);
  /// Starts the lease's time anew.
  bool renew(const Lease& lease);
  /// The delivery ends, whoever has the message now.
  void forget(const Lease& lease) { (void)end(lease); }

  /// A dead message to be moved to the dead letters.
  struct Dead {
    SeenWord word;
    std::uint64_t sequence;
  };
  /// The next one of this round through them; nothing at its end. Another round follows at once if
  /// more have died meanwhile, after a while if some were left.
  std::optional<Dead> next_dead();
  /// It cannot be moved now, by `fault`: it stays, and others come first.
  void leave_dead(const Dead& dead, Code fault);
  /// The others of this round cannot be moved either.
  void leave_round();
  /// True when next_dead() is to be asked.
  bool has_dead() const {
    return has_dead_ && (dead_again_ns_ == 0 || dead_again_ns_ <= monotonic_ns());
  }
  /// It was moved, or is dropped.
  bool bury(Dead& dead);
  /// It was settled by a record.
  void buried() { unpublished_ = true; }
  /// Reads any message of the topic that is still there.
  Take read(std::uint64_t sequence, Received& out, std::byte* buffer) {
    return reader_->take_at(sequence, out, buffer);
  }

  const std::shared_ptr<Group>& group() const { return group_; }
  /// Whose payloads in place the messages are.
  Reader& reader() const { return *reader_; }
  std::uint32_t outstanding() const { return started_ + static_cast<std::uint32_t>(run_.size()); }
  Lessee lessee() const { return lessee_; }
  /// Why the last take said `unreachable`.
  Error failure() const { return reader_->failure(); }

 private:
  struct Mine {
    std::uint64_t sequence, bits;
  };
  /// What a look at a message told, kept as long as it may be looked at again.
  struct Glance {
    std::uint64_t sequence = 0;
    std::uint8_t partition = kNoPartition;
    std::uint8_t priority = 0;
    bool wanted = true;
  };
  static constexpr std::uint8_t kNoPartition = 255;

  Consumer(std::shared_ptr<Group> group, const ConsumerOptions& options);
  Result<void> claim_entry();
  Leased lease_more();
  void read_clock();
  void lease_run(std::uint32_t room);
  std::uint32_t take_run(std::uint32_t room);
  void lease_picked(std::uint32_t room);
  bool lease(SeenWord& seen, std::uint64_t sequence);
  template <class Step>
  bool take_ready(SeenWord& seen, std::uint64_t sequence, const Step& step);
  const Glance* glance(std::uint64_t sequence);
  bool may_lease(const Glance& glance, const SeenWord& seen, std::uint64_t& blocked) const;
  std::uint8_t partition_of(std::uint64_t sequence) const;
  void claim_partitions();
  /// Starts a message that is leased, or ready. `empty`: it is not to be handed out, look at the
  /// next.
  Leased begin(SeenWord& seen, std::uint64_t sequence, Lease& lease, Received& out,
               std::byte* buffer);
  /// The message to be started before those of the run.
  Leased begin_first(Lease& lease, Received& out, std::byte* buffer);
  bool is_premature(SeenWord& seen, std::uint64_t sequence, const Received& message);
  SeenWord word_of(std::uint64_t sequence, std::uint64_t bits) const {
    return {&group_->word(sequence), bits, GroupWord::unpack(bits)};
  }
  /// The delivery ends; nothing when its lease was lost already.
  std::optional<SeenWord> end(const Lease& lease);
  void count_ack(std::uint64_t sequence);
  /// After an outcome other than done: what follows in its partition waits for it.
  void give_back_followers(std::uint64_t sequence);
  void kill(SeenWord& seen, DeadReason reason);
  /// A dead message is settled at once, or waits for the dead letters.
  void lay_out(SeenWord& dead);
  /// The same for one that somebody else killed, who may have died before he laid it out.
  void go_on_with_dead(SeenWord& dead);
  std::uint64_t age_ns(std::uint64_t sequence);
  void sweep();
  bool take_its_time(SeenWord& seen, std::uint64_t sequence, std::uint64_t& earliest);
  void drop_below(std::uint64_t floor);
  void advance_low();
  void look_after_the_dead();
  bool wakes_itself() const;
  bool room_wanted() const;

  std::shared_ptr<Group> group_;
  GroupLayout* layout_;
  std::unique_ptr<Reader> reader_;
  ConsumerLayout* entry_ = nullptr;
  Lessee lessee_;
  const std::uint32_t prefetch_;
  const bool picky_;            ///< looks at messages before it leases them
  const std::uint64_t window_;  ///< it looks so far beyond the low mark
  std::uint64_t stride_;        ///< the low mark is raised when it is so far behind
  std::vector<Mine> run_;       ///< leased and not started, last first
  SeenWord first_{};            ///< to be started before them, and not leased; of `first_sequence_`
  std::uint64_t first_sequence_ = 0;  ///< 0: there is none
  std::uint32_t started_ = 0;         ///< handed out and not settled
  std::uint32_t epoch_ = 0;           ///< of the group's position, as last seen
  std::uint64_t low_ = 1;             ///< the group's low mark, as last seen
  std::uint64_t next_ = 1;            ///< nothing before it is ready, unless `returns` says so
  std::uint64_t rewound_ = 0;         ///< before it, what was passed is looked at again
  std::uint32_t returns_seen_ = 0;    ///< of the group, at the last sweep
  std::uint64_t now_ns_ = 0;          ///< as of the last lease, or of the look before it
  bool looked_in_vain_ = false;       ///< the last look read the clock, and found nothing
  std::uint64_t probed_ns_ = 0;
  bool unpublished_ = false;         ///< something was settled since the low mark was last raised
  bool has_dead_ = false;            ///< somewhere lies one for the dead letters
  bool dead_seen_ = false;           ///< since the round through them began
  bool dead_came_ = false;           ///< since then, by this consumer
  std::uint64_t left_dead_ = 0;      ///< first that this round left
  Code left_by_ = Code::system;      ///< why
  std::uint64_t dead_next_ = 0;      ///< where this round goes on
  std::uint64_t dead_again_ns_ = 0;  ///< no round before; 0: at once
  std::uint64_t partitions_ = 0;     ///< one bit for each that is ours
  std::vector<Glance> glances_;
  std::optional<TickRate> rate_;
  std::uint64_t fork_count_;
};

/// True when `key` matches `pattern`: words split by `.`, `*` is any one word, `#` any number.
bool key_matches(std::string_view pattern, std::string_view key);

}  // namespace tow::shm
