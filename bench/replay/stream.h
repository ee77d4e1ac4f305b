// What Discord sends down one connection, made beforehand: the simulator's events for a fixed seed,
// compressed and framed. The same seed and options give the same bytes on every machine with the same zlib
// and zstd.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace evergate::bench {

struct stream_options {
  std::string codec;           ///< "zstd-stream", "zlib-stream" or "" for none
  std::uint64_t warm = 0;      ///< dispatches before those that are counted
  std::uint64_t counted = 0;   ///< dispatches
  std::uint32_t guilds = 12;   ///< few, so that each is written again several times
  std::uint32_t members = 20;  ///< of a guild
  std::uint64_t seed = 7;
};

/// Bytes of frames, in three parts: up to the last GUILD_CREATE, the warm-up, and what is counted.
struct stream {
  std::string bytes;
  std::uint64_t warm_at = 0;
  std::uint64_t counted_at = 0;
  std::uint64_t counted_events = 0;

  [[nodiscard]] std::string_view setup() const noexcept { return std::string_view(bytes).substr(0, warm_at); }
  [[nodiscard]] std::string_view warm() const noexcept {
    return std::string_view(bytes).substr(warm_at, counted_at - warm_at);
  }
  [[nodiscard]] std::string_view counted() const noexcept {
    return std::string_view(bytes).substr(counted_at);
  }
};

[[nodiscard]] stream make_stream(const stream_options& options);
/// False when the file cannot be written.
[[nodiscard]] bool write_stream(const stream& what, const std::string& file);
[[nodiscard]] std::optional<stream> read_stream(const std::string& file);

}  // namespace evergate::bench
