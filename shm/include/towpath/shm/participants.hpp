#pragma once
/// Who is alive. A process joins by locking its byte of `participants/<uid>`; the kernel drops the
/// lock when the process dies, in whatever PID namespace, and nothing else proves death.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "towpath/shm/fork.hpp"
#include "towpath/shm/segment.hpp"

namespace tow::shm {

inline constexpr std::uint32_t kMaxParticipants = 2048;  ///< processes of one user on one bus
/// The byte behind those of the entries is locked by the one who supervises that user's processes.
inline constexpr std::uint32_t kSupervisorByte = kMaxParticipants;

/// Names one life of one process on one bus: user 32 bits | entry 11 bits | generation 21 bits.
/// 0 is nobody. Entries are handed out in rotation, so a token repeats after 2^32 joins.
class Token {
 public:
  constexpr Token() = default;
  constexpr explicit Token(std::uint64_t bits) : bits_(bits) {}
  constexpr Token(std::uint32_t uid, std::uint32_t index, std::uint32_t generation)
      : bits_(std::uint64_t{uid} << 32 | std::uint64_t{index} << 21 | generation) {}
  constexpr std::uint64_t bits() const { return bits_; }
  constexpr std::uint32_t uid() const { return static_cast<std::uint32_t>(bits_ >> 32); }
  constexpr std::uint32_t index() const { return static_cast<std::uint32_t>(bits_ >> 21) & 0x7FF; }
  constexpr std::uint32_t generation() const {
    return static_cast<std::uint32_t>(bits_) & 0x1FFFFF;
  }
  constexpr explicit operator bool() const { return bits_ != 0; }
  friend constexpr bool operator==(Token, Token) = default;

 private:
  std::uint64_t bits_ = 0;
};

/// Owner of the reader page in which a group's low mark lies: nobody's life, so never dead, and
/// unique by the page's claim, so that a slow remover cannot free the page of a later group.
constexpr Token group_owner(std::uint64_t claim) {
  return Token(0xFFFF'FFFF'0000'0000 | (claim & 0xFFFF'FFFF));
}
constexpr bool is_group_owner(Token token) { return token.uid() == 0xFFFF'FFFF; }

enum class EntryState : std::uint32_t { free = 0, live = 1, repairing = 2 };

/// One process of one user.
struct ParticipantLayout {
  /// generation << 2 | EntryState. Writers: the process itself (free -> live -> free), and whoever
  /// repairs it after proof of death (live -> repairing -> free); generation + 1 on becoming free.
  Atomic<std::uint64_t> word;
  Atomic<std::uint32_t>
      pid;  ///< in the joiner's PID namespace; for people only. Writer: the process
  std::uint32_t reserved;
  Atomic<std::uint64_t> joined_ns;               ///< CLOCK_REALTIME. Writer: the process
  std::array<Atomic<std::uint64_t>, 5> command;  ///< NUL-padded text. Writer: the process
};
static_assert(sizeof(ParticipantLayout) == 64);

struct ParticipantsLayout {
  SegmentLayout header;
  Atomic<std::uint32_t> next_entry;  ///< where the next joiner starts looking. Writer: any joiner
  std::uint32_t reserved[15];
  std::array<ParticipantLayout, kMaxParticipants> entries;
};
static_assert(sizeof(ParticipantsLayout) == 128 + 64 * kMaxParticipants);

enum class Liveness { alive, dead, unknown };

/// What an entry says of its process, for people.
struct ParticipantInfo {
  Token token;
  EntryState state;
  std::uint32_t pid;
  std::uint64_t joined_ns;
  std::string command;
};

/// The participants of one bus, of all users. Thread-safe.
/// Must outlive the Membership made from it. Its death leaves its own entry live with a free lock
/// byte, which is the proof that `Bus::heal` looks for.
class Participants {
 public:
  explicit Participants(Directory directory, std::uint32_t file_mode);
  ~Participants();
  Participants(const Participants&) = delete;

  /// Joins this process. Errors: too_many, no_permission, no_space.
  Result<Token> join();
  /// Gives the entry back; called after everything that the token owns was released.
  void leave();
  Token self() const { return self_; }
  /// False when this process's entry was taken from it (it closed its lock descriptor) or when this
  /// is a forked child.
  bool still_member() const;
  /// What is to be said then.
  Error not_a_member() const;

  /// Asks the kernel. `unknown` when the user's file cannot be read; never guess `dead` from it.
  Liveness liveness(Token token);
  std::optional<ParticipantInfo> info(Token token);

  /// Calls `visit` for each entry, of every user, that is not free.
  void for_each(const std::function<void(const ParticipantInfo&)>& visit);

  /// Marks a dead entry REPAIRING; false when it is not dead or somebody finished already.
  bool begin_repair(Token token);
  /// REPAIRING -> FREE with the next generation. Last step of a repair.
  void end_repair(Token token);

  /// Becomes the supervisor of each user who has none and whose file this process may write. True
  /// when it is to repair: false when others supervise everybody, or nobody has ever joined.
  /// Errors: no_permission, when it may write nobody's file.
  Result<bool> supervise();
  void stop_supervising();
  /// True when each user here has a living supervisor, who repairs at once. Some system calls.
  bool supervised();

 private:
  struct UserFile;
  std::vector<std::uint32_t> users() const;
  UserFile* user_file(std::uint32_t uid, Access access);
  Result<UserFile*> own_file();
  bool byte_is_locked(const UserFile& file, std::uint32_t index) const;
  Result<std::uint32_t> claim_entry(UserFile& file);

  Directory directory_;
  std::uint32_t file_mode_;
  std::mutex mutex_;
  std::map<std::uint32_t, std::unique_ptr<UserFile>> files_;
  Token self_;
  const ParticipantLayout* self_entry_ = nullptr;  ///< mapped as long as this object lives
  int lock_fd_ = -1;
  std::map<std::uint32_t, int> supervised_;  ///< users, and descriptors that lock their byte
  std::uint64_t fork_count_ = 0;
  std::uint64_t mapped_forks_ = fork_count();  ///< as of the mappings in files_
};

}  // namespace tow::shm
