#pragma once
/// What the fuzz targets share: an input that is read like a file format, and a place for files.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

namespace tow::fuzz {

/// Hands out the bytes of an input; zeros and empty texts behind its end.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  template <class T>
  T number() {
    T value{};
    const std::size_t count = size_ < sizeof(T) ? size_ : sizeof(T);
    std::memcpy(&value, data_, count);
    skip(count);
    return value;
  }
  std::string_view text(std::size_t most) {
    const std::size_t count = size_ < most ? size_ : most;
    const std::string_view found(reinterpret_cast<const char*>(data_), count);
    skip(count);
    return found;
  }
  std::string_view rest() { return text(size_); }
  std::size_t left() const { return size_; }

 private:
  void skip(std::size_t count) {
    data_ += count;
    size_ -= count;
  }
  const std::uint8_t* data_;
  std::size_t size_;
};

/// A property that must hold; libFuzzer keeps the input that breaks it.
inline void require(bool holds) {
  if (!holds) std::abort();
}

inline void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace tow::fuzz
