#include "proto/zlib_inflater.h"

#include <fmt/format.h>

#include <limits>

#include "base/check.h"
#include "proto/errc.h"
#include "proto/inflate_bound.h"

namespace evergate::proto {
namespace {

constexpr std::string_view flush_suffix("\x00\x00\xff\xff", 4);

}  // namespace

zlib_inflater::zlib_inflater(inflate_limits limits) : limits_(limits), out_(limits.payload_bytes_max) {
  base::check(inflateInit(&stream_) == Z_OK, "zlib: inflateInit");
}

zlib_inflater::~zlib_inflater() {
  inflateEnd(&stream_);
}

std::unexpected<base::error> zlib_inflater::broken(base::error why) {
  failed_ = true;
  pending_ = {};
  return std::unexpected(std::move(why));
}

base::result<std::string_view> zlib_inflater::feed(std::string_view message) {
  if (failed_) return base::fail(errc::bad_compression, "zlib stream: it has failed before");
  if (message.size() > limits_.payload_bytes_max - pending_.size()) {
    return broken({make_error_code(errc::too_large),
                   fmt::format("compressed payload is larger than {} bytes", limits_.payload_bytes_max)});
  }
  if (pending_.empty() && message.ends_with(flush_suffix)) return inflate_all(message);
  pending_.append(message);
  if (!std::string_view(pending_).ends_with(flush_suffix)) return std::string_view();
  auto payload = inflate_all(pending_);
  if (pending_.capacity() > payload_buffer::keep_bytes) pending_ = {};
  pending_.clear();
  return payload;
}

base::result<std::string_view> zlib_inflater::inflate_all(std::string_view compressed) {
  out_.start();
  stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  std::size_t left = compressed.size();
  stream_.avail_in = 0;
  constexpr std::size_t avail_max = std::numeric_limits<uInt>::max();
  for (;;) {
    if (stream_.avail_in == 0) {
      stream_.avail_in = static_cast<uInt>(std::min(left, avail_max));
      left -= stream_.avail_in;
    }
    if (out_.space_bytes() == 0) out_.grow();
    const auto room = static_cast<uInt>(std::min(out_.space_bytes(), avail_max));
    stream_.next_out = reinterpret_cast<Bytef*>(out_.space());
    stream_.avail_out = room;
    const int status = inflate(&stream_, Z_SYNC_FLUSH);
    out_.produced(room - stream_.avail_out);
    if (auto excess = judge_inflated(limits_, compressed.size(), out_.size()))
      return broken(std::move(*excess));
    if (status == Z_STREAM_END) {
      return broken(
          {make_error_code(errc::bad_compression), "zlib stream: it ended, which zlib-stream never does"});
    }
    if (status != Z_OK && status != Z_BUF_ERROR) {
      return broken(
          {make_error_code(errc::bad_compression),
           fmt::format("zlib stream: {}", stream_.msg != nullptr ? stream_.msg : "needs a dictionary")});
    }
    if (stream_.avail_out != 0 && stream_.avail_in == 0 && left == 0) return out_.view();
    if (status == Z_BUF_ERROR && stream_.avail_out != 0) {
      return broken({make_error_code(errc::bad_compression), "zlib stream: it does not go on"});
    }
  }
}

}  // namespace evergate::proto
