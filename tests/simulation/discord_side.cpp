#include "discord_side.h"

#include <charconv>
#include <cstring>
#include <utility>

#include "proto/json_view.h"
#include "proto/utf8.h"
#include "sim/frame_encoder.h"
#include "upstream/gateway_url.h"

namespace evergate::simulation {
namespace {

constexpr base::milliseconds tick_span{20};
constexpr base::milliseconds close_timeout{5'000};
constexpr std::size_t congested_bytes = 512 * 1024;
constexpr std::size_t slow_reader_bytes = 16 * 1024 * 1024;
constexpr std::string_view zlib_flush{"\x00\x00\xff\xff", 4};
constexpr std::string_view serial_key = R"({"_serial":)";

bool carries_nonce(std::string_view head) noexcept {
  return head.starts_with(R"({"t":"GUILD_MEMBERS_CHUNK")") || head.starts_with(R"({"t":"RATE_LIMITED")");
}

}  // namespace

std::uint64_t hash_of(std::string_view bytes) noexcept {
  std::uint64_t h = 0xcbf29ce484222325ULL;
  for (const char c : bytes) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return h;
}

std::uint64_t hash_of_reply(std::string_view d) {
  constexpr std::string_view key = R"("nonce":)";
  const auto meta = proto::member(d, "meta");
  const auto value = proto::member(meta.empty() ? d : meta, "nonce");
  if (value.empty()) return hash_of(d);
  auto from = static_cast<std::size_t>(value.data() - d.data()) - key.size();
  auto size = key.size() + value.size();
  if (d[from + size] == ',') {
    ++size;
  } else {
    --from;
    ++size;
  }
  std::string without(d);
  without.erase(from, size);
  return hash_of(without);
}

std::uint64_t serial_of(std::string_view d) noexcept {
  std::uint64_t out = 0;
  if (!d.starts_with(serial_key)) return 0;
  d.remove_prefix(serial_key.size());
  std::from_chars(d.data(), d.data() + d.size(), out);
  return out;
}

/// One client's socket, as Discord sees it.
class discord_side::peer final : public link_end {
 public:
  peer(discord_side& home, link_id id, std::unique_ptr<sim::frame_encoder> encoder)
      : home_(home),
        id_(id),
        encoder_(std::move(encoder)),
        decoder_(net::ws_role::server, {.message_bytes_max = 64 * 1024, .fragments_max = 16}) {}

  void send(std::string_view head, std::string_view body, std::string_view tail) {
    std::string payload;
    encoder_->encode(head, body, tail, payload);
    if (std::exchange(break_next_, false)) spoil(payload);
    if (std::exchange(split_next_, false)) {
      // Not inside a flush mark, which would end a piece as if it were whole.
      for (std::size_t left = 3; left > 1 && payload.size() > 64; --left) {
        auto cut = payload.size() / left;
        while (cut < payload.size() && std::string_view(payload).substr(0, cut).ends_with(zlib_flush)) ++cut;
        message(std::string_view(payload).substr(0, cut));
        payload.erase(0, cut);
      }
    }
    message(payload);
  }
  bool damage(enum sim::damage how) {
    switch (how) {
      case sim::damage::reset:
        home_.net_.reset(id_);
        return true;
      case sim::damage::stall:
        home_.net_.half_open(id_, side::client);
        [[fallthrough]];
      case sim::damage::half_open:
        home_.net_.half_open(id_, side::server);
        return true;
      case sim::damage::broken_message:
        return break_next_ = true;
      case sim::damage::split_message:
        return split_next_ = encoder_->splittable();
      case sim::damage::reserved_opcode:
        raw(std::string_view("\x83\x02{}", 4));
        return true;
      case sim::damage::reserved_bit:
        raw(std::string_view("\xc1\x02{}", 4));
        return true;
      case sim::damage::false_length:
        raw(std::string_view("\x81\x7f\x00\x00\x00\x00\x00\x10\x00\x00{\"t\":", 15));
        return true;
    }
    return false;
  }
  void close(std::uint16_t code, std::string_view reason) {
    std::string out;
    net::append_frame(out, net::ws_role::server, net::ws_opcode::close, net::close_payload(code, reason));
    home_.net_.send(id_, side::server, out);
    home_.timeline_.in(close_timeout, "discord close timeout", [&home = home_, id = id_] {
      if (!home.peers_.contains(id)) return;
      home.net_.abort(id, side::server);
      home.gone(id, 1006);
    });
  }

