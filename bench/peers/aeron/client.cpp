#include "client.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>

namespace towbench {
namespace {

/// Becomes the driver. One thread that backs off: two cores are all there are, and the sender and
/// the receiver spin on them. Terms are allocated and zeroed when they are made.
[[noreturn]] void become_driver() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setenv("AERON_DIR", aeron_directory().c_str(), 1);
  setenv("AERON_DIR_DELETE_ON_START", "1", 1);
  setenv("AERON_DIR_DELETE_ON_SHUTDOWN", "1", 1);
  setenv("AERON_THREADING_MODE", "SHARED", 1);
  setenv("AERON_SHARED_IDLE_STRATEGY", "backoff", 1);
  setenv("AERON_TERM_BUFFER_SPARSE_FILE", "0", 1);
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  dup2(nowhere, STDOUT_FILENO);
  execl(TOWBENCH_AERON_DRIVER, TOWBENCH_AERON_DRIVER, static_cast<char*>(nullptr));
  _exit(1);
}

}  // namespace

const std::string& aeron_directory() {
  static const std::string path = fmt::format("/dev/shm/towbench-aeron-{}", getpid());
  return path;
}

AeronDriver::AeronDriver() {
  aeron_directory();  // named before the fork, so that all have the same
  process_ = fork();
  if (process_ == 0) become_driver();
  if (process_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
}

AeronDriver::~AeronDriver() {
  kill(process_, SIGTERM);
  waitpid(process_, nullptr, 0);
  std::error_code ignored;
  std::filesystem::remove_all(aeron_directory(), ignored);
}

AeronClient::AeronClient() {
  if (aeron_context_init(&context_) != 0 ||
      aeron_context_set_dir(context_, aeron_directory().c_str()) != 0 ||
      aeron_context_set_pre_touch_mapped_memory(context_, true) != 0 ||
      aeron_init(&client_, context_) != 0 || aeron_start(client_) != 0) {
    fail_aeron();
  }
}

AeronClient::~AeronClient() {
  aeron_close(client_);
  aeron_context_close(context_);
}

void await_aeron(const char* what, bool (*done)(void*), void* argument) {
  using namespace std::chrono_literals;
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (!done(argument)) {
    if (std::chrono::steady_clock::now() > until) {
      throw Failure(fmt::format("Aeron: waited in vain for {}", what));
    }
    std::this_thread::sleep_for(1ms);
  }
}

AeronSubscription::AeronSubscription(const Stage& stage, const char* channel) {
  aeron_async_add_subscription_t* adding = nullptr;
  if (aeron_async_add_subscription(&adding, client_.get(), channel, aeron_stream(stage), nullptr,
                                   nullptr, nullptr, nullptr) != 0) {
    fail_aeron();
  }
  await_aeron("a subscription", [&] {
    const int added = aeron_async_add_subscription_poll(&subscription_, adding);
    if (added < 0) fail_aeron();
    return added == 1;
  });
  await_aeron("an image", [&] {
    image_ = aeron_subscription_image_at_index(subscription_, 0);
    return image_ != nullptr;
  });
}

AeronSubscription::~AeronSubscription() {
  aeron_subscription_image_release(subscription_, image_);
  aeron_subscription_close(subscription_, nullptr, nullptr);
}

}  // namespace towbench
