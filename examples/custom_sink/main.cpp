// A sink of its own: writes every event as a line to standard output, once and in order, over restarts too.
// The offset of the last line that is out is kept in a file, and the next run continues after it: what came
// while the program was away is in the journal or replayed by Discord.
//   custom_sink evergate.toml OFFSET_FILE
#include <evergate/configuration.h>
#include <evergate/gateway_manager.h>

#include <csignal>
#include <cstdio>
#include <fstream>

int main(int count, char** arguments) {
  if (count != 3) return std::fprintf(stderr, "usage: custom_sink CONFIGURATION OFFSET_FILE\n"), 2;
  auto options = evergate::load_configuration(arguments[1]);
  if (!options) return std::fprintf(stderr, "%s\n", options.error().text().c_str()), 2;

  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const std::string offset_file = arguments[2];
  std::uint64_t offset = 0;
  if (std::ifstream(offset_file) >> offset) {
    options->dispatch_from = {evergate::start_position::kind::offset, offset};
  } else {
    options->dispatch_from = {evergate::start_position::kind::earliest, 0};
  }
  // One call after the other, on the event thread. It may block: what comes next waits in the journal.
  options->events.dispatch = [&](const evergate::dispatch_event& event) {
    std::printf("{\"t\":\"%.*s\",\"d\":%.*s}\n", static_cast<int>(event.type.size()), event.type.data(),
                static_cast<int>(event.d.size()), event.d.data());
    std::fflush(stdout);
    std::ofstream(offset_file, std::ios::trunc) << event.offset << '\n';
  };

  auto manager = evergate::create_gateway_manager(std::move(*options));
  if (!manager) return std::fprintf(stderr, "%s\n", manager.error().text().c_str()), 2;
  if (auto started = (*manager)->start(); !started) {
    return std::fprintf(stderr, "%s\n", started.error().text().c_str()), 2;
  }
  int signal = 0;
  sigwait(&signals, &signal);
  (*manager)->shutdown();
}
