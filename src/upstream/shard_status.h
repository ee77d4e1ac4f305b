// What status pages, metrics and the admin API show of a shard: a copy, and the gauges it is copied from.
// Gauges are written on the shard's loop and read from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "proto/snowflake.h"
#include "upstream/session.h"

namespace evergate::upstream {

struct shard_status {
  proto::shard_key shard;
  std::uint32_t worker = 0;
  std::string_view state;          ///< name_of(session_state)
  bool session = false;            ///< Discord holds a session for it, as far as we know
  std::int64_t latency_us = -1;    ///< of the last heartbeat; −1 = none yet
  std::int64_t last_event_ms = 0;  ///< wall time of the last dispatch, since 1970; 0 = none yet
  std::int64_t seq = -1;           ///< last received
  std::int64_t seq_committed = -1;
  std::uint64_t events = 0;
  std::uint64_t connects = 0;
  std::uint64_t identifies = 0;
  std::uint64_t identifies_refused = 0;
  std::uint64_t resumes = 0;
  std::uint64_t gaps = 0;
  std::uint64_t zombies = 0;
  std::uint64_t repeats = 0;
  std::uint64_t jumps = 0;
  std::uint32_t commands_queued = 0;
};

class shard_gauges {
 public:
  /// Shard's loop.
  void publish(const session& from, std::uint64_t events, std::int64_t last_event_ms) noexcept;
  /// Any thread; numbers of one copy may be of neighbouring moments.
  void read(shard_status& out) const noexcept;

 private:
  template <class T>
  using gauge = std::atomic<T>;

  gauge<session_state> state_{session_state::offline};
  gauge<bool> session_{false};
  gauge<std::int64_t> latency_us_{-1};
  gauge<std::int64_t> last_event_ms_{0};
  gauge<std::int64_t> seq_{-1};
  gauge<std::int64_t> seq_committed_{-1};
  gauge<std::uint64_t> events_{0};
  gauge<std::uint64_t> connects_{0};
  gauge<std::uint64_t> identifies_{0};
  gauge<std::uint64_t> identifies_refused_{0};
  gauge<std::uint64_t> resumes_{0};
  gauge<std::uint64_t> gaps_{0};
  gauge<std::uint64_t> zombies_{0};
  gauge<std::uint64_t> repeats_{0};
  gauge<std::uint64_t> jumps_{0};
  gauge<std::uint32_t> commands_queued_{0};
};

}  // namespace evergate::upstream
