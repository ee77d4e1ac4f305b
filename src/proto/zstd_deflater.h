// zstd-stream, outbound: one never-ending frame for the life of a connection, flushed after each payload.
// The window is 2^17, since bot and proxy both pay for it on every connection. One thread.
#pragma once

#include <zstd.h>

#include <memory>

#include "proto/compression.h"

namespace evergate::proto {

class zstd_deflater final : public deflater {
 public:
  zstd_deflater();

  void compress(std::string_view payload, std::string& out) override;

 private:
  struct free_context {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  };

  std::unique_ptr<ZSTD_CCtx, free_context> context_;
};

}  // namespace evergate::proto
