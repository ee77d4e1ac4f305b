// A bot inside the gateway's own process: no WebSocket between them. For every guild it asks who is in it,
// and awaits the answer in a coroutine; while that is suspended, other events go on.
//   embedded_bot evergate.toml
#include <evergate/configuration.h>
#include <evergate/gateway_manager.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace {

// Parameters are copied into the coroutine: an event's views end with the call.
evergate::detached greet(evergate::gateway_manager& gateway, std::uint64_t guild) {
  auto answer = gateway.request_members({.guild_id = guild});
  const auto members = co_await answer;
  if (!members) {
    std::fprintf(stderr, "guild %llu: %s\n", static_cast<unsigned long long>(guild),
                 members.error().text().c_str());
    co_return;
  }
  std::printf("guild %llu has %zu members, on shard %u\n", static_cast<unsigned long long>(guild),
              members->members.size(), gateway.calculate_shard_id(guild));
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  auto options = evergate::load_configuration(count > 1 ? arguments[1] : "");
  if (!options) return std::fprintf(stderr, "%s\n", options.error().text().c_str()), 2;

  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  evergate::gateway_manager* gateway = nullptr;
  options->events.dispatch = [&gateway](const evergate::dispatch_event& event) {
    if (event.type == "GUILD_CREATE") greet(*gateway, event.guild_id);
  };
  options->events.ready = [&gateway](evergate::shard_id shard) {
    const auto told =
        gateway->edit_shard_status(shard.id, R"({"since":null,"activities":[],"status":"idle","afk":false})");
    if (!told) std::fprintf(stderr, "%s\n", told.error().text().c_str());
  };
  options->events.fatal = [](const std::string& why) { std::fprintf(stderr, "fatal: %s\n", why.c_str()); };

  auto manager = evergate::create_gateway_manager(std::move(*options));
  if (!manager) return std::fprintf(stderr, "%s\n", manager.error().text().c_str()), 2;
  gateway = manager->get();  // before start(): events come from then on
  if (auto started = gateway->start(); !started) {
    return std::fprintf(stderr, "%s\n", started.error().text().c_str()), 2;
  }
  int signal = 0;
  sigwait(&signals, &signal);
  gateway->shutdown();
}
