// Turns payloads into the WebSocket frames of one connection: text when plain, binary when compressed, the
// compression context living as long as the connection. Writes straight into the connection's output. One
// thread; its scratch buffer shrinks again after a large payload.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proto/compression.h"

namespace evergate::downstream {

class frame_writer {
 public:
  explicit frame_writer(proto::compression transport);

  /// IDENTIFY's payload compression: from now on every frame is a zlib blob of its own (all of them, since
  /// @discordjs/ws lets plain frames overtake compressed ones). Ignored under transport compression.
  void compress_payloads(bool on) noexcept { payloads_ = on; }

  /// A frame that is no dispatch.
  void control(std::string_view frame, std::string& out);
  /// `{"t":"NAME","s":SEQ,"op":0,"d":D}`; the name is free of escapes.
  void dispatch(std::string_view name, std::uint32_t seq, std::string_view d, std::string& out);

 private:
  void wrap(std::string_view payload, std::string& out);

  std::unique_ptr<proto::deflater> deflater_;
  bool payloads_ = false;
  std::string scratch_;
};

}  // namespace evergate::downstream
