// Where an inflater puts a payload: grows by doubling to a bound, is used again without reallocation, and
// gives memory back once payloads have been much smaller for a while. Owned by its inflater; one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace evergate::proto {

class payload_buffer {
 public:
  static constexpr std::size_t first_bytes = std::size_t{16} << 10;
  /// A buffer larger than this is given up after `calm_payloads` payloads that needed less than a quarter.
  static constexpr std::size_t keep_bytes = std::size_t{1} << 20;
  static constexpr unsigned calm_payloads = 64;

  /// `bytes_max` is the largest payload; one byte more is held, so that "too large" can be seen.
  explicit payload_buffer(std::size_t bytes_max) noexcept;

  /// Forgets the payload before, and perhaps the memory.
  void start();
  /// Room for more: at least one byte unless full().
  void grow();
  [[nodiscard]] char* space() noexcept { return data_.get() + size_; }
  [[nodiscard]] std::size_t space_bytes() const noexcept { return capacity_ - size_; }
  void produced(std::size_t bytes) noexcept { size_ += bytes; }

  [[nodiscard]] bool over() const noexcept { return size_ > bytes_max_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::string_view view() const noexcept { return {data_.get(), size_}; }

 private:
  const std::size_t bytes_max_;
  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  unsigned calm_ = 0;
};

}  // namespace evergate::proto
