// The commands that ask or tell a running daemon: `evergate status`, `drain`, … Each is one call of the admin
// API, shown to people or, with --json, as it came.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace evergate::daemon {

/// How a command ended.
inline constexpr int exit_done = 0;
inline constexpr int exit_refused = 1;      ///< by the daemon, or not finished (a drain that ran out of time)
inline constexpr int exit_misused = 2;      ///< wrong call or configuration
inline constexpr int exit_unreachable = 4;  ///< the daemon does not answer

/// Adds the commands to a command line and, after it was parsed, runs the one that was named.
class admin_commands {
 public:
  admin_commands(CLI::App& cli, std::string& config);

  /// Whether one of them was named; `status` is then how it ended.
  [[nodiscard]] bool run(int& status) const;

 private:
  struct wish {
    std::string method = "GET";
    std::string path{};
    std::string body{};
    base::milliseconds patience{15'000};
    std::string (*print)(std::string_view json) = nullptr;
    /// False: the daemon did not do what was asked.
    bool (*done)(std::string_view json) = nullptr;
  };
  using maker = std::function<wish()>;

  CLI::App* add(const char* name, const char* help, maker make);
  void add_dead_letters();
  void add_reshard();
  CLI::App* add_verb(const char* name, const char* help, std::string (*print)(std::string_view));
  [[nodiscard]] int send(const wish& what) const;

  CLI::App& cli_;
  std::string& config_;
  bool json_ = false;
  std::string url_;
  std::string consumer_;
  std::string timeout_;
  std::string to_;
  std::string class_;
  std::string action_;
  std::string count_;
  std::string offset_;
  std::vector<std::pair<CLI::App*, maker>> all_;
};

}  // namespace evergate::daemon
