// The least that a program has to do: take the daemon's configuration, start a gateway_manager, wait, stop.
// Bots connect to it as they connect to the daemon.
//   minimal_manager evergate.toml
#include <evergate/configuration.h>
#include <evergate/gateway_manager.h>

#include <csignal>
#include <cstdio>

int main(int count, char** arguments) {
  auto options = evergate::load_configuration(count > 1 ? arguments[1] : "");
  if (!options) return std::fprintf(stderr, "%s\n", options.error().text().c_str()), 2;

  // Before the library's threads are there, so that the signals come to sigwait() below.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  options->events.ready = [](evergate::shard_id shard) {
    std::printf("shard %u of %u is ready\n", shard.id, shard.count);
    std::fflush(stdout);
  };
  options->events.fatal = [](const std::string& why) { std::fprintf(stderr, "fatal: %s\n", why.c_str()); };

  auto manager = evergate::create_gateway_manager(std::move(*options));
  if (!manager) return std::fprintf(stderr, "%s\n", manager.error().text().c_str()), 2;
  if (auto started = (*manager)->start(); !started) {
    return std::fprintf(stderr, "%s\n", started.error().text().c_str()), 2;
  }
  std::printf("bots connect to port %u\n", (*manager)->port());
  std::fflush(stdout);

  int signal = 0;
  sigwait(&signals, &signal);
  (*manager)->shutdown();
  std::puts("stopped");
}
