#pragma once
/// What a load may see: the memory that actors share, in one of three models.
///
/// `sequential`: the newest store. `buffered` (TSO, as on x86): the own stores first, which reach
/// memory in their order, at the latest at a fence, an exchange, or when another actor is shown
/// one. `stale` (C++20, as the declared orders allow): any store that nothing orders before a newer
/// one the actor must know. There each word keeps its history, each store carries what its reader
/// comes to know, and a view says for each word the oldest store that may still be read:
///
///   current   what the actor knows: its own accesses, and whatever it acquired
///   acquired  what relaxed loads brought; an acquire fence makes it known
///   released  what it knew at its last release fence; relaxed stores carry that
///
/// Stores go to the end of a word's history and S is the order of execution, so what is shown is
/// allowed by the standard; what an early store (a load delayed behind a later store of its actor)
/// would show is not shown. Plain accesses fill that gap: they must be ordered both ways.

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

namespace tow::schedule {

enum class Mode : std::uint8_t { sequential, buffered, stale };

inline constexpr std::size_t kMaxActors = 4;

/// A hash of `seed` and `value`.
constexpr std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
  std::uint64_t bits = (seed + 0x9E37'79B9'7F4A'7C15) * 0xBF58'476D'1CE4'E5B9;  // 0 is no fixpoint
  bits = ((bits ^ bits >> 29) + value) * 0x94D0'49BB'1331'11EB;
  return bits ^ bits >> 32;
}

std::uint64_t read_raw(const void* at, std::size_t bytes);
void write_raw(void* at, std::uint64_t value, std::size_t bytes);

class Memory {
 public:
  /// A word that several actors use. Whoever of `guards` (one bit an actor) loads it must be done
  /// with it before another stores to it.
  struct Word {
    void* at;
    std::size_t bytes;
    unsigned guards;
  };

  void set_up(Mode mode, std::size_t actors, std::vector<Word> words);
  /// Everybody knows what memory now holds.
  void begin();

  /// How many stores back each load of a word may go: those allowed, the newest (0) first, into
  /// `back`; at most `most` stale ones. An exchange sees a stale value only if it fails by it.
  std::size_t choices(std::size_t actor, std::size_t word, std::memory_order order,
                      const std::uint64_t* unless, std::array<std::uint8_t, 8>& back,
                      std::size_t most);
  std::uint64_t load(std::size_t actor, std::size_t word, std::size_t back,
                     std::memory_order order);
  void store(std::size_t actor, std::size_t word, std::uint64_t value, std::memory_order order);
  /// Loads the newest value and stores another; no store comes between.
  void replace(std::size_t actor, std::size_t word, std::uint64_t value, std::memory_order order);
  void fence(std::size_t actor, std::memory_order order);
  /// membarrier(2): a full fence in every actor. `ordered` is false when a compiler may have moved
  /// the others' loads across it.
  void barrier(std::size_t actor, bool ordered);

  /// An access that must be ordered with all conflicting ones.
  std::uint64_t plain_load(std::size_t actor, std::size_t word);
  void plain_store(std::size_t actor, std::size_t word, std::uint64_t value);
  /// Something was not ordered with a plain access, or a store with a guarded load.
  bool raced() const { return raced_; }

  /// Stores of `word` that lie in the buffer of `actor`.
  std::size_t kept(std::size_t actor, std::size_t word) const;
  /// Lets the buffer go to memory, up to and with the `count`-th store of `word`.
  void flush(std::size_t actor, std::size_t word, std::size_t count);
  void flush(std::size_t actor);

  /// What an actor knows passes through the kernel: stored when its lock goes, known to whoever
  /// finds the lock free.
  void unlock(std::size_t actor, std::size_t lock);
  void found_free(std::size_t actor, std::size_t lock);

  /// A hash of all that may still be seen.
  std::uint64_t hash(unsigned living) const;

 private:
  using Index = std::uint16_t;
  static constexpr std::size_t kNone = ~std::size_t{0};
  static constexpr std::size_t kLocks = 16;
  struct Message {
    std::uint64_t value;
    std::size_t view;  ///< what it carries, or kNone
    std::uint64_t hash;
  };
  struct Kept {
    std::size_t word;
    std::uint64_t value;
  };
  /// The last ones that must be ordered with others: their actors' clocks then, 0 = none.
  struct Accesses {
    std::array<Index, kMaxActors> loads{}, stores{};
  };

  std::size_t current(std::size_t actor) const { return actor; }
  std::size_t acquired(std::size_t actor) const { return actors_ + actor; }
  std::size_t released(std::size_t actor) const { return 2 * actors_ + actor; }
  std::size_t fences() const { return 3 * actors_; }        ///< what seq_cst fences knew
  std::size_t sequentials() const { return fences() + 1; }  ///< what seq_cst accesses saw
  std::size_t of_lock(std::size_t lock) const { return fences() + 2 + lock; }
  std::size_t fixed_rows() const { return fences() + 2 + kLocks; }
  Index* row(std::size_t view) { return &views_[view * columns_]; }
  const Index* row(std::size_t view) const { return &views_[view * columns_]; }
  Index& clock(std::size_t view, std::size_t actor) { return row(view)[words_.size() + actor]; }

  std::vector<Message>& history(std::size_t word);
  void join(std::size_t view, std::size_t other, bool with_clocks = true);
  std::size_t carry(std::size_t actor, std::size_t word, std::memory_order order);
  void append(std::size_t actor, std::size_t word, std::uint64_t value, std::memory_order order,
              std::size_t continued);
  void take(std::size_t actor, std::size_t word, std::size_t index, std::memory_order order);
  /// False when one of these accesses may happen after what the actor now does.
  bool all_before(std::size_t actor, const std::array<Index, kMaxActors>& clocks);
  void set(std::size_t word, std::uint64_t value);
  std::uint64_t hash_views(unsigned living) const;
  std::uint64_t hash_row(std::size_t view) const;

  Mode mode_ = Mode::sequential;
  std::size_t actors_ = 0, columns_ = 0;
  std::vector<Word> words_;
  std::vector<std::vector<Message>> histories_;
  std::vector<std::size_t> touched_;  ///< words with a history
  std::vector<Index> views_;          ///< rows of one Index a word, then one clock an actor
  std::vector<Accesses> accesses_;    ///< of each word
  std::array<std::vector<Kept>, kMaxActors> buffers_;
  std::uint64_t contents_ = 0;  ///< hash of the newest values
  bool raced_ = false;
};

}  // namespace tow::schedule
