#include "sim/frame_encoder.h"

#include <zlib.h>
#include <zstd.h>

#include <array>

#include "base/check.h"

namespace evergate::sim {
namespace {

constexpr std::size_t step_bytes = 32 * 1024;
constexpr int zstd_level = 1;
constexpr int zstd_window_log = 17;

class plain_encoder final : public frame_encoder {
 public:
  [[nodiscard]] bool binary() const noexcept override { return false; }
  void encode(std::string_view head, std::string_view body, std::string_view tail,
              std::string& out) override {
    out += head;
    out += body;
    out += tail;
  }
};

class zlib_encoder final : public frame_encoder {
 public:
  zlib_encoder() { base::check(deflateInit(&stream_, 1) == Z_OK, "deflateInit"); }
  ~zlib_encoder() override { deflateEnd(&stream_); }
  zlib_encoder(const zlib_encoder&) = delete;
  zlib_encoder& operator=(const zlib_encoder&) = delete;

  [[nodiscard]] bool binary() const noexcept override { return true; }
  [[nodiscard]] bool splittable() const noexcept override { return true; }
  void encode(std::string_view head, std::string_view body, std::string_view tail,
              std::string& out) override {
    feed(head, Z_NO_FLUSH, out);
    feed(body, Z_NO_FLUSH, out);
    feed(tail, Z_SYNC_FLUSH, out);
  }

 private:
  void feed(std::string_view piece, int flush, std::string& out) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(room_.data());
      stream_.avail_out = step_bytes;
      const int status = deflate(&stream_, flush);
      base::check(status == Z_OK || status == Z_BUF_ERROR, "deflate");
      out.append(room_.data(), step_bytes - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

  z_stream stream_{};
  std::array<char, step_bytes> room_;
};

class zstd_encoder final : public frame_encoder {
 public:
  zstd_encoder() : context_(ZSTD_createCCtx(), &ZSTD_freeCCtx) {
    base::check(context_ != nullptr, "ZSTD_createCCtx");
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, zstd_level);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, zstd_window_log);
  }

  [[nodiscard]] bool binary() const noexcept override { return true; }
  void encode(std::string_view head, std::string_view body, std::string_view tail,
              std::string& out) override {
    feed(head, ZSTD_e_continue, out);
    feed(body, ZSTD_e_continue, out);
    feed(tail, ZSTD_e_flush, out);
  }

 private:
  void feed(std::string_view piece, ZSTD_EndDirective how, std::string& out) {
    ZSTD_inBuffer in{piece.data(), piece.size(), 0};
    for (;;) {
      ZSTD_outBuffer room{room_.data(), step_bytes, 0};
      const std::size_t left = ZSTD_compressStream2(context_.get(), &room, &in, how);
      base::check(ZSTD_isError(left) == 0, "ZSTD_compressStream2");
      out.append(room_.data(), room.pos);
      if (in.pos == in.size && (how == ZSTD_e_continue || left == 0)) return;
    }
  }

  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
  std::array<char, step_bytes> room_;
};

}  // namespace

std::unique_ptr<frame_encoder> frame_encoder::make(std::string_view name) {
  if (name.empty()) return std::make_unique<plain_encoder>();
  if (name == "zlib-stream") return std::make_unique<zlib_encoder>();
  if (name == "zstd-stream") return std::make_unique<zstd_encoder>();
  return nullptr;
}

}  // namespace evergate::sim
