// Compares what Discord sent with what the journal holds, row by row and at the end. Pure: knows neither the
// simulation nor the product, only numbers and names. What it finds wrong is a sentence each; what is lost
// with a record is counted. Grows with the run.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "proto/snowflake.h"

namespace evergate::simulation {

/// One dispatch as Discord numbered it for a session.
struct sent_event {
  std::string session;
  std::uint32_t seq = 0;
  std::uint64_t serial = 0;
  std::string type;
  std::uint64_t content = 0;  ///< hash of its bytes; 0 = they never left
};

/// One record of the journal.
struct stored_row {
  enum class kind : std::uint8_t { event, started, gap };
  kind what = kind::event;
  std::uint64_t offset = 0;
  proto::shard_key shard;
  std::uint32_t seq = 0;       ///< 0 = a record of the journal's own
  std::uint64_t serial = 0;    ///< event, started
  std::uint64_t content = 0;   ///< hash of its bytes
  bool down = false;           ///< says only that its guild is not available
  std::string session;         ///< started, gap
  std::int64_t last_seq = -1;  ///< gap
};

class oracle {
 public:
  /// In order of offset, each once.
  void stored(const stored_row& row);
  /// A heartbeat or RESUME of `session` carried `seq` while the journal had `durable` of it (−1 = nothing).
  void carried(const std::string& session, std::int64_t seq, std::int64_t durable);
  /// When all is quiet: everything that Discord sent, and the sessions that it still holds.
  void finish(const std::vector<sent_event>& sent);

  [[nodiscard]] const std::vector<std::string>& findings() const noexcept { return findings_; }
  /// Events that Discord never gave us, behind a GAP record.
  [[nodiscard]] std::uint64_t lost_with_record() const noexcept { return lost_with_record_; }
  [[nodiscard]] std::uint64_t gaps() const noexcept { return gaps_; }
  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }

 private:
  struct session_view {
    proto::shard_key shard;
    std::map<std::uint32_t, stored_row> by_seq;
    std::uint32_t last = 0;
    bool over = false;          ///< a GAP record ended it
    std::int64_t gap_from = 0;  ///< what is lost begins after this
  };
  void found(std::string what);
  void event(const stored_row& row);
  void started(const stored_row& row);
  void gap(const stored_row& row);

  std::map<std::string, session_view> sessions_;
  std::map<proto::shard_key, std::string> current_;
  std::uint64_t last_offset_ = 0;
  std::uint64_t lost_with_record_ = 0;
  std::uint64_t gaps_ = 0;
  std::uint64_t rows_ = 0;
  std::vector<std::string> findings_;
};

}  // namespace evergate::simulation
