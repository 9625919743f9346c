#pragma once
/// Several topics, and the records and words of a group, without a bus: for tests of settlements.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/ring_files.hpp"
#include "towpath/shm/record.hpp"

namespace tow::test {

/// Words of a group as plain atomics. Every other instance for the same directory sees the same.
/// Word of sequence n: n << 16 | who << 4 | state.
class PlainInputs final : public shm::SettledInputs {
 public:
  enum State : std::uint64_t { ready = 0, started = 2, done = 3, dead = 5, settling = 6 };
  struct Words {
    std::array<shm::Atomic<std::uint64_t>, 64> word;
    int announced = 0;
  };

  explicit PlainInputs(std::shared_ptr<Words> words) : words_(std::move(words)) {}
  static std::uint64_t pack(std::uint64_t sequence, State state, std::uint32_t who = 0) {
    return sequence << 16 | std::uint64_t{who} << 4 | state;
  }
  bool begin(const shm::RecordInput& input, std::uint32_t settler) override {
    return change(input, input.word, settling_word(input, settler));
  }
  void undo(const shm::RecordInput& input, std::uint32_t settler) override {
    change(input, settling_word(input, settler), input.word);
  }
  void finish(const shm::RecordInput& input, std::uint32_t settler) override {
    change(input, settling_word(input, settler), pack(input.sequence, done));
  }
  void fail(const shm::RecordInput& input, std::uint32_t settler) override {
    const bool was_dead = (input.word & 15) == dead;
    change(input, settling_word(input, settler),
           was_dead ? input.word : pack(input.sequence, ready));
  }
  void announce() override { ++words_->announced; }

 private:
  static std::uint64_t settling_word(const shm::RecordInput& input, std::uint32_t settler) {
    return pack(input.sequence, settling, settler);
  }
  bool change(const shm::RecordInput& input, std::uint64_t from, std::uint64_t to) {
    return words_->word[input.sequence % 64].compare_exchange_strong(from, to, shm::kAcqRel);
  }
  std::shared_ptr<Words> words_;
};

/// A bus with topics "in", where the group "g" is, and `outputs` named "out0", "out1", ...
class BusFiles {
 public:
  explicit BusFiles(std::size_t outputs = 2,
                    const shm::GeometryLayout& raw = small_geometry(shm::RingKind::many));

  shm::Directory bus() const { return shm::Directory::open(directory_.path()).value(); }
  shm::Directory topic(const std::string& file) const {
    return shm::Directory::open(topic_path(file)).value();
  }
  std::string topic_path(const std::string& file) const {
    return directory_.path() + "/topics/" + file;
  }
  std::string record_path(std::uint32_t number = 0) const {
    return group() + "/records/" + std::to_string(number);
  }
  static std::string group() { return "topics/in/groups/g"; }
  std::shared_ptr<shm::Participants> participants() const;
  std::shared_ptr<shm::Ring> ring(const std::string& file) const {
    return ring(file, participants());
  }
  std::shared_ptr<shm::Ring> ring(const std::string& file,
                                  std::shared_ptr<shm::Participants> who) const;
  std::unique_ptr<shm::Reader> reader(const std::string& file,
                                      const shm::ReaderOptions& options = {}) const {
    return shm::Reader::attach(ring(file), options).value();
  }

  /// The words that `open_inputs` opens, of all BusFiles: one at a time in a test.
  static PlainInputs::Words& words();
  static Result<std::unique_ptr<shm::SettledInputs>> open_inputs(const shm::Directory& group);

 private:
  TempDir directory_;
};

}  // namespace tow::test
