#include "net/byte_buffer.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace evergate::net {

std::span<char> byte_buffer::prepare(std::size_t want) {
  const auto held = size();
  if (held == 0) {
    const bool used = end_ > capacity_ / 4;
    begin_ = end_ = 0;
    const bool oversized = !used && capacity_ > always_fine_ && capacity_ / 4 > want;
    oversized_turns_ = oversized ? oversized_turns_ + 1 : 0;
    if ((oversized && capacity_ > huge_) || oversized_turns_ > patience_) {
      capacity_ = 0;
      oversized_turns_ = 0;
    }
  }
  if (capacity_ - end_ >= want && capacity_ != 0) return {bytes_.get() + end_, capacity_ - end_};
  if (held + want <= capacity_) {
    std::memmove(bytes_.get(), bytes_.get() + begin_, held);
    begin_ = 0;
    end_ = held;
  } else {
    const auto needed = std::max(held + want, smallest_);
    move_to(held == 0 ? needed : std::max(needed, capacity_ * 2));
  }
  return {bytes_.get() + end_, capacity_ - end_};
}

void byte_buffer::move_to(std::size_t capacity) {
  const auto held = size();
  auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
  if (held != 0) std::memcpy(bytes.get(), bytes_.get() + begin_, held);
  bytes_ = std::move(bytes);
  capacity_ = capacity;
  begin_ = 0;
  end_ = held;
}

void byte_buffer::commit(std::size_t count) {
  base::check(count <= capacity_ - end_, "more committed than prepared");
  end_ += count;
}

void byte_buffer::append(std::string_view bytes) {
  if (bytes.empty()) return;
  std::memcpy(prepare(bytes.size()).data(), bytes.data(), bytes.size());
  commit(bytes.size());
}

}  // namespace evergate::net
