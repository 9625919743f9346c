#pragma once
/// Settlements: messages that are acked and messages that are published, all or none, exactly once.
///
/// The steps, and what a death behind each leaves:
///   1. The outputs are prepared, whole, in lanes of the process: void.
///   2. Each lane names the record and the settlement's id: whoever repairs the lane reads the
///      record, finds no such settlement, and clears it.
///   3. The record says PREPARED, with inputs and outputs.
///   4. Each input's word becomes SETTLING. Until here repair gives the inputs back, as it does
///   with
///      what a dead consumer was at, and the outputs are void.
///   5. The record says COMMITTED: the one commit point. From here on repair finishes the rest.
///   6. Each output goes out under a pin, and its sequence into the record.
///   7. The inputs' words become DONE, the record FREE.
///   8. The lanes leave the record. Repair, which finds it FREE, does the same.
/// All or none, but not at one moment: outputs become visible one after the other.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "towpath/shm/participants.hpp"
#include "towpath/shm/record_layout.hpp"
#include "towpath/shm/segment.hpp"
#include "towpath/shm/writer.hpp"

namespace tow::shm {

/// A message that is to be acked, as its group's word says it: STARTED by the consumer that settles
/// it, or DEAD when it is moved to the dead letters.
struct RecordInput {
  std::uint64_t sequence = 0;
  std::uint64_t word = 0;
};

/// The words of a group as settlements use them. Each call is one CAS from the word that it
/// expects, so that done late, twice or by several it does nothing.
class SettledInputs {
 public:
  virtual ~SettledInputs() = default;
  /// To SETTLING, held by `settler`. False when the word is no longer what it was: the lease is
  /// lost, or somebody else moves the message.
  virtual bool begin(const RecordInput& input, std::uint32_t settler) = 0;
  /// SETTLING to what it was.
  virtual void undo(const RecordInput& input, std::uint32_t settler) = 0;
  /// SETTLING to DONE.
  virtual void finish(const RecordInput& input, std::uint32_t settler) = 0;
  /// SETTLING to what becomes of a message whose consumer died at it; DEAD stays DEAD.
  virtual void fail(const RecordInput& input, std::uint32_t settler) = 0;
  /// To be called behind the last change of words: wakes whom it concerns.
  virtual void announce() = 0;
};

/// Opens the words of the group in a directory; errors as Segment::open.
using OpenInputs = Result<std::unique_ptr<SettledInputs>> (*)(const Directory& group);
Result<std::unique_ptr<SettledInputs>> open_group_inputs(const Directory& group);

enum class Settled : std::uint8_t {
  done,
  lease_lost,  ///< nothing happened: an input is no longer held by who settles it
  timed_out,   ///< nothing happened: an output found no room in time
  stale,       ///< this process lost its membership: others finish it, or did
};

/// One record, claimed: settles one after the other. Not thread-safe.
/// Dies anywhere: whoever repairs one of its lanes, or its consumer, resolves it first
/// (resolve_record).
class Record {
 public:
  /// Opens or makes the record of consumer `number` of the group at `group`, a path relative to the
  /// bus, and claims it; what a dead owner left in it is resolved before. Errors: already_exists
  /// (somebody who lives has it), full (what its last owner left finds no room), as
  /// Segment::create.
  static Result<std::unique_ptr<Record>> claim(const Directory& bus, const std::string& group,
                                               std::uint32_t number,
                                               std::shared_ptr<Participants> participants,
                                               std::uint32_t file_mode,
                                               OpenInputs open_inputs = open_group_inputs);
  /// The same of a group of an open topic.
  static Result<std::unique_ptr<Record>> claim(const Ring& topic, const std::string& group,
                                               std::uint32_t number);
  ~Record();
  Record(const Record&) = delete;

  /// Acks all inputs and publishes all outputs: for each of `outputs`, the message that was
  /// prepared first in that writer and is not yet spoken for. Waits for room for all of them until
  /// `deadline`; once it is decided, for as long as it takes those in the way to go on or die.
  /// Whatever comes of it, nothing stays prepared, except when `stale`.
  /// At most kMaxRecordInputs, kMaxRecordOutputs and kMaxRecordTopics.
  Settled settle(SettledInputs& words, std::span<const RecordInput> inputs,
                 std::span<Writer* const> outputs, std::uint32_t settler, Deadline deadline);
  /// Sequence of output i of the last settlement; nothing when its topic was removed.
  std::optional<std::uint64_t> sequence_of(std::size_t i) const;

 private:
  Record(Segment segment, std::string path, std::shared_ptr<Participants> participants);
  RecordLayout& layout() const { return *segment_.as<RecordLayout>(); }
  bool change_state(RecordState from, RecordState to);
  bool wait_for_room(Deadline deadline);
  void write(std::span<const RecordInput> inputs, std::span<Writer* const> outputs);
  Settled roll_back(SettledInputs& words, std::span<const RecordInput> begun, Settled why);
  bool publish(std::span<Writer* const> outputs);

  Segment segment_;
  std::string path_;
  std::shared_ptr<Participants> participants_;
  std::uint32_t hands_ = 0;
  std::uint64_t id_ = 0;
  std::uint32_t settler_ = 0;
  std::vector<Writer*> writers_;  ///< of the settlement at hand, each once
  std::uint64_t fork_count_;
};

enum class Resolution : std::uint8_t {
  over,     ///< no settlement is left in it
  blocked,  ///< its owner lives, or somebody is resolving it, or we have not the rights
  waiting,  ///< committed, and an output finds no room: to be tried again
};

/// Finishes, or undoes, what a dead process left in a record, and clears the lanes that it used.
/// Any number may try at once; one at a time does it. `path` is relative to the bus. A record that
/// is missing is over: what was not out then is void.
/// Dies here: as the one before; the next goes on.
Resolution resolve_record(const Directory& bus, const std::string& path, Participants& participants,
                          OpenInputs open_inputs = open_group_inputs);

/// The same for the record of consumer `index` of a group, if it has one.
Resolution resolve_consumer(const Directory& topic, const std::string& group, std::uint32_t index,
                            Participants& participants);

/// The same for the record that a lane of the dead is in; `over` when it is in none from here on,
/// and free to adopt.
Resolution resolve_lane(const Directory& topic, std::uint32_t lane, Participants& participants,
                        OpenInputs open_inputs = open_group_inputs);

}  // namespace tow::shm
