/// peer_copies: large payloads without a message bus: the one buffer that both use in place, and a
/// copy in and a copy out.

#include <memory>

#include "bench/harness/large.hpp"
#include "bench/harness/one_way.hpp"

namespace towbench {
namespace {

constexpr std::size_t kLargest = std::size_t{8} << 20;
constexpr std::size_t kBuffers = 2;  ///< the copies take turns

/// A buffer that one process fills and the other reads; a bare line says which message it holds.
/// With copies: filled and read in private memory, copied in and out.
template <std::size_t kBytes, bool kCopies>
class BufferLink {
  using Local = std::unique_ptr<std::byte[]>;
  static std::byte* buffer(Stage& stage, std::uint64_t number) {
    return stage.large_memory() + (kCopies ? number % kBuffers * kLargest : 0);
  }

 public:
  static constexpr std::size_t kMessagesOfSample = large_messages_of_sample(kBytes);

  class Sender {
   public:
    explicit Sender(Stage& stage) : stage_(stage), local_(new std::byte[kBytes]) {}
    void ready() {}
    void send(std::uint64_t stamp) {
      std::byte* const shared = buffer(stage_, ++number_);
      std::byte* const filled = kCopies ? local_.get() : shared;
      write_large({filled, kBytes}, stamp, number_, Touch::whole);
      if (kCopies) std::memcpy(shared, filled, kBytes);
      line().number.store(number_, std::memory_order_release);
    }

   private:
    Line& line() { return *reinterpret_cast<Line*>(stage_.peer_memory()); }
    Stage& stage_;
    Local local_;
    std::uint64_t number_ = 0;
  };

  class Receiver {
   public:
    explicit Receiver(Stage& stage) : stage_(stage), local_(new std::byte[kBytes]) {}
    template <class OnArrival>
    bool poll(OnArrival&& on_arrival) {
      const auto& line = *reinterpret_cast<const Line*>(stage_.peer_memory());
      if (line.number.load(std::memory_order_acquire) != number_ + 1) return false;
      const std::byte* from = buffer(stage_, ++number_);
      if (kCopies) {
        std::memcpy(local_.get(), from, kBytes);
        from = local_.get();
      }
      read_large({from, kBytes}, number_, Touch::whole, on_arrival);
      return true;
    }

   private:
    Stage& stage_;
    Local local_;
    std::uint64_t number_ = 0;
  };
};

template <std::size_t kBytes>
void add(std::vector<Experiment>& all) {
  all.push_back(one_way<BufferLink<kBytes, false>>(
      fmt::format("large_{}_one_buffer", kBytes >> 10), "one buffer, filled and read in place",
      {"one buffer in place", "1to1", kBytes, "whole", "", "", {}}));
  all.push_back(one_way<BufferLink<kBytes, true>>(
      fmt::format("large_{}_copies", kBytes >> 10), "private memory, memcpy in and out",
      {"memcpy in and out", "1to1", kBytes, "whole", "", "", {}}));
}

}  // namespace

void add_experiments(std::vector<Experiment>& all) {
  add<64 << 10>(all);
  add<1 << 20>(all);
  add<8 << 20>(all);
}

}  // namespace towbench
