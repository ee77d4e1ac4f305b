#include <fmt/format.h>

#include <initializer_list>

#include "fuzz/make_seeds.h"
#include "journal/document_codec.h"
#include "journal/event_blob.h"
#include "journal/losses.h"
#include "journal/records.h"
#include "net/websocket_codec.h"
#include "proto/compression.h"

namespace evergate::fuzz {
namespace {

using net::ws_opcode;
using net::ws_role;

constexpr std::string_view hello = R"({"op":10,"d":{"heartbeat_interval":41250},"t":null,"s":null})";
constexpr std::string_view event =
    R"({"op":0,"s":2,"t":"MESSAGE_CREATE","d":{"id":"175928847299117063","content":"hello","guild_id":"41771983423143937"}})";

void write_frames(const seed_writer& out) {
  for (const auto role : {ws_role::server, ws_role::client}) {
    const auto sender = role == ws_role::server ? ws_role::client : ws_role::server;
    const std::string flags(1, role == ws_role::server ? '\1' : '\0');
    const auto head = flags + number(0, 1) + number(0, 1) + number(7, 2);
    const auto name = role == ws_role::server ? "server" : "client";
    std::string stream;
    net::append_frame(stream, sender, ws_opcode::text, hello, 0x01020304);
    net::append_frame(stream, sender, ws_opcode::ping, "?", 0x01020304);
    net::append_frame(stream, sender, ws_opcode::binary, std::string(300, 'b'), 0xffffffff);
    net::append_frame(stream, sender, ws_opcode::pong, "", 9);
    out.write("websocket_frames", fmt::format("{}_messages", name), head + stream);

    std::string pieces;
    net::append_frame(pieces, sender, ws_opcode::text, "one ", 5);
    pieces[0] = static_cast<char>(0x01);  // text, more to come
    const auto second = pieces.size();
    net::append_frame(pieces, sender, ws_opcode::continuation, "two ", 6);
    pieces[second] = 0;
    net::append_frame(pieces, sender, ws_opcode::ping, "between", 7);
    net::append_frame(pieces, sender, ws_opcode::continuation, "three", 8);
    net::append_frame(pieces, sender, ws_opcode::close, net::close_payload(4009, "Session timed out."), 9);
    out.write("websocket_frames", fmt::format("{}_fragments", name), head + pieces);

    // Two pieces of a message that only together are past the limit of 100 bytes.
    std::string joined;
    net::append_frame(joined, sender, ws_opcode::binary, std::string(60, 'j'), 5);
    joined[0] = static_cast<char>(0x02);
    net::append_frame(joined, sender, ws_opcode::continuation, std::string(60, 'k'), 6);
    const auto limited = flags + number(2, 1) + number(0, 1) + number(7, 2);
    out.write("websocket_frames", fmt::format("{}_joined_past_the_limit", name), limited + joined);

    std::string large;
    net::append_frame(large, sender, ws_opcode::binary, std::string(66'000, 'x').substr(0, 65'600), 1);
    out.write("websocket_frames", fmt::format("{}_long_length", name), head + large.substr(0, 64));
    std::string bad;
    net::append_frame(bad, sender, ws_opcode::text, "\xff\xfe", 1);
    out.write("websocket_frames", fmt::format("{}_bad_text", name), head + bad);
  }
}

void write_streams(const seed_writer& out) {
  const auto streams = {std::pair{proto::compression::zlib_stream, "inflate_zlib"},
                        std::pair{proto::compression::zstd_stream, "inflate_zstd"}};
  for (const auto& [kind, target] : streams) {
    const auto deflater = proto::deflater::make(kind);
    std::string script;
    for (const auto payload : {hello, event, event}) {
      std::string message;
      deflater->compress(payload, message);
      script += text(message);
    }
    for (const int limits : {0, 1, 2, 3}) {
      const auto head = number(static_cast<std::uint64_t>(limits), 1) + number(0, 1) + number(0, 1);
      out.write(target, fmt::format("events_{}", limits), head + number(5, 1) + script);
    }
    std::string bomb;
    proto::deflater::make(kind)->compress(std::string(3 << 20, 'a'), bomb);
    if (bomb.size() < 65'536) out.write(target, "bomb", number(0, 4) + text(bomb));
  }
}

template <class Value>
std::string encoded(std::uint8_t kind, const Value& value) {
  std::string out(1, static_cast<char>(kind));
  journal::encode(value, out);
  return out;
}

void write_stored(const seed_writer& out) {
  const std::string_view target = "stored_values";
  journal::ledger ledger;
  ledger.head = 7;
  out.write(target, "ledger", encoded(0, ledger));
  out.write(target, "session", encoded(1, flow::session_record{{3, 8}, "session", "wss://resume.test", 9}));
  out.write(target, "consumer", encoded(2, flow::consumer_record{"main", 1, {{2, {{5}, {6}}}, {1, {{7}}}}}));
  flow::downstream_record downstream;
  downstream.id = "0123456789abcdef";
  downstream.consumer = "main";
  downstream.resumable = true;
  out.write(target, "downstream", encoded(3, downstream));
  out.write(target, "sequences", encoded(4, std::vector<std::int64_t>{1, -1, 3}));
  out.write(target, "loss", encoded(1, journal::loss{.first = 3, .last = 9, .messages = 4, .since_ms = 7}));
  const auto document = journal::compressed(event, 1);
  journal::version_record version;
  version.state = journal::guild_state::available;
  version.raw_bytes = static_cast<std::uint32_t>(event.size());
  version.compressed = document;
  out.write(target, "version", encoded(5, version));

  flow::event_batch batch;
  batch.arena = event;
  flow::event_row row;
  row.offset.value = 5;
  row.size = static_cast<std::uint32_t>(event.size());
  batch.rows.push_back(row);
  journal::blob_builder builder;
  builder.add(batch, 0, journal::guild_effect::none);
  journal::blob_header header;
  header.retention = static_cast<std::uint8_t>(proto::event_class::message);
  header.round_first = header.round_last = 5;
  const auto key = journal::blob_key(proto::event_class::message, 5);
  std::string blob(builder.size(), '\0');
  builder.write(key, header, blob);
  out.write(target, "blob", number(6, 1) + key + blob);
  out.write(target, "blob_sealed",
            number(7, 1) + number(1, 1) + number(1, 1) + number(0, 1) + number(5, 8) + number(5, 8) +
                blob.substr(sizeof(header)));
  out.write(target, "blob_built",
            number(8, 1) + number(5, 4) + number(1, 1) + number(0, 1) + text("one") + number(1, 8) +
                number(0, 1) + number(4, 1) + text("two") + number(2, 8));
}

void write_bots(const seed_writer& out) {
  const auto message = [](std::string_view json) { return number(6, 1) + text(json); };
  const auto identify = message(
      R"({"op":2,"d":{"token":"secret-token","properties":{"browser":"discord.js"},"intents":513,"shard":[0,2],"presence":{"status":"idle"}}})");
  const auto started = number(1, 1);
  const auto beat = message(R"({"op":1,"d":7})");
  const std::pair<const char*, std::string> commands[] = {
      {"presence", R"({"op":3,"d":{"since":null,"activities":[],"status":"online","afk":false}})"},
      {"voice", R"({"op":4,"d":{"guild_id":"41771983423143937","channel_id":null,"self_mute":false}})"},
      {"members", R"({"op":8,"d":{"guild_id":["41771983423143937"],"query":"","limit":0,"nonce":"n"}})"},
      {"members_by_id", R"({"op":8,"d":{"guild_id":"41771983423143937","user_ids":["1"],"presences":true}})"},
      {"sounds", R"({"op":31,"d":{"guild_ids":["41771983423143937","81384788765712384"]}})"},
      {"channels", R"({"op":43,"d":{"guild_id":"41771983423143937","fields":["status"]}})"},
      {"unknown", R"({"op":99,"d":{}})"},
      {"broken", R"({"op":)"},
  };
  for (const auto& [name, json] : commands) {
    out.write("client_commands", name, identify + started + beat + message(json));
  }
  // As long as a bot may send, and longer once it carries our nonce.
  auto longest = std::string(R"({"op":8,"d":{"guild_id":"41771983423143937","limit":0,"query":")");
  longest += std::string(4090 - longest.size(), 'q') + "\"}}";
  out.write("client_commands", "longest", identify + started + message(longest));
  out.write("client_commands", "no_room",
            identify + started + number(5, 1) + number(1, 1) + message(commands[2].second));
  out.write(
      "client_commands", "resume",
      message(R"({"op":6,"d":{"token":"Bot secret-token","session_id":"abc","seq":5}})") + started + beat);
  out.write("client_commands", "asked",
            identify + started + number(3, 1) + beat + number(0, 1) + number(30'000, 2));
  out.write("client_commands", "invalidated", identify + number(2, 1) + identify);
}

void write_sessions(const seed_writer& out) {
  const std::string open = number(2, 1);
  const std::string greet = number(11, 1) + number(0, 1) + number(41'250, 3);
  const std::string ready = number(11, 1) + number(1, 1) + number(0, 1);
  const std::string resumed = number(11, 1) + number(2, 1) + number(1, 1);
  const std::string message = number(11, 1) + number(3, 1);
  const std::string commit = number(5, 1) + number(0, 1);
  const auto timer = [](int kind) { return number(9, 1) + number(static_cast<std::uint64_t>(kind), 1); };
  const auto closed = [](int code) {
    return number(3, 1) + number(0, 1) + number(static_cast<std::uint64_t>(code - 4000), 1);
  };
  const std::string turn = number(4, 1) + number(0, 1);
  const auto live = turn + open + greet + ready + commit + message;
  const std::string fresh = number(0, 1);
  const std::string stored = number(7, 1);
  out.write("upstream_session", "live", fresh + live);
  out.write("upstream_session", "resumed", stored + open + greet + message + resumed + commit);
  for (const int code : {4000, 4004, 4007, 4008, 4009}) {
    out.write("upstream_session", fmt::format("closed_{}", code),
              fresh + live + commit + closed(code) + timer(2) + open + greet + resumed);
  }
  for (const int op : {1, 2}) {
    const auto payload =
        number(11, 1) + number(5, 1) + number(static_cast<std::uint64_t>(op), 1) + number(0, 1);
    out.write("upstream_session", op == 1 ? "reconnect" : "invalid",
              fresh + live + payload + commit + timer(2) + open + greet + resumed);
  }
  out.write("upstream_session", "zombie", fresh + live + timer(0) + timer(0) + timer(0) + timer(2));
  out.write("upstream_session", "commands",
            fresh + live + number(7, 1) + number(0, 2) + number(7, 1) + number(1, 2));
}

}  // namespace

void write_binary_seeds(const seed_writer& out) {
  write_frames(out);
  write_streams(out);
  write_stored(out);
  write_bots(out);
  write_sessions(out);
}

}  // namespace evergate::fuzz
