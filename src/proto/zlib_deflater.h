// zlib-stream, outbound: one stream for the life of a connection, sync-flushed after each payload, so that
// a message is exactly one payload and ends in 00 00 FF FF. About 260 KiB a connection. One thread.
#pragma once

#include <zlib.h>

#include "proto/compression.h"

namespace evergate::proto {

class zlib_deflater final : public deflater {
 public:
  zlib_deflater();
  ~zlib_deflater() override;
  zlib_deflater(const zlib_deflater&) = delete;
  zlib_deflater& operator=(const zlib_deflater&) = delete;

  void compress(std::string_view payload, std::string& out) override;

 private:
  z_stream stream_{};
};

}  // namespace evergate::proto
