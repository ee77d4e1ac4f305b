// How a session is to be resumed: on its own URL first, then on the main one, then not at all. Counts tries
// without progress, so that a loop of RESUME and close comes to an end. A host that cannot be reached costs
// tries of its own, never the session, and one that kept us waiting is no longer asked first. Owned by the
// session machine; pure.
#pragma once

#include <cstdint>

#include "upstream/session_step.h"

namespace evergate::upstream {

struct resume_plan_options {
  std::uint32_t tries_per_url = 3;  ///< RESUMEs sent without progress, on each of the two URLs
};

class resume_plan {
 public:
  explicit resume_plan(resume_plan_options options = {}) noexcept : options_(options) {}

  /// A new session, with or without a URL of its own.
  void begin(bool has_url) noexcept;
  /// The next connection's URL.
  [[nodiscard]] url_kind next_url() noexcept;
  /// The connection was not made. After `tries_per_url` of them, or after one that took long (`slow`:
  /// Discord's replay overflows while we wait), the other URL is tried.
  void on_connect_failed(bool slow) noexcept;
  /// A RESUME was sent.
  void on_resume_sent() noexcept;
  /// New events or an acknowledged heartbeat after RESUMED: the URL in use proved good.
  void on_progress() noexcept;
  /// No RESUME is left to try.
  [[nodiscard]] bool exhausted() const noexcept;
  [[nodiscard]] std::uint32_t tries() const noexcept { return tries_; }

 private:
  resume_plan_options options_;
  bool has_url_ = false;
  bool own_slow_ = false;    ///< the session's own URL kept us waiting, and has not served since
  bool main_first_ = false;  ///< so the main one, which proved good, is asked first
  bool detour_ = false;      ///< the URL whose turn it is cannot be reached
  bool used_main_ = false;
  std::uint32_t tries_ = 0;
  std::uint32_t connect_failures_ = 0;
};

}  // namespace evergate::upstream
