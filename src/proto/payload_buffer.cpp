#include "proto/payload_buffer.h"

#include <algorithm>
#include <cstring>

namespace evergate::proto {

payload_buffer::payload_buffer(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

void payload_buffer::start() {
  if (capacity_ > keep_bytes && size_ < capacity_ / 4) {
    if (++calm_ >= calm_payloads) {
      data_.reset();
      capacity_ = 0;
      calm_ = 0;
    }
  } else {
    calm_ = 0;
  }
  size_ = 0;
}

void payload_buffer::grow() {
  const std::size_t wanted = std::max(first_bytes, capacity_ * 2);
  const std::size_t bytes = std::min(wanted, bytes_max_ + 1);
  if (bytes <= capacity_) return;
  auto larger = std::make_unique_for_overwrite<char[]>(bytes);
  if (size_ != 0) std::memcpy(larger.get(), data_.get(), size_);
  data_ = std::move(larger);
  capacity_ = bytes;
}

}  // namespace evergate::proto
