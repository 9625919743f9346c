/// peer_pipes: what the kernel carries byte by byte, a pipe and a Unix socket.

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "bench/harness/footprint.hpp"
#include "bench/harness/peer.hpp"

namespace towbench {
namespace {

constexpr int kBufferBytes = 1 << 20;

int checked(int result, const char* what) {
  if (result == -1) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

/// A descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ != -1) close(number_);
  }
  operator int() const { return number_; }

 private:
  int number_;
};

void write_whole(int to, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(to, bytes.data(), bytes.size());
    checked(written == -1 ? -1 : 0, "writing");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

/// Takes messages of one size out of a stream of bytes; each read takes as many as there are.
class Reader {
 public:
  Reader(Descriptor from, const Lane& lane)
      : from_(std::move(from)),
        message_bytes_(lane.bytes),
        buffer_(std::max<std::size_t>(lane.bytes, 64 << 10)) {
    if (lane.waits == Waits::spin) checked(fcntl(from_, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
  }
  template <class Use>
  bool take(Use&& use) {
    if (filled_ - used_ < message_bytes_ && !fill()) return false;
    use(std::span<const std::byte>(buffer_).subspan(used_, message_bytes_));
    used_ += message_bytes_;
    return true;
  }

 private:
  /// Reads on; says whether a whole message is there now.
  bool fill() {
    if (buffer_.size() - used_ < message_bytes_ || used_ == filled_) {
      std::memmove(buffer_.data(), buffer_.data() + used_, filled_ - used_);
      filled_ -= used_;
      used_ = 0;
    }
    const ssize_t got = read(from_, buffer_.data() + filled_, buffer_.size() - filled_);
    if (got == 0) throw Failure("the other end is gone");
    if (got == -1 && errno == EAGAIN) return false;
    checked(got == -1 ? -1 : 0, "reading");
    filled_ += static_cast<std::size_t>(got);
    return filled_ - used_ >= message_bytes_;
  }
  Descriptor from_;
  std::size_t message_bytes_;
  std::vector<std::byte> buffer_;
  std::size_t used_ = 0, filled_ = 0;
};

struct PipeChannel {
  static constexpr BestWaits kBest{Waits::spin, Waits::spin, Waits::block};

  /// Named, since its ends are opened in two processes; open for both so that none waits.
  static Descriptor open_end(const Stage& stage, const Lane& lane) {
    const std::string path = lane_path(stage, lane);
    if (mkfifo(path.c_str(), 0600) != 0 && errno != EEXIST) checked(-1, "mkfifo");
    Descriptor end(checked(open(path.c_str(), O_RDWR | O_CLOEXEC), "opening a pipe"));
    checked(fcntl(end, F_SETPIPE_SZ, kBufferBytes), "F_SETPIPE_SZ");
    return end;
  }

  class Out {
   public:
    Out(Stage& stage, const Lane& lane) : end_(open_end(stage, lane)) {}
    void ready() {}
    void send(std::span<const std::byte> bytes) { write_whole(end_, bytes); }

   private:
    Descriptor end_;
  };
  struct In : Reader {
    In(Stage& stage, const Lane& lane) : Reader(open_end(stage, lane), lane) {}
  };
};

struct UnixChannel {
  static constexpr BestWaits kBest{Waits::spin, Waits::spin, Waits::block};

  static Descriptor make_socket() {
    Descriptor end(checked(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    checked(setsockopt(end, SOL_SOCKET, SO_SNDBUF, &kBufferBytes, sizeof kBufferBytes),
            "SO_SNDBUF");
    return end;
  }
  static sockaddr_un address(const Stage& stage, const Lane& lane) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    lane_path(stage, lane).copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }

  class Out {
   public:
    Out(Stage& stage, const Lane& lane) : listening_(make_socket()) {
      const sockaddr_un at = address(stage, lane);
      checked(bind(listening_, reinterpret_cast<const sockaddr*>(&at), sizeof at), "bind");
      checked(listen(listening_, 1), "listen");
    }
    void ready() {
      end_ = Descriptor(checked(accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC), "accept"));
      checked(setsockopt(end_, SOL_SOCKET, SO_SNDBUF, &kBufferBytes, sizeof kBufferBytes),
              "SO_SNDBUF");
    }
    void send(std::span<const std::byte> bytes) { write_whole(end_, bytes); }

   private:
    Descriptor listening_, end_;
  };

  class In : public Reader {
   public:
    In(Stage& stage, const Lane& lane) : Reader(connected(stage, lane), lane) {}

   private:
    static Descriptor connected(Stage& stage, const Lane& lane) {
      Descriptor end = make_socket();
      const sockaddr_un to = address(stage, lane);
      Stage::Patience patience(stage);
      while (connect(end, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        if (errno != ENOENT && errno != ECONNREFUSED) checked(-1, "connect");
        patience.spin();
      }
      return end;
    }
  };
};

}  // namespace

void add_experiments(std::vector<Experiment>& all) {
  const Peer pipe{"pipe", "pipe", "", "A named pipe with room for 1 MiB."};
  add_pair<PipeChannel>(all, pipe);
  add_large<PipeChannel>(all, pipe);
  add_fan_in<PipeChannel>(all, pipe);
  add_footprint<PipeChannel>(all, pipe);
  const Peer socket{"unix", "Unix socket", "", "SOCK_STREAM with a send buffer of 1 MiB."};
  add_pair<UnixChannel>(all, socket);
  add_large<UnixChannel>(all, socket);
  add_footprint<UnixChannel>(all, socket);
}

}  // namespace towbench
