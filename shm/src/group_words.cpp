#include "towpath/shm/group_words.hpp"

#include <algorithm>

namespace tow::shm {

std::uint64_t backoff_ns(std::uint32_t failed, const GroupOptionsLayout& options) {
  if (failed < 2 || options.backoff_ns == 0) return 0;
  const std::uint32_t doublings = std::min(failed - 2, 40U);
  const std::uint64_t most = options.max_backoff_ns;
  return options.backoff_ns > most >> doublings ? most : options.backoff_ns << doublings;
}

bool fail_word(SeenWord& seen, Atomic<std::uint64_t>& due, const GroupOptionsLayout& options,
               std::uint64_t now_ns, std::optional<std::uint64_t> wait_ns) {
  GroupWord next = seen.means;
  ++next.attempts;
  next.redelivered = true;
  next.who = 0;
  if (next.attempts >= options.max_attempts) {
    next.state = WordState::dead;
    next.who = static_cast<std::uint16_t>(DeadReason::attempts);
    return change_word(seen, next);
  }
  const std::uint64_t wait = wait_ns.value_or(backoff_ns(next.attempts, options));
  next.state = wait == 0 ? WordState::ready : WordState::delayed;
  if (wait != 0) due.store(now_ns + wait, kRelaxed);  // relaxed: [G1] orders
  return change_word(seen, next);
}

bool give_back(SeenWord& seen, Atomic<std::uint64_t>& due, const GroupOptionsLayout& options,
               std::uint64_t now_ns, bool blame) {
  const bool failed = blame && seen.means.state == WordState::started;
  return failed ? fail_word(seen, due, options, now_ns) : return_word(seen);
}

}  // namespace tow::shm
