// evergate-sim: simulated Discord as a program. Prints one line of JSON with its ports when it is ready and
// runs until POST /control/quit, SIGINT or SIGTERM.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <random>
#include <thread>

#include "sim/server.h"

namespace {

using namespace evergate;

struct settings {
  sim::server_options server;
  sim::discord_options discord;
  std::string token = sim::default_token;
};

// The bot's id is the first part of its token, in base64.
std::optional<sim::snowflake> bot_of(std::string_view token) {
  const std::string_view part = token.substr(0, token.find('.'));
  std::string digits;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : part) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t value = alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    if ((held += 6) >= 8) digits += static_cast<char>((bits >> (held -= 8)) & 0xff);
  }
  sim::snowflake id = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (failure != std::errc{} || end != digits.data() + digits.size() || id == 0) return std::nullopt;
  return id;
}

void describe_world(CLI::App& app, sim::world_options& world) {
  app.add_option("--guilds", world.guilds, "guilds")->check(CLI::Range(10, 200'000))->capture_default_str();
  app.add_option("--members", world.members, "members of an ordinary guild")
      ->check(CLI::Range(2, 10'000))
      ->capture_default_str();
  app.add_flag("--members-even", world.members_even, "every guild has exactly --members");
  app.add_option("--channels", world.channels, "channels of every guild; 0 = a dozen or so")
      ->check(CLI::Range(0, 500))
      ->capture_default_str();
  app.add_option("--roles", world.roles, "roles of every guild; 0 = a few")
      ->check(CLI::Range(0, 250))
      ->capture_default_str();
  app.add_option("--seed", world.seed, "seed of world and events")->capture_default_str();
}

void describe(CLI::App& app, settings& s) {
  auto& d = s.discord;
  app.add_option("--address", s.server.address, "address to listen on")->capture_default_str();
  app.add_option("--port", s.server.port, "gateway and REST port; 0 = any free one")->capture_default_str();
  app.add_option("--control-port", s.server.control_port, "control port; 0 = any free one")
      ->capture_default_str();
  app.add_option("--public-host", s.server.public_host, "host in the URLs given out (default: the address)");
  app.add_option("--tls-cert", s.server.tls_certificate, "PEM chain: gateway and REST over TLS");
  app.add_option("--tls-key", s.server.tls_key, "PEM key of --tls-cert");
  describe_world(app, d.world);
  app.add_option("--rate", d.events_per_second, "events a second from the start")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app.add_option("--message-bytes", d.mix.message_bytes, "average size of a message")
      ->check(CLI::Range(1000, 1'000'000))
      ->capture_default_str();
  app.add_option("--token", s.token,
                 "the bot's token: base64(bot id).x.y (default: see docs/simulated-discord.md)");
  app.add_option("--intents-allowed", d.intents_allowed, "intents that the bot may use; others: 4014")
      ->capture_default_str();
  app.add_option("--shards", d.shards, "shards recommended by /gateway/bot")
      ->check(CLI::Range(1, 65'536))
      ->capture_default_str();
  app.add_option("--max-concurrency", d.max_concurrency, "IDENTIFY buckets")
      ->check(CLI::Range(1, 65'536))
      ->capture_default_str();
  app.add_option("--guilds-per-shard-max", d.guilds_per_shard_max, "more guilds a shard: 4011")
      ->capture_default_str();
  app.add_option("--shard-multiple", d.shard_multiple, "shard counts must be a multiple of it: else 4010")
      ->check(CLI::Range(1, 65'536))
      ->capture_default_str();
  app.add_option("--identify-total", d.identify_total, "session starts a day")->capture_default_str();
  app.add_option("--limit-consequence", d.limit_consequence, "of one session start too many: reset, refuse")
      ->transform(CLI::CheckedTransformer(std::map<std::string, sim::limit_consequence>{
          {"reset", sim::limit_consequence::reset}, {"refuse", sim::limit_consequence::refuse}}))
      ->default_str("reset");
  app.add_option("--identify-interval-ms", d.identify_interval_ms, "between IDENTIFYs of one bucket")
      ->check(CLI::Range(0, 60'000))
      ->capture_default_str();
  app.add_option("--heartbeat-interval-ms", d.heartbeat_interval_ms, "what HELLO says")
      ->check(CLI::Range(100, 600'000))
      ->capture_default_str();
  app.add_option("--session-ttl-ms", d.session_ttl_ms, "how long a disconnected session can be resumed")
      ->capture_default_str();
  app.add_option("--op7-close-ms", d.op7_close_ms, "from op 7 to the close")->capture_default_str();
  app.add_option("--replay-max", d.replay_max, "events kept for RESUME; 0 = max(100, min(3500, 75 * guilds))")
      ->capture_default_str();
  app.add_option("--replay-bytes-max", d.replay_bytes_max, "bytes kept for RESUME, of one session")
      ->capture_default_str();
  app.add_option("--replay-prune", d.replay_prune, "a heartbeat frees the events it acknowledges")
      ->capture_default_str();
  app.add_option("--guild-create-rate", d.guild_create_rate, "guilds a second and session after READY")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--sends-max", d.sends_max, "payloads a minute and connection")->capture_default_str();
  app.add_option("--connections-max", d.connections_max, "open connections")->capture_default_str();
  app.add_option("--ledger-max", d.ledger_max, "dispatches kept in the ledger")->capture_default_str();
  app.add_option("--output-bytes-max", s.server.output_bytes_max, "output kept for a slow client")
      ->capture_default_str();
}

int run(const settings& s) {
  sigset_t signals;  // blocked before any thread is made, so that only the waiter takes them
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  net::event_loop loop;
  auto made = sim::server::start(loop, s.server, s.discord, [&loop] { loop.stop(); });
  if (!made) {
    std::fprintf(stderr, "evergate-sim: %s\n", made.error().text().c_str());
    return 1;
  }
  std::thread waiter([&loop, signals] {
    int which = 0;
    sigwait(&signals, &which);
    loop.stop();
  });
  std::printf("{\"gateway\":%u,\"control\":%u}\n", (*made)->gateway_port(), (*made)->control_port());
  std::fflush(stdout);
  loop.run();
  pthread_kill(waiter.native_handle(), SIGTERM);  // wakes the waiter when the end came by /control/quit
  waiter.join();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Simulated Discord: gateway, REST and a control API. Prints {\"gateway\":PORT,\"control\":PORT} when "
      "ready."};
  settings s;
  describe(app, s);
  CLI11_PARSE(app, argc, argv);
  const auto bot = bot_of(s.token);
  if (!bot) {
    std::fprintf(stderr, "evergate-sim: --token must begin with the base64 of a bot's id, then .x.y\n");
    return 1;
  }
  if (s.server.tls_certificate.empty() != s.server.tls_key.empty()) {
    std::fprintf(stderr, "evergate-sim: --tls-cert and --tls-key belong together\n");
    return 1;
  }
  s.discord.world.bot = *bot;
  // A restarted simulator must not know the session ids of its former life.
  s.discord.session_seed = std::random_device{}();
  s.discord.token = base::secret(s.token);
  return run(s);
}
