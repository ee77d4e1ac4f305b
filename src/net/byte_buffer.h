// A contiguous buffer that bytes are read into at its end and taken from at its front, without zeroing what
// is about to be overwritten. Grows with what has really arrived and shrinks again when it has been too
// large for a while. One thread; its owner bounds what it holds.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace evergate::net {

class byte_buffer {
 public:
  /// Room for at least `want` bytes after what is held. Moves what is held.
  [[nodiscard]] std::span<char> prepare(std::size_t want);
  void commit(std::size_t count);
  void consume(std::size_t count) noexcept { begin_ += count; }
  void append(std::string_view bytes);

  [[nodiscard]] char* data() noexcept { return bytes_.get() + begin_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.get() + begin_, size()}; }
  void clear() noexcept { begin_ = end_ = 0; }

 private:
  static constexpr std::size_t smallest_ = 4096;
  static constexpr std::size_t always_fine_ = 16 * 1024;
  static constexpr std::size_t huge_ = std::size_t{1} << 20;
  static constexpr int patience_ = 16;

  void move_to(std::size_t capacity);

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  int oversized_turns_ = 0;
};

}  // namespace evergate::net