  void on_bytes(link_id, std::string_view bytes) override {
    const auto room = decoder_.prepare(bytes.size());
    std::memcpy(room.data(), bytes.data(), bytes.size());
    decoder_.commit(bytes.size());
    net::ws_decoder::item item;
    for (;;) {
      const auto outcome = decoder_.next(item);
      if (outcome == net::ws_decoder::outcome::need_more) return;
      if (outcome == net::ws_decoder::outcome::violation) {
        home_.net_.abort(id_, side::server);
        return home_.gone(id_, 1006);
      }
      if (item.opcode == net::ws_opcode::close) {
        const auto code = item.payload.size() < 2
                              ? std::uint16_t{1005}
                              : static_cast<std::uint16_t>(static_cast<unsigned char>(item.payload[0]) << 8 |
                                                           static_cast<unsigned char>(item.payload[1]));
        home_.net_.shut(id_, side::server);
        return home_.gone(id_, code);
      }
      const bool binary = item.opcode == net::ws_opcode::binary;
      if (!binary && item.opcode != net::ws_opcode::text) continue;
      home_.core_.receive(id_, item.payload, binary, home_.now_ms());
      if (!home_.peers_.contains(id_)) return;
    }
  }
  void on_end(link_id, bool) override {
    home_.net_.abort(id_, side::server);
    home_.gone(id_, 1006);
  }

 private:
  void raw(std::string_view bytes) { home_.net_.send(id_, side::server, bytes); }
  void message(std::string_view payload) {
    std::string out;
    net::append_frame(out, net::ws_role::server,
                      encoder_->binary() ? net::ws_opcode::binary : net::ws_opcode::text, payload);
    raw(out);
  }
  void spoil(std::string& payload) const {
    if (encoder_->binary()) {
      payload.replace(0, 3, "\xff\xff\xff");  // no block begins like this, neither of deflate nor of zstd
    } else {
      payload.pop_back();
    }
  }

