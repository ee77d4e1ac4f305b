// Transport compression of the gateway, both ways: zlib-stream and zstd-stream with one context per
// connection. A context lives in the object of its connection and dies with it, so that bytes of an old
// socket can never enter a new stream. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace evergate::proto {

enum class compression : std::uint8_t { none, zlib_stream, zstd_stream };

/// The value of the `compress` query parameter: "", "zlib-stream", "zstd-stream".
[[nodiscard]] std::string_view name_of(compression kind) noexcept;
[[nodiscard]] std::optional<compression> compression_of(std::string_view name) noexcept;

struct inflate_limits {
  std::size_t payload_bytes_max = std::size_t{64} << 20;  ///< one inflated payload
  std::size_t ratio_max = 200;  ///< inflated ÷ compressed, judged past 1 MiB inflated
  int window_log_max = 23;      ///< zstd: the largest window accepted, 10 to 27
};

/// Turns the WebSocket messages of one connection into payloads.
class inflater {
 public:
  /// For `none`, messages pass as they are, bounded by payload_bytes_max.
  [[nodiscard]] static std::unique_ptr<inflater> make(compression kind, inflate_limits limits = {});
  virtual ~inflater() = default;

  /// Feeds one WebSocket message. Returns the payload when one is complete (valid until the next call), an
  /// empty view when more messages are needed (zlib-stream without its 00 00 FF FF suffix) or nothing came
  /// out. After an error every further call fails.
  [[nodiscard]] virtual base::result<std::string_view> feed(std::string_view message) = 0;
};

/// Turns payloads into the bytes of WebSocket messages, flushed so that each stands alone in its message.
class deflater {
 public:
  /// kind must not be `none`. zstd uses windowLog 17 and zlib the default window, both at a fast level.
  [[nodiscard]] static std::unique_ptr<deflater> make(compression kind);
  virtual ~deflater() = default;

  /// Appends the compressed message for `payload` to `out`.
  virtual void compress(std::string_view payload, std::string& out) = 0;
};

/// IDENTIFY's payload compression (`compress: true`): one payload as a zlib blob of its own.
void compress_payload(std::string_view payload, std::string& out);

}  // namespace evergate::proto
