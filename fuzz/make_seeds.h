// Writes seeds, one folder a target, one file a seed. Build tool; one thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace evergate::fuzz {

class seed_writer {
 public:
  explicit seed_writer(std::filesystem::path root) : root_(std::move(root)) {}
  void write(std::string_view target, std::string_view name, std::string_view bytes) const;

 private:
  std::filesystem::path root_;
};

/// `value` in `bytes` bytes, little-endian: what input::number reads.
[[nodiscard]] std::string number(std::uint64_t value, std::size_t bytes);
/// What input::text reads.
[[nodiscard]] std::string text(std::string_view bytes);

/// Frames, compressed streams, stored values and scripts for the two session machines.
void write_binary_seeds(const seed_writer& out);

}  // namespace evergate::fuzz
