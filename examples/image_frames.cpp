/// Large messages without a copy: a camera process fills 8 MiB frames where they will be read, a
/// viewer process reads them there, and keeps the last three to compare them.
///
///   image_frames [FOLDER]     the bus lives in FOLDER, or in a temporary one, removed at the end

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <deque>
#include <filesystem>
#include <string>
#include <towpath/towpath.hpp>

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kFrames = 60;
constexpr std::size_t kKept = 3;

struct Frame {
  std::uint64_t number;
  std::uint32_t width, height;
  std::uint32_t pixels[2048 * 1024];  // 8 MiB
};

// Six frames may be unread or held at a time; the seventh waits for the viewer.
const tow::TopicOptions kCamera = {
    .publishers = tow::Publishers::one, .depth = 16, .pool_bytes = 6 * (sizeof(Frame) + 4096)};

std::uint32_t pixel(std::uint64_t frame, std::size_t position) {
  return static_cast<std::uint32_t>(frame * 0x9E37'79B9U + position);
}

void camera(const std::string& path) {
  auto bus = tow::Bus::open(path).value();
  auto topic = bus.topic<Frame>("camera.front", kCamera).value();
  auto publisher = topic.publisher({.wait_at_most = 10s}).value();
  topic.wait_for_subscribers(1, 10s).value();
  for (std::uint64_t number = 1; number <= kFrames; ++number) {
    auto frame = publisher.loan().value();  // waits while the viewer holds or has not read all
    frame->number = number;
    frame->width = 2048;
    frame->height = 1024;
    for (std::size_t i = 0; i < std::size(frame->pixels); ++i) frame->pixels[i] = pixel(number, i);
    publisher.publish(std::move(frame)).value();
  }
}

bool intact(const tow::Message<Frame>& frame, std::uint64_t number) {
  if (frame->number != number || frame->width != 2048 || frame->height != 1024) return false;
  for (std::size_t i = 0; i < std::size(frame->pixels); i += 1021) {
    if (frame->pixels[i] != pixel(number, i)) return false;
  }
  return true;
}

bool viewer(const std::string& path) {
  auto bus = tow::Bus::open(path).value();
  auto topic = bus.topic<Frame>("camera.front", kCamera).value();
  auto subscriber = topic.subscriber({.start = tow::Start::oldest()}).value();
  std::deque<tow::Message<Frame>> kept;  // none of them was copied, none can be overwritten
  std::uint64_t good = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t number = 1; number <= kFrames; ++number) {
    auto frame = subscriber.take(10s);
    if (!frame) break;
    kept.push_back(std::move(frame));
    if (kept.size() > kKept) kept.pop_front();
    bool all = true;
    for (std::size_t i = 0; i < kept.size(); ++i) {
      all = all && intact(kept[i], number + 1 - kept.size() + i);
    }
    good += all ? 1 : 0;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("%lu of %lu frames of %zu MiB intact, %.0f a second, %zu held in place at a time\n",
              good, kFrames, sizeof(Frame) >> 20, static_cast<double>(good) / took.count(), kKept);
  return good == kFrames;
}

}  // namespace

int main(int argc, char** argv) try {
  char scratch[] = "/dev/shm/towpath-frames-XXXXXX";
  const std::string folder = argc > 1 ? argv[1] : mkdtemp(scratch);
  const std::string path = folder + "/bus";

  const pid_t child = fork();  // before any bus is opened: each process opens its own
  if (child == 0) {
    camera(path);
    return 0;
  }
  const bool good = viewer(path);
  int status = 0;
  waitpid(child, &status, 0);

  std::filesystem::remove_all(argc > 1 ? path : folder);
  return good && status == 0 ? 0 : 1;
} catch (const tow::BadResult& bad) {
  std::fprintf(stderr, "image_frames: %s\n", bad.what());
  return 1;
}
