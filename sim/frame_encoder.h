// Turns payloads into the bytes of WebSocket messages for one connection: as they are, as zlib-stream or as
// zstd-stream. Lives and dies with its connection, since the window is the stream's. One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace evergate::sim {

class frame_encoder {
 public:
  /// `name` as in the compress parameter; null for a name that is not known.
  [[nodiscard]] static std::unique_ptr<frame_encoder> make(std::string_view name);
  virtual ~frame_encoder() = default;

  /// Compressed payloads travel in binary messages.
  [[nodiscard]] virtual bool binary() const noexcept = 0;
  /// A payload may span several messages (zlib-stream).
  [[nodiscard]] virtual bool splittable() const noexcept { return false; }
  /// Appends the message for a payload given in three pieces.
  virtual void encode(std::string_view head, std::string_view body, std::string_view tail,
                      std::string& out) = 0;
};

}  // namespace evergate::sim
