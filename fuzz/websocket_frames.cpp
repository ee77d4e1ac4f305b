// Any bytes as a stream of frames, in both roles: what comes out does not depend on where the stream is cut,
// keeps the limits, and comes back the same when it is framed again.
#include <string>
#include <vector>

#include "base/check.h"
#include "base/rng.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "net/websocket_codec.h"
#include "proto/utf8.h"

namespace evergate::fuzz {
namespace {

using base::check;
using net::ws_decoder;
using net::ws_opcode;
using net::ws_role;

struct message {
  ws_opcode opcode;
  std::string payload;
  bool operator==(const message&) const = default;
};

struct outcome {
  std::vector<message> items;
  std::uint16_t violation = 0;
  std::size_t left = 0;
  bool operator==(const outcome&) const = default;
};

/// Takes what is there; true when the stream is broken.
bool drain(ws_decoder& decoder, outcome& out) {
  for (;;) {
    ws_decoder::item item;
    const auto got = decoder.next(item);
    if (got == ws_decoder::outcome::need_more) return false;
    if (got == ws_decoder::outcome::violation) {
      out.violation = decoder.violation().close_code;
      return true;
    }
    out.items.push_back({item.opcode, std::string(item.payload)});
  }
}

/// Feeds the stream in pieces of 1 to `piece_max` bytes.
outcome decode(ws_role role, net::ws_limits limits, std::string_view stream, std::size_t piece_max,
               base::rng& chance) {
  ws_decoder decoder(role, limits);
  outcome out;
  while (!stream.empty()) {
    const auto count = std::min(stream.size(), 1 + static_cast<std::size_t>(chance.below(piece_max)));
    const auto room = decoder.prepare(count);
    check(room.size() >= count, "prepare gives what was asked for");
    std::ranges::copy(stream.substr(0, count), room.begin());
    decoder.commit(count);
    stream.remove_prefix(count);
    if (drain(decoder, out)) return out;
  }
  out.left = decoder.buffered();
  return out;
}

void judge(const outcome& got, const net::ws_limits& limits) {
  check(got.violation == 0 || got.violation == 1002 || got.violation == 1007 || got.violation == 1009,
        "a violation has one of three codes");
  for (const auto& item : got.items) {
    const bool control = static_cast<unsigned>(item.opcode) >= 8;
    check(item.payload.size() <= (control ? 125 : limits.message_bytes_max), "a message within its limit");
    check(item.opcode != ws_opcode::continuation, "no fragment is handed out");
    if (item.opcode != ws_opcode::text || !limits.check_utf8) continue;
    std::string repaired;
    check(proto::append_repaired_utf8(item.payload, repaired) == 0, "a text message is UTF-8");
  }
}

/// The same messages, framed by us, decode to the same messages.
void frame_again(ws_role role, const net::ws_limits& limits, const std::vector<message>& items,
                 base::rng& chance) {
  const auto sender = role == ws_role::server ? ws_role::client : ws_role::server;
  std::string stream;
  for (const auto& item : items) {
    const auto begin = stream.size();
    net::append_frame(stream, sender, item.opcode, item.payload, static_cast<std::uint32_t>(chance()));
    if (sender == ws_role::client) continue;
    std::string in_place;
    const auto mark = net::begin_server_frame(in_place);
    in_place += item.payload;
    net::end_server_frame(in_place, mark, item.opcode);
    check(in_place == stream.substr(begin), "a frame built in place is the same frame");
  }
  const auto again = decode(role, limits, stream, 4096, chance);
  check(again.violation == 0 && again.left == 0 && again.items == items, "our own frames are read back");
}

}  // namespace

void run(std::string_view bytes) {
  input in(bytes);
  const auto flags = in.byte();
  const auto role = (flags & 1) != 0 ? ws_role::server : ws_role::client;
  net::ws_limits limits;
  constexpr std::size_t sizes[] = {std::size_t{64} << 20, 4096, 100, 1};
  limits.message_bytes_max = in.pick(sizes);
  constexpr std::size_t counts[] = {1024, 3, 1, 2};
  limits.fragments_max = in.pick(counts);
  limits.check_utf8 = (flags & 2) == 0;
  base::rng chance(in.number(2));
  const auto stream = in.rest();

  const auto whole = decode(role, limits, stream, ~std::size_t{0} >> 1, chance);
  const auto cut = decode(role, limits, stream, 1 + (flags >> 2) % 16, chance);
  check(whole == cut, "the cut makes no difference");
  judge(whole, limits);
  frame_again(role, limits, whole.items, chance);

  const auto close = net::close_payload(static_cast<std::uint16_t>(chance.below(5000)), stream);
  check(close.size() <= 125, "a close payload fits a control frame");
}

}  // namespace evergate::fuzz
