// A gateway in a program of its own that decides otherwise when to reshard: only at night, only to a multiple
// of 16, and never with more than half of the day's session starts. DISCORD_TOKEN holds the bot's token.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "evergate/gateway_manager.h"

namespace {

bool at_night() {
  const auto now = std::chrono::system_clock::now();
  const auto since_midnight = now - std::chrono::floor<std::chrono::days>(now);
  return since_midnight >= std::chrono::hours(2) && since_midnight < std::chrono::hours(6);
}

/// decide_resharding: the count to go to now, 0 = not now.
std::uint32_t decide(const evergate::reshard_question& asked,
                     const evergate::standard_answer<evergate::reshard_question, std::uint32_t>& standard) {
  const std::uint32_t wanted = standard(asked);
  if (wanted == 0) return 0;
  // Past nine tenths of what a shard may hold the day does not matter any more.
  if (asked.fullest_percent < 90 && !at_night()) return 0;
  const std::uint32_t target = (wanted + 15) / 16 * 16;
  return target <= asked.remaining / 2 ? target : 0;
}

}  // namespace

int main() {
  evergate::gateway_options options;
  if (const char* token = std::getenv("DISCORD_TOKEN")) options.token = token;
  options.data_dir = "resharding-decision-data";
  options.reshard.automatic = true;
  options.controllers.decide_resharding = decide;

  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int one : {SIGINT, SIGTERM}) ::sigaddset(&signals, one);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  auto manager = evergate::create_gateway_manager(std::move(options));
  if (!manager) return std::fprintf(stderr, "%s\n", manager.error().text().c_str()), 2;
  if (auto started = (*manager)->start(); !started) {
    return std::fprintf(stderr, "%s\n", started.error().text().c_str()), 2;
  }
  int signal = 0;
  ::sigwait(&signals, &signal);
  for (const auto& one : (*manager)->controllers()) {
    if (one.calls == 0) continue;
    std::printf("%s: asked %llu times, failed %llu\n", one.name.c_str(),
                static_cast<unsigned long long>(one.calls), static_cast<unsigned long long>(one.failures));
  }
  (*manager)->shutdown();
}
