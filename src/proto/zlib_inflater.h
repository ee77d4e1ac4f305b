// zlib-stream, inbound: one zlib stream for the life of a connection; a payload is complete when what has
// come in ends in 00 00 FF FF. Owned by its connection; one thread. Bounded by inflate_limits.
#pragma once

#include <zlib.h>

#include <string>

#include "proto/compression.h"
#include "proto/payload_buffer.h"

namespace evergate::proto {

class zlib_inflater final : public inflater {
 public:
  explicit zlib_inflater(inflate_limits limits);
  ~zlib_inflater() override;
  zlib_inflater(const zlib_inflater&) = delete;
  zlib_inflater& operator=(const zlib_inflater&) = delete;

  [[nodiscard]] base::result<std::string_view> feed(std::string_view message) override;

 private:
  [[nodiscard]] base::result<std::string_view> inflate_all(std::string_view compressed);
  [[nodiscard]] std::unexpected<base::error> broken(base::error why);

  const inflate_limits limits_;
  z_stream stream_{};
  std::string pending_;  ///< messages of a payload that is not complete; at most payload_bytes_max
  payload_buffer out_;
  bool failed_ = false;
};

}  // namespace evergate::proto
