#include "proto/zlib_deflater.h"

#include "base/check.h"

namespace evergate::proto {
namespace {

constexpr int zlib_level = 1;
constexpr std::size_t step_max = std::size_t{1} << 30;

/// Runs the stream over the payload with `flush` at its end, appending to out.
void run(z_stream& stream, std::string_view payload, int flush, std::string& out) {
  std::size_t used = out.size();
  stream.avail_in = 0;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(payload.data()));
  std::size_t left = payload.size();
  // Events shrink to a third or less; a second round costs less than zeroing a worst case each time.
  out.resize(used + payload.size() / 2 + 64);
  for (;;) {
    if (stream.avail_in == 0 && left != 0) {
      stream.avail_in = static_cast<uInt>(std::min(left, step_max));
      left -= stream.avail_in;
    }
    const auto room = static_cast<uInt>(std::min(out.size() - used, step_max));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = room;
    const int status = deflate(&stream, left == 0 ? flush : Z_NO_FLUSH);
    base::check(status == Z_OK || status == Z_BUF_ERROR || status == Z_STREAM_END, "zlib: deflate");
    used += room - stream.avail_out;
    const bool done = flush == Z_FINISH ? status == Z_STREAM_END : stream.avail_out != 0;
    if (done && stream.avail_in == 0 && left == 0) break;
    if (stream.avail_out == 0) out.resize(out.size() + payload.size() / 2 + 64);
  }
  out.resize(used);
}

}  // namespace

zlib_deflater::zlib_deflater() {
  base::check(deflateInit(&stream_, zlib_level) == Z_OK, "zlib: deflateInit");
}

zlib_deflater::~zlib_deflater() {
  deflateEnd(&stream_);
}

void zlib_deflater::compress(std::string_view payload, std::string& out) {
  run(stream_, payload, Z_SYNC_FLUSH, out);
}

void compress_payload(std::string_view payload, std::string& out) {
  z_stream stream{};
  base::check(deflateInit(&stream, zlib_level) == Z_OK, "zlib: deflateInit");
  run(stream, payload, Z_FINISH, out);
  deflateEnd(&stream);
}

}  // namespace evergate::proto
