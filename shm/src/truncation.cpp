// The handler of SIGBUS. All that it touches is lock-free and lives as long as the process.

#include "towpath/shm/truncation.hpp"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "mapped_file.hpp"
#include "towpath/shm/atomic.hpp"
#include "towpath/shm/fork.hpp"

namespace tow::shm {

/// One mapping. Who moves `state` away from kWhole has it alone until the next change.
struct MappedFile::Record {
  enum : std::uint32_t { kFree, kTaken, kWhole, kBroken };
  std::atomic<std::uint32_t> state{kFree};
  std::atomic<std::uintptr_t> begin{0}, end{0};
  std::atomic<Fate*> fate{nullptr};
  const char* path = nullptr;
  bool writable = false;
  std::atomic<std::uint64_t> forks{0};
};

namespace {

using Record = MappedFile::Record;

/// Records are reused and blocks never freed, so the handler may walk them at any time.
struct Block {
  std::array<Record, 128> records;
  std::atomic<Block*> next{nullptr};
};

Block& first_block() {
  static Block block;
  return block;
}

template <class Visit>
bool any_record(Visit&& visit) {
  // [B2] acquire, pairs with [B1]: a block's records before the block
  for (Block* block = &first_block(); block != nullptr; block = block->next.load(kAcquire)) {
    for (Record& record : block->records) {
      if (visit(record)) return true;
    }
  }
  return false;
}

Record& free_record() {
  Record* found = nullptr;
  const auto take = [&](Record& record) {
    std::uint32_t state = Record::kFree;
    // relaxed look; [B3] acq_rel, pairs with [B4]: its last use before ours
    if (record.state.load(kRelaxed) != Record::kFree ||
        !record.state.compare_exchange_strong(state, Record::kTaken, kAcqRel)) {
      return false;
    }
    found = &record;
    return true;
  };
  while (!any_record(take)) {  // each round adds a block
    auto* const made = new Block;
    Block* last = &first_block();
    Block* none = nullptr;
    // [B1] acq_rel, pairs with [B2]
    while (!last->next.compare_exchange_strong(none, made, kAcqRel)) {
      last = std::exchange(none, nullptr);
    }
  }
  return *found;
}

/// Zeros in place of the file. A raw system call: sanitizers wrap mmap, and a handler may not care.
bool map_zeros(const Record& record) {
  const std::uintptr_t begin = record.begin.load(kRelaxed);  // relaxed: ours alone since [B3]
  const std::size_t bytes = record.end.load(kRelaxed) - begin;
  const int protection = record.writable ? PROT_READ | PROT_WRITE : PROT_READ;
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
  if (syscall(SYS_mmap, begin, bytes, protection, kFlags, -1, 0) != static_cast<long>(begin)) {
    return false;
  }
  syscall(SYS_madvise, begin, bytes, MADV_DONTFORK);
  syscall(SYS_madvise, begin, bytes, MADV_DONTDUMP);
  return true;
}

/// Takes a whole record away from everybody else; false when it is not whole.
bool take(Record& record) {
  std::uint32_t whole = Record::kWhole;
  // [B3] acq_rel, pairs with [B4]
  return record.state.compare_exchange_strong(whole, Record::kTaken, kAcqRel);
}

void give_back(Record& record, bool broken) {
  // [B4] release, pairs with [B3]: the zeros before the state
  record.state.store(broken ? Record::kBroken : Record::kWhole, kRelease);
}

bool holds(const Record& record, std::uintptr_t address) {
  // [B3] acquire, pairs with [B4]: the range before the state
  const std::uint32_t state = record.state.load(kAcquire);
  // relaxed: ordered by [B3]. A record of our parent's says nothing about our memory.
  return state != Record::kFree && address >= record.begin.load(kRelaxed) &&
         address < record.end.load(kRelaxed) && record.forks.load(kRelaxed) == fork_count();
}

}  // namespace

struct BusErrors {
  struct sigaction before {};

  /// True when the access may be tried again.
  static bool mend(std::uintptr_t address) {
    return any_record([&](Record& record) {
      if (!holds(record, address)) return false;
      if (!take(record)) return true;  // another thread is at it, or was: try the access again
      Fate* const fate = record.fate.load(kRelaxed);  // relaxed: ours alone since [B3]
      MappedFile::end_of(*fate, record.path);
      const bool mended = map_zeros(record);
      give_back(record, mended);
      if (mended) break_all(fate);
      return mended;
    });
  }

