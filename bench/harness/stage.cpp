#include "stage.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "machine.hpp"

namespace towbench {

Stage::Stage() {
  static int serial = 0;
  void* const memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(), "mapping the stage");
  }
  shared_ = static_cast<Shared*>(memory);  // zero is the beginning of everything in it
  bus_path_ = fmt::format("/dev/shm/towbench-{}-{}", getpid(), serial++);
}

Stage::~Stage() {
  munmap(shared_, sizeof(Shared));
  std::error_code ignored;
  std::filesystem::remove_all(bus_path_, ignored);
}

void Stage::perform(const Role& role) noexcept {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    if (role.core >= 0) pin_to(role.core);
    role.body();
    std::quick_exit(0);  // what the program has made is not the role's to destroy
  } catch (const std::exception& error) {
    std::uint32_t nobody = 0;
    if (shared_->failed.compare_exchange_strong(nobody, 1)) {
      std::strncpy(shared_->failure, error.what(), sizeof shared_->failure - 1);
      shared_->failed.store(2);
    }
    _exit(1);
  }
}

void Stage::run(std::span<const Role> roles, double seconds) {
  ns_per_tick();  // measured before the fork, so that all have the same
  std::vector<int> children;
  for (const Role& role : roles) {
    const pid_t child = fork();
    if (child == 0) perform(role);
    if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
    children.push_back(child);
  }
  wait_for(children, seconds);
  if (shared_->failed.load() != 0) throw Failure(shared_->failure);
}

void Stage::wait_for(std::span<const int> children, double seconds) {
  const std::uint64_t until = tow::shm::monotonic_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  std::vector<pollfd> watched;
  for (const int child : children) {
    watched.push_back({static_cast<int>(syscall(SYS_pidfd_open, child, 0)), POLLIN, 0});
  }
  bool late = false, died = false;
  for (std::size_t left = children.size(); left != 0;) {
    const std::uint64_t now = tow::shm::monotonic_ns();
    const auto left_ms = now < until ? static_cast<int>((until - now) / 1'000'000) : 0;
    late = late || (!died && poll(watched.data(), watched.size(), left_ms) == 0);
    for (std::size_t i = 0; i < children.size(); ++i) {
      if (watched[i].fd < 0) continue;
      if (late || died) kill(children[i], SIGKILL);
      int status = 0;
      if (waitpid(children[i], &status, late || died ? 0 : WNOHANG) != children[i]) continue;
      died = died || (WIFSIGNALED(status) && !late);
      close(watched[i].fd);
      watched[i].fd = -1;
      --left;
    }
  }
  if (shared_->failed.load() != 0) return;
  if (died) throw Failure("a process of the experiment was killed");
  if (late) throw Failure(fmt::format("not done after {:.0f} s: a message got lost", seconds));
}

void Stage::meet(std::uint32_t count, std::uint32_t round) {
  shared_->met.fetch_add(1);
  // Asleep, not spinning: others may be measuring on this core.
  constexpr timespec kNap{0, 50'000};
  while (shared_->met.load() < count * round) {
    throw_if_failed();
    nanosleep(&kNap, nullptr);
  }
}

void Stage::throw_if_failed() const {
  if (shared_->failed.load() != 0) throw Failure("another process failed");
}

void Stage::record(double value) {
  const std::uint64_t at = shared_->tape_length.load();
  if (at == kTapeLength) throw Failure("too many results for the tape");
  shared_->tape[at] = value;
  shared_->tape_length.store(at + 1);
}

bool Stage::tape_is_full() const {
  return shared_->tape_length.load() + kTapeLength / 16 > kTapeLength;
}

std::span<const double> Stage::recorded() const {
  return {shared_->tape, shared_->tape_length.load()};
}

}  // namespace towbench
