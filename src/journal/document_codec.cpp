#include "journal/document_codec.h"

#include <zstd.h>

#include "base/check.h"

namespace evergate::journal {

std::string compressed(std::string_view text, int level) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), level);
  base::check(ZSTD_isError(size) == 0, "zstd compresses into its own bound");
  out.resize(size);
  return out;
}

std::optional<std::string> decompressed(std::string_view frame, std::size_t size, std::size_t most) {
  if (size > most || ZSTD_getFrameContentSize(frame.data(), frame.size()) != size) return std::nullopt;
  std::string out(size, '\0');
  if (ZSTD_decompress(out.data(), out.size(), frame.data(), frame.size()) != size) return std::nullopt;
  return out;
}

}  // namespace evergate::journal