  static void break_all(const Fate* fate) {
    any_record([&](Record& record) {
      // relaxed, and again once the record is ours alone
      if (record.fate.load(kRelaxed) != fate || !take(record)) return false;
      const bool same =
          record.fate.load(kRelaxed) == fate && record.forks.load(kRelaxed) == fork_count();
      give_back(record, same && map_zeros(record));
      return false;
    });
  }

  /// What is not ours goes where it would have gone without us.
  void pass_on(int signal, siginfo_t* info, void* context) const {
    if ((before.sa_flags & SA_SIGINFO) != 0) return before.sa_sigaction(signal, info, context);
    const bool sent = info->si_code <= 0;  // by a process; otherwise the access is tried again
    if (before.sa_handler == SIG_IGN && sent) return;
    if (before.sa_handler != SIG_IGN && before.sa_handler != SIG_DFL) {
      return before.sa_handler(signal);
    }
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    sigaction(signal, &usual, nullptr);
    if (sent) raise(signal);
  }
};

namespace {

BusErrors bus_errors;

void on_bus_error(int signal, siginfo_t* info, void* context) {
  const int error = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  if (info->si_code != BUS_ADRERR || !BusErrors::mend(address)) {
    bus_errors.pass_on(signal, info, context);
  }
  errno = error;
}

bool install() {
  sigaction(SIGBUS, nullptr, &bus_errors.before);
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  // Masks as the handler before us, which we may have to call.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | (bus_errors.before.sa_flags & SA_NODEFER);
  action.sa_mask = bus_errors.before.sa_mask;
  return sigaction(SIGBUS, &action, nullptr) == 0;
}

}  // namespace

std::string Fate::file() const {
  // [B6] acquire, pairs with [B5]
  return state_.load(kAcquire) == kBroken ? std::string(file_.data()) : std::string();
}

void Fate::end(const char* file) {
  std::uint32_t whole = kWhole;
  // relaxed: whoever succeeds writes the text alone
  if (!state_.compare_exchange_strong(whole, kBreaking, kRelaxed)) return;
  // The end of a long path says more than its beginning.
  const std::size_t length = std::strlen(file), room = file_.size() - 1;
  std::memcpy(file_.data(), file + (length > room ? length - room : 0), std::min(length, room));
  state_.store(kBroken, kRelease);  // [B5] release, pairs with [B6]: the text before the mark
}

MappedFile::MappedFile(void* data, std::uint64_t bytes, bool writable, std::string path)
    : path_(std::move(path)), fate_(std::make_shared<Fate>()), record_(&free_record()) {
  [[maybe_unused]] static const bool installed = install();
  record_->fate.store(fate_.get(), kRelaxed);  // relaxed, here and below: [B4] orders them
  record_->path = path_.c_str();
  record_->writable = writable;
  record_->forks.store(fork_count(), kRelaxed);
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  record_->begin.store(begin, kRelaxed);
  record_->end.store(begin + (bytes + kPage - 1) / kPage * kPage, kRelaxed);
  give_back(*record_, false);
}

MappedFile::~MappedFile() {
  // Bounded: whoever has the record is in the handler and leaves it soon.
  std::uint32_t state = Record::kWhole;
  // [B3] acq_rel, pairs with [B4]
  while (!record_->state.compare_exchange_strong(state, Record::kTaken, kAcqRel)) {
    if (state == Record::kTaken) state = Record::kWhole;  // else it is broken, and so expected
    pause();
  }
  record_->begin.store(0, kRelaxed);  // relaxed, here and below: [B4] orders them
  record_->end.store(0, kRelaxed);
  record_->fate.store(nullptr, kRelaxed);
  record_->state.store(Record::kFree, kRelease);  // [B4] release, pairs with [B3]
}

void MappedFile::share(std::shared_ptr<Fate> fate) {
  record_->fate.store(fate.get(), kRelaxed);  // relaxed: the handler looks again behind [B3]
  if (fate_->broken()) {
    fate->end(path_.c_str());
    BusErrors::break_all(fate.get());
  }
  fate_ = std::move(fate);
}

}  // namespace tow::shm
