// The daemon: reads its configuration, makes a gateway_manager and waits for a signal.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "daemon/admin_command.h"
#include "daemon/idle_heap.h"
#include "evergate/configuration.h"
#include "evergate/gateway_manager.h"
#include "evergate/journal_tools.h"

namespace {

using namespace evergate;

// Ends with 3 when what is stored is damaged, so that it can be told from a wrong configuration.
int complain(const error& problem) {
  std::fprintf(stderr, "evergate: %s\n", problem.text().c_str());
  return is_damage(problem) ? 3 : 2;
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

/// Keeps the inherited listening socket over a restart within the process; connections wait in it.
class kept_socket {
 public:
  kept_socket() {
    if (::getenv("LISTEN_FDS") != nullptr) spare_ = ::fcntl(first_inherited, F_DUPFD_CLOEXEC, 64);
  }
  void put_back() const {
    if (spare_ >= 0) ::dup2(spare_, first_inherited);
  }

 private:
  static constexpr int first_inherited = 3;
  int spare_ = -1;
};

/// The signal that came; the heap is tended meanwhile.
int wait_for_signal(const sigset_t& signals) {
  constexpr timespec look_every{.tv_sec = 5, .tv_nsec = 0};
  static daemon::idle_heap heap;
  for (;;) {
    const int signal = ::sigtimedwait(&signals, nullptr, &look_every);
    if (signal > 0) return signal;
    if (errno == EAGAIN) heap.look(look_every.tv_sec * std::int64_t{1'000'000'000});
  }
}

/// One life of the gateway; true when it met a damaged store, which the next one sets aside.
bool live(const gateway_options& options, const sigset_t& signals, int& status) {
  auto manager = create_gateway_manager(options);
  if (!manager) return status = complain(manager.error()), false;
  if (auto started = (*manager)->start(); !started) return status = complain(started.error()), false;
  while (wait_for_signal(signals) == SIGHUP) {
    if (auto reloaded = (*manager)->reload_certificates(); !reloaded) complain(reloaded.error());
    if (options.controller.script.empty()) continue;
    if (auto reloaded = (*manager)->reload_controllers(); !reloaded) complain(reloaded.error());
  }
  const std::string why = (*manager)->fatal();
  const bool again = !why.empty() && (*manager)->restart_helps();
  (*manager)->shutdown();
  status = why.empty() ? 0 : 1;
  if (!why.empty()) std::fprintf(stderr, "evergate: %s\n", why.c_str());
  return again;
}

/// How many connections there may be is for the options to say; the usual 1,024 are for programs that
/// select().
void allow_all_descriptors() {
  rlimit most{};
  if (::getrlimit(RLIMIT_NOFILE, &most) != 0) return;
  most.rlim_cur = most.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &most);
}

int run(const std::string& config) {
  auto options = load_configuration(config);
  if (!options) return complain(options.error());
  options->store.verify_program = "/proc/self/exe";
  allow_all_descriptors();
  const sigset_t signals = block_signals();
  // A fatal close code ends the shards, not the process: bots stay connected and are served what is queued,
  // /health says no, and no supervisor starts us again and again on a token that Discord refuses.
  options->events.store_damaged = [](const std::string&) { ::kill(::getpid(), SIGTERM); };
  const kept_socket socket;
  constexpr int lives_max = 4;  // then it is for the operator, or whoever supervises the daemon
  int status = 0;
  for (int life = 0; life < lives_max && live(*options, signals, status); ++life) socket.put_back();
  return status;
}

int check_only(const std::string& config) {
  auto options = load_configuration(config);
  if (!options) return complain(options.error());
  if (auto checked = check_script(*options); !checked) return complain(checked.error());
  std::puts("The configuration is good.");
  return 0;
}

int dump(const std::string& data_dir) {
  auto dumped = dump_journal(data_dir, std::cout);
  return dumped ? 0 : complain(dumped.error());
}

int verify(const std::string& data_dir) {
  const auto found = verify_journal(data_dir);
  if (!found) return complain(found.error());
  std::puts(found->summary.c_str());
  return found->sound ? 0 : 3;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli{"Evergate, a standalone Discord gateway proxy"};
  cli.set_version_flag("--version", std::string(version()));
  std::string config;
  cli.add_option("--config", config,
                 "TOML file (docs/configuration.md); without it only defaults and the environment");
  auto* check = cli.add_subcommand("check", "Check the configuration and exit");
  check->add_option("--config", config, "TOML file");
  auto* options = cli.add_subcommand("options", "Print every option as a Markdown table");
  auto* journal_command = cli.add_subcommand("journal", "Look into a journal");
  auto* dump_command = journal_command->add_subcommand("dump", "Print every retained record as a JSON line");
  journal_command->require_subcommand(1);
  std::string data_dir = "evergate-data";
  dump_command->add_option("--data-dir", data_dir, "The daemon's data_dir; it may be running");
  auto* verify_command = journal_command->add_subcommand(
      "verify", "Read a whole store; status 0 = sound, 3 = damaged, 2 = cannot be read");
  verify_command->add_option("--data-dir", data_dir, "The daemon's data_dir; it may be running");
  bool as_child = false;
  std::uint64_t memory_max = 0;
  verify_command->add_flag("--child", as_child)->group("");
  verify_command->add_option("--memory-max", memory_max)->group("");
  const daemon::admin_commands commands(cli, config);
  CLI11_PARSE(cli, argc, argv);

  if (int status = 0; commands.run(status)) return status;
  if (check->parsed()) return check_only(config);
  if (options->parsed()) {
    std::fputs(option_list().c_str(), stdout);
    return 0;
  }
  if (dump_command->parsed()) return dump(data_dir);
  if (as_child) return verify_journal_as_child(data_dir, memory_max);
  if (verify_command->parsed()) return verify(data_dir);
  return run(config);
}
