#include "proto/zstd_deflater.h"

#include "base/check.h"

namespace evergate::proto {
namespace {

constexpr int zstd_level = 1;
constexpr int frame_window_log = 17;

}  // namespace

zstd_deflater::zstd_deflater() : context_(ZSTD_createCCtx()) {
  base::check(context_ != nullptr, "zstd: no compression context");
  const auto set = [this](ZSTD_cParameter what, int value) {
    base::check(ZSTD_isError(ZSTD_CCtx_setParameter(context_.get(), what, value)) == 0, "zstd: parameter");
  };
  set(ZSTD_c_compressionLevel, zstd_level);
  set(ZSTD_c_windowLog, frame_window_log);
}

void zstd_deflater::compress(std::string_view payload, std::string& out) {
  ZSTD_inBuffer in{payload.data(), payload.size(), 0};
  std::size_t used = out.size();
  out.resize(used + payload.size() / 2 + 64);
  for (;;) {
    ZSTD_outBuffer chunk{out.data() + used, out.size() - used, 0};
    const std::size_t left = ZSTD_compressStream2(context_.get(), &chunk, &in, ZSTD_e_flush);
    base::check(ZSTD_isError(left) == 0, "zstd: compress");
    used += chunk.pos;
    if (left == 0) break;
    out.resize(out.size() + payload.size() / 2 + left + 64);
  }
  out.resize(used);
}

}  // namespace evergate::proto
