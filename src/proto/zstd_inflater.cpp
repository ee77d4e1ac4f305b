#include "proto/zstd_inflater.h"

#include <fmt/format.h>
#include <zstd_errors.h>

#include <algorithm>

#include "base/check.h"
#include "proto/errc.h"
#include "proto/inflate_bound.h"

namespace evergate::proto {

zstd_inflater::zstd_inflater(inflate_limits limits)
    : limits_(limits), context_(ZSTD_createDCtx()), out_(limits.payload_bytes_max) {
  base::check(context_ != nullptr, "zstd: no decompression context");
  const int window_log = std::clamp(limits_.window_log_max, 10, 27);
  base::check(ZSTD_isError(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, window_log)) == 0,
              "zstd: window bound");
}

std::unexpected<base::error> zstd_inflater::broken(base::error why) {
  failed_ = true;
  return std::unexpected(std::move(why));
}

base::result<std::string_view> zstd_inflater::feed(std::string_view message) {
  if (failed_) return base::fail(errc::bad_compression, "zstd stream: it has failed before");
  if (message.size() > limits_.payload_bytes_max) {
    return broken({make_error_code(errc::too_large),
                   fmt::format("compressed payload is larger than {} bytes", limits_.payload_bytes_max)});
  }
  out_.start();
  // The library takes sixteen calls in a row without input for a broken stream.
  if (message.empty()) return out_.view();
  ZSTD_inBuffer in{message.data(), message.size(), 0};
  // A return of 0 only says that a frame ended, which the stream's frame never does. The message is done
  // when its input is used up and the output had room to spare.
  for (;;) {
    if (out_.space_bytes() == 0) out_.grow();
    ZSTD_outBuffer out{out_.space(), out_.space_bytes(), 0};
    const std::size_t status = ZSTD_decompressStream(context_.get(), &out, &in);
    if (ZSTD_isError(status) != 0) {
      const bool window = ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge;
      return broken({make_error_code(window ? errc::too_large : errc::bad_compression),
                     fmt::format("zstd stream: {}{}", ZSTD_getErrorName(status),
                                 window ? fmt::format(" (allowed: 2^{})", limits_.window_log_max) : "")});
    }
    out_.produced(out.pos);
    if (auto excess = judge_inflated(limits_, message.size(), out_.size())) return broken(std::move(*excess));
    if (in.pos == in.size && out.pos < out.size) return out_.view();
  }
}

}  // namespace evergate::proto