  discord_side& home_;
  const link_id id_;
  std::unique_ptr<sim::frame_encoder> encoder_;
  bool break_next_ = false;
  bool split_next_ = false;
  net::ws_decoder decoder_;
};

discord_side::discord_side(virtual_time& time, trace& log, network& net, const sim::discord_options& options,
                           shard_watch& watch, std::uint64_t seed)
    : timeline_(time),
      log_(log),
      net_(net),
      watch_(watch),
      chance_(seed),
      core_(options, *this, timeline_.unix_ms()) {
  core_.set_urls({.main = "ws://gateway.discord.test",
                  .resume = "ws://resume.discord.test/resume",
                  .dead = "ws://dead.discord.test",
                  .silent = "ws://silent.discord.test",
                  .unknown = "ws://discord.invalid"});
  tick();
}

discord_side::~discord_side() {
  for (const auto& [id, p] : peers_) net_.abort(id, side::server);
}

void discord_side::tick() {
  core_.tick(now_ms());
  timeline_.in(tick_span, "discord tick", [this] { tick(); });
}

void discord_side::gone(link_id which, std::uint16_t code) {
  net_.forget(which, side::server);
  core_.closed(which, code, now_ms());
  // The call can come from inside the peer.
  timeline_.soon("discord forgets", [this, which] { peers_.erase(which); });
}

std::uint64_t discord_side::content_of(std::uint64_t serial) const {
  const auto found = contents_.find(serial);
  return found == contents_.end() ? 0 : found->second;
}

void discord_side::send(sim::connection_id to, std::string_view head, std::string_view body,
                        std::string_view tail) {
  const auto found = peers_.find(to);
  if (found == peers_.end()) return;
  if (const auto serial = serial_of(body); serial != 0 && proto::valid_utf8(body))
    contents_.try_emplace(serial, carries_nonce(head) ? hash_of_reply(body) : hash_of(body));
  if (head.starts_with(R"({"t":null,"s":null,"op":9,)")) watch_.invalidated(to);
  log_.say("discord sends", head);
  found->second->send(head, body, tail);
  if (net_.unread(to, side::server) <= slow_reader_bytes) return;
  core_.slow_reader(to, now_ms());
  drop(to);
}

void discord_side::close(sim::connection_id to, std::uint16_t code, std::string_view reason) {
  log_.mark("discord closes", {static_cast<std::int64_t>(to), code});
  if (const auto found = peers_.find(to); found != peers_.end()) found->second->close(code, reason);
}

void discord_side::drop(sim::connection_id to) {
  if (!peers_.contains(to)) return;
  net_.abort(to, side::server);
  timeline_.soon("discord drops", [this, to] {
    if (peers_.contains(to)) gone(to, 1006);
  });
}

bool discord_side::congested(sim::connection_id to) const {
  return net_.unread(to, side::server) > congested_bytes;
}

bool discord_side::damage(sim::connection_id to, enum sim::damage how) {
  const auto found = peers_.find(to);
  return found != peers_.end() && found->second->damage(how);
}

link_end* discord_side::accept(link_id which, const std::string& request) {
  sim::gateway_request asked;
  asked.resume_path = request.find("/resume") != std::string::npos;
  if (request.find("zlib-stream") != std::string::npos) asked.compress = "zlib-stream";
  if (request.find("zstd-stream") != std::string::npos) asked.compress = "zstd-stream";
  auto made = std::make_unique<peer>(*this, which, sim::frame_encoder::make(asked.compress));
  auto* const out = made.get();
  peers_.emplace(which, std::move(made));
  core_.open(which, asked, now_ms());
  return out;
}

dial_fate discord_side::fate_of(const net::url& where) {
  using kind = dial_fate::kind;
  if (where.host == "dead.discord.test" || where.host == "discord.invalid") return {kind::refuse};
  if (where.host == "silent.discord.test") return {kind::silence};
  const auto verdict = core_.knock({.resume_path = where.path.starts_with("/resume")});
  switch (verdict.how) {
    case sim::upgrade_verdict::answer::accept:
      return {};
    case sim::upgrade_verdict::answer::refuse:
      return {kind::refuse};
    case sim::upgrade_verdict::answer::delay:
      return {kind::accept, base::milliseconds(verdict.delay_ms)};
    case sim::upgrade_verdict::answer::silence:
      return {kind::silence};
  }
  return {};
}

link_id discord_side::dial(link_end& client, std::uint32_t who, const std::string& address, bool own_address,
                           proto::compression compress) {
  const auto url = upstream::gateway_url(address, compress);
  const auto fate = url ? fate_of(*url) : dial_fate{dial_fate::kind::refuse};
  const auto id = net_.dial(client, *this, url ? url->text() : std::string(), fate);
  log_.say("shard dials", address);
  log_.mark("", {who, static_cast<std::int64_t>(id), static_cast<std::int64_t>(fate.how)});
  // One address may be both.
  watch_.dialed(who, id, own_address);
  return id;
}

std::optional<proto::identify_limits> discord_side::limits(base::instant now) {
  if (core_.rest_fault("gateway/bot")) return std::nullopt;
  main_url_ = core_.gateway_url();
  const auto& o = core_.options();
  return proto::identify_limits{o.max_concurrency, o.identify_total, core_.identifies_left(now_ms()),
                                now + base::milliseconds(core_.identify_reset_ms(now_ms()))};
}

void discord_side::sent(std::uint32_t who, link_id on, const std::string& session, std::string_view frame) {
  log_.say("shard sends", frame.substr(0, 40));
  watch_.sent(who, on, session, frame);
}

}  // namespace evergate::simulation
