// zstd-stream, inbound: one zstd context for the life of a connection, each WebSocket message one payload.
// Owned by its connection; one thread. Bounded by inflate_limits, the window by window_log_max.
#pragma once

#include <zstd.h>

#include <memory>

#include "proto/compression.h"
#include "proto/payload_buffer.h"

namespace evergate::proto {

class zstd_inflater final : public inflater {
 public:
  explicit zstd_inflater(inflate_limits limits);

  [[nodiscard]] base::result<std::string_view> feed(std::string_view message) override;

 private:
  struct free_context {
    void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
  };

  [[nodiscard]] std::unexpected<base::error> broken(base::error why);

  const inflate_limits limits_;
  std::unique_ptr<ZSTD_DCtx, free_context> context_;
  payload_buffer out_;
  bool failed_ = false;
};

}  // namespace evergate::proto
