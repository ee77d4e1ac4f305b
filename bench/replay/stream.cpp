#include "bench/replay/stream.h"

#include <array>
#include <fstream>
#include <iterator>

#include "net/websocket_codec.h"
#include "sim/discord.h"
#include "sim/frame_encoder.h"

namespace evergate::bench {
namespace {

constexpr std::int64_t start_ms = 1'770'000'000'000;
constexpr std::int64_t step_ms = 20;
constexpr std::uint64_t events_a_step = 100;

/// Takes the one connection's payloads as frames.
class recorder final : public sim::gateway_sink {
 public:
  explicit recorder(const std::string& codec) : encoder_(sim::frame_encoder::make(codec)) {}

  void send(sim::connection_id, std::string_view head, std::string_view body,
            std::string_view tail) override {
    payload_.clear();
    encoder_->encode(head, body, tail, payload_);
    net::append_frame(bytes, net::ws_role::server,
                      encoder_->binary() ? net::ws_opcode::binary : net::ws_opcode::text, payload_);
    if (head.starts_with(R"({"t":")")) ++dispatches;
  }
  void close(sim::connection_id, std::uint16_t, std::string_view) override {}
  void drop(sim::connection_id) override {}
  [[nodiscard]] bool congested(sim::connection_id) const override { return false; }

  std::string bytes;
  std::uint64_t dispatches = 0;

 private:
  std::unique_ptr<sim::frame_encoder> encoder_;
  std::string payload_;
};

}  // namespace

stream make_stream(const stream_options& options) {
  recorder out(options.codec);
  sim::discord_options about;
  about.world.guilds = options.guilds;
  about.world.members = options.members;
  about.world.seed = options.seed;
  about.heartbeat_interval_ms = 600'000;
  auto now = start_ms;
  sim::discord discord(about, out, now);
  discord.set_urls(
      {.main = "ws://replay", .resume = "ws://replay/resume", .dead = {}, .silent = {}, .unknown = {}});
  discord.open(1, {.compress = options.codec}, now);
  discord.receive(1,
                  std::string(R"({"op":2,"d":{"token":")") + sim::default_token +
                      R"(","intents":53608447,"large_threshold":250,"shard":[0,1],"properties":{}}})",
                  false, now);
  do discord.tick(now += step_ms);
  while (discord.backfilling());

  stream made;
  made.warm_at = out.bytes.size();
  const auto go_on = [&](std::uint64_t count) {
    const auto before = out.dispatches;
    for (std::uint64_t i = 0; out.dispatches - before < count; ++i) {
      if (i % events_a_step == 0) discord.tick(now += step_ms);
      discord.emit(1, {}, now);
    }
    return out.dispatches - before;
  };
  go_on(options.warm);
  made.counted_at = out.bytes.size();
  made.counted_events = go_on(options.counted);
  made.bytes = std::move(out.bytes);
  return made;
}

bool write_stream(const stream& what, const std::string& file) {
  std::ofstream out(file, std::ios::binary);
  const std::array<std::uint64_t, 3> head{what.warm_at, what.counted_at, what.counted_events};
  out.write(reinterpret_cast<const char*>(head.data()), sizeof head);
  out.write(what.bytes.data(), static_cast<std::streamsize>(what.bytes.size()));
  return static_cast<bool>(out.flush());
}

std::optional<stream> read_stream(const std::string& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  std::array<std::uint64_t, 3> head{};
  const auto size = static_cast<std::int64_t>(in.tellg());
  if (size < static_cast<std::int64_t>(sizeof head)) return std::nullopt;
  in.seekg(0);
  in.read(reinterpret_cast<char*>(head.data()), sizeof head);
  stream made;
  made.bytes.resize(static_cast<std::size_t>(size) - sizeof head);
  in.read(made.bytes.data(), static_cast<std::streamsize>(made.bytes.size()));
  if (!in || head[0] > head[1] || head[1] > made.bytes.size()) return std::nullopt;
  made.warm_at = head[0];
  made.counted_at = head[1];
  made.counted_events = head[2];
  return made;
}

}  // namespace evergate::bench
