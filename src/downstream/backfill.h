// What a bot gets after IDENTIFY, before its events: READY, then each guild of its lane as of its cursor.
// Written piece by piece as the connection has room. Owned by a connection, on its loop; holds the lane's
// list of guilds and one document at a time. Reads of the mirror may block on disk.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "downstream/frame_writer.h"
#include "downstream/lane_grant.h"

namespace evergate::downstream {

class backfill {
 public:
  backfill(flow::guild_source& guilds, frame_writer& writer) noexcept : source_(guilds), writer_(writer) {}

  /// Lists the guilds and appends READY, which has number 1.
  [[nodiscard]] base::result<void> start(std::shared_ptr<const lane_grant> grant,
                                         const std::string& resume_url, std::string& out);
  /// Appends guilds until about `budget` bytes are written. True when all of them are.
  [[nodiscard]] base::result<bool> pump(std::size_t budget, std::string& out);
  /// The guild's turn is now, if it is still to come.
  [[nodiscard]] base::result<void> bring_forward(proto::snowflake guild, std::string& out);

  /// The number of the last frame.
  [[nodiscard]] std::uint32_t seq() const noexcept { return seq_; }
  [[nodiscard]] proto::snowflake self() const noexcept { return self_; }

 private:
  struct entry {
    flow::guild_entry guild;
    flow::offset as_of;
    bool written = false;
  };
  [[nodiscard]] base::result<void> decide();
  [[nodiscard]] base::result<void> list();
  [[nodiscard]] base::result<void> list_as_of(flow::offset as_of, bool only);
  [[nodiscard]] base::result<void> write(entry& one, std::string& out);

  flow::guild_source& source_;
  frame_writer& writer_;
  std::shared_ptr<const lane_grant> grant_;
  std::vector<entry> entries_;
  std::size_t next_ = 0;
  std::uint32_t seq_ = 0;
  proto::snowflake self_ = 0;
  std::string document_;
  std::string trimmed_;
};

}  // namespace evergate::downstream
