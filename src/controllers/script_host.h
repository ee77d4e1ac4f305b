// The script that overrides controllers: a Lua machine for each thread that asks, made from the current
// script when it first asks and again after a reload. Owned by the application beside the desk, which it
// outlives in use: load() from one thread at a time, everything else from any.
#pragma once

#include <array>
#include <atomic>
#include <bitset>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "controllers/desk.h"
#include "controllers/script_machine.h"

namespace evergate::decide {

class script_worker;

/// One version of the script, as every machine gets it.
struct script_source {
  std::string name;  ///< the file's, in front of lines
  std::string text;
  std::uint32_t version = 0;  ///< of the text; never 0
  std::uint64_t generation = 0;
};

class script_host {
 public:
  static constexpr std::size_t controllers_max = 32;
  using names_defined = std::bitset<controllers_max>;

  /// Before the desk is asked anything. `log` may be null; it and the desk outlive the host.
  script_host(desk& to, script_limits limits, base::logger* log);
  ~script_host();
  script_host(const script_host&) = delete;
  script_host& operator=(const script_host&) = delete;

  /// Checks the file in a state of its own and takes it over, for the next question of every thread. An error
  /// names the file and line; what was loaded before stays. True: what deliver_event answers may have
  /// changed.
  [[nodiscard]] base::result<bool> load(const std::filesystem::path& file);
  /// The check alone.
  [[nodiscard]] static base::result<void> check(const std::filesystem::path& file, script_limits limits);

  /// Of the script in force; 0 = none.
  [[nodiscard]] std::uint32_t version() const noexcept { return version_.load(std::memory_order_acquire); }

  /// For the slots: the calling thread's machine, of the current script. Throws script_failure when it cannot
  /// be made.
  [[nodiscard]] script_worker& mine();

 private:
  [[nodiscard]] std::shared_ptr<const script_source> current() const;

  desk& desk_;
  const script_limits limits_;
  base::logger* const log_;
  const std::uint64_t id_;  ///< of this host among all of the process, for the threads' shortcut
  std::vector<std::string_view> names_;
  std::vector<std::shared_ptr<void>> doors_;
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<std::uint32_t> version_{0};
  mutable std::mutex mutex_;
  std::shared_ptr<const script_source> source_;
  std::unordered_map<std::thread::id, std::unique_ptr<script_worker>> workers_;
};

}  // namespace evergate::decide
