#include "proto/compression.h"

#include <fmt/format.h>

#include "base/check.h"
#include "proto/errc.h"
#include "proto/zlib_deflater.h"
#include "proto/zlib_inflater.h"
#include "proto/zstd_deflater.h"
#include "proto/zstd_inflater.h"

namespace evergate::proto {
namespace {

/// Messages without compression are payloads already.
class pass_through final : public inflater {
 public:
  explicit pass_through(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

  [[nodiscard]] base::result<std::string_view> feed(std::string_view message) override {
    if (failed_) return base::fail(errc::too_large, "a payload before this one was too large");
    if (message.size() > bytes_max_) {
      failed_ = true;
      return base::fail(errc::too_large, fmt::format("payload is larger than {} bytes", bytes_max_));
    }
    return message;
  }

 private:
  const std::size_t bytes_max_;
  bool failed_ = false;
};

}  // namespace

std::string_view name_of(compression kind) noexcept {
  switch (kind) {
    case compression::none:
      return "";
    case compression::zlib_stream:
      return "zlib-stream";
    case compression::zstd_stream:
      return "zstd-stream";
  }
  return "";
}

std::optional<compression> compression_of(std::string_view name) noexcept {
  for (const auto kind : {compression::none, compression::zlib_stream, compression::zstd_stream}) {
    if (name == name_of(kind)) return kind;
  }
  return std::nullopt;
}

std::unique_ptr<inflater> inflater::make(compression kind, inflate_limits limits) {
  base::check(limits.payload_bytes_max > 0 && limits.ratio_max > 0, "inflate limits are positive");
  switch (kind) {
    case compression::zlib_stream:
      return std::make_unique<zlib_inflater>(limits);
    case compression::zstd_stream:
      return std::make_unique<zstd_inflater>(limits);
    case compression::none:
      break;
  }
  return std::make_unique<pass_through>(limits.payload_bytes_max);
}

std::unique_ptr<deflater> deflater::make(compression kind) {
  base::check(kind != compression::none, "no deflater for plain text");
  if (kind == compression::zlib_stream) return std::make_unique<zlib_deflater>();
  return std::make_unique<zstd_deflater>();
}

}  // namespace evergate::proto
