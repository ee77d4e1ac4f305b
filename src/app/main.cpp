// The daemon: reads its configuration, makes a gateway_manager and waits for a signal.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>

#include "app/configuration.h"
#include "app/option_table.h"
#include "evergate/gateway_manager.h"
#include "journal/dump.h"

namespace {

using namespace evergate;

int complain(const error& problem) {
  std::fprintf(stderr, "evergate: %s\n", problem.text().c_str());
  return 2;
}

/// Blocks the signals that end the daemon, in this thread and all that it starts.
sigset_t block_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

int run(const std::string& config) {
  auto options = app::load_configuration(config, app::process_environment());
  if (!options) return complain(options.error());
  const sigset_t signals = block_signals();
  auto manager = create_gateway_manager(std::move(*options));
  if (!manager) return complain(manager.error());
  if (auto started = (*manager)->start(); !started) return complain(started.error());
  // A fatal close code ends the shards, not the process: bots stay connected and are served what is queued,
  // /health says no, and no supervisor starts us again and again on a token that Discord refuses.
  int signal = 0;
  while (::sigwait(&signals, &signal) == 0 && signal == SIGHUP) {
    if (auto reloaded = (*manager)->reload_certificates(); !reloaded) complain(reloaded.error());
  }
  const std::string why = (*manager)->fatal();
  (*manager)->shutdown();
  if (why.empty()) return 0;
  std::fprintf(stderr, "evergate: %s\n", why.c_str());
  return 1;
}

int check_only(const std::string& config) {
  auto options = app::load_configuration(config, app::process_environment());
  if (!options) return complain(options.error());
  std::puts("The configuration is good.");
  return 0;
}

int dump(const std::string& data_dir) {
  auto dumped = journal::dump(data_dir, std::cout);
  return dumped ? 0 : complain(dumped.error());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli{"Evergate, a standalone Discord gateway proxy"};
  cli.set_version_flag("--version", EVERGATE_VERSION);
  std::string config;
  cli.add_option("--config", config,
                 "TOML file (docs/configuration.md); without it only defaults and the environment");
  auto* check = cli.add_subcommand("check", "Check the configuration and exit");
  check->add_option("--config", config, "TOML file");
  auto* options = cli.add_subcommand("options", "Print every option as a Markdown table");
  auto* journal = cli.add_subcommand("journal", "Look into a journal");
  auto* dump_command = journal->add_subcommand("dump", "Print every retained record as a JSON line");
  journal->require_subcommand(1);
  std::string data_dir = "evergate-data";
  dump_command->add_option("--data-dir", data_dir, "The daemon's data_dir; it may be running");
  CLI11_PARSE(cli, argc, argv);

  if (check->parsed()) return check_only(config);
  if (options->parsed()) {
    std::fputs(app::option_table_markdown().c_str(), stdout);
    return 0;
  }
  if (dump_command->parsed()) return dump(data_dir);
  return run(config);
}
