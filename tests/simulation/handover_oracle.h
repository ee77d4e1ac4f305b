// Compares what Discord sent with what the journal holds where several fleets have been at work: each event
// has one serial, whichever sessions it went to, and must be in the journal once and in its guild's order.
// What is missing must lie behind a GAP record of a session that had the guild. Pure: knows neither the
// simulation nor the product, only numbers and names. Grows with the run.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "oracle.h"
#include "proto/snowflake.h"

namespace evergate::simulation {

/// One entry of Discord's ledger.
struct ledger_entry {
  std::uint64_t serial = 0;
  proto::snowflake guild = 0;
  std::string type;
  std::string kind;  ///< event, backfill, reply, session
  std::uint64_t content = 0;
  struct delivery {
    std::string session;
    std::uint32_t seq = 0;
    proto::shard_key shard;
  };
  std::vector<delivery> deliveries;
};

class handover_oracle {
 public:
  /// In order of offset, each once. `guild`: of a row of the journal's own, the guild that could not be
  /// aligned.
  void stored(const stored_row& row, proto::snowflake guild);
  /// When all is quiet.
  void finish(const std::vector<ledger_entry>& sent);

  [[nodiscard]] const std::vector<std::string>& findings() const noexcept { return findings_; }
  [[nodiscard]] std::uint64_t lost_with_record() const noexcept { return lost_with_record_; }
  [[nodiscard]] std::uint64_t gaps() const noexcept { return gaps_.size(); }
  [[nodiscard]] std::uint64_t guild_gaps() const noexcept { return unaligned_.size(); }
  [[nodiscard]] bool unaligned(proto::snowflake guild) const { return unaligned_.contains(guild); }
  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_.size(); }

 private:
  struct gap {
    std::uint64_t offset = 0;
    proto::shard_key shard;
    std::string session;
    std::int64_t last_seq = -1;
    std::uint64_t from = 0;  ///< serial of the last event that came of the session
  };
  void found(std::string what);
  void index(const std::vector<ledger_entry>& sent);
  void check_rows();
  [[nodiscard]] bool behind_a_gap(const ledger_entry& missing) const;

  std::vector<stored_row> rows_;
  std::vector<gap> gaps_;
  std::set<std::string> known_;  ///< sessions whose READY is in the journal
  std::set<proto::snowflake> unaligned_;
  std::map<std::uint64_t, const ledger_entry*> by_serial_;
  std::map<std::uint64_t, std::vector<std::uint64_t>> offsets_;                ///< serial → of its rows
  std::map<proto::snowflake, std::map<std::uint64_t, std::uint64_t>> guilds_;  ///< guild → offset → serial
  std::uint64_t lost_with_record_ = 0;
  std::vector<std::string> findings_;
};

}  // namespace evergate::simulation
