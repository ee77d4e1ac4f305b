#include "downstream/frame_writer.h"

#include <charconv>

#include "net/websocket_codec.h"

namespace evergate::downstream {
namespace {

constexpr std::size_t scratch_kept = 1024 * 1024;

void append_dispatch(std::string_view name, std::uint32_t seq, std::string_view d, std::string& out) {
  char digits[12];
  const auto end = std::to_chars(digits, digits + sizeof digits, seq).ptr;
  out += R"({"t":")";
  out += name;
  out += R"(","s":)";
  out.append(digits, end);
  out += R"(,"op":0,"d":)";
  out += d;
  out += '}';
}

}  // namespace

frame_writer::frame_writer(proto::compression transport) {
  if (transport != proto::compression::none) deflater_ = proto::deflater::make(transport);
}

void frame_writer::control(std::string_view frame, std::string& out) {
  wrap(frame, out);
}

void frame_writer::dispatch(std::string_view name, std::uint32_t seq, std::string_view d, std::string& out) {
  if (!deflater_ && !payloads_) {
    const auto mark = net::begin_server_frame(out);
    append_dispatch(name, seq, d, out);
    net::end_server_frame(out, mark, net::ws_opcode::text);
    return;
  }
  scratch_.clear();
  append_dispatch(name, seq, d, scratch_);
  wrap(scratch_, out);
  if (scratch_.capacity() > scratch_kept) std::string().swap(scratch_);
}

void frame_writer::wrap(std::string_view payload, std::string& out) {
  const auto mark = net::begin_server_frame(out);
  if (deflater_) {
    deflater_->compress(payload, out);
  } else if (payloads_) {
    proto::compress_payload(payload, out);
  } else {
    out += payload;
  }
  const bool binary = deflater_ || payloads_;
  net::end_server_frame(out, mark, binary ? net::ws_opcode::binary : net::ws_opcode::text);
}

}  // namespace evergate::downstream
