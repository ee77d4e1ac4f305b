// Commands from bots on their way to Discord, and the way back for their replies.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "proto/snowflake.h"

namespace evergate::flow {

/// One op 3, 4, 8, 31 or 43, already judged (size, shape, rights of the asker) and with a nonce of ours.
struct command {
  int op = 0;
  proto::snowflake guild = 0;               ///< routes it; 0 for presence
  proto::shard_key lane;                    ///< the asker's, for presence (design §5)
  std::string payload;                      ///< the whole frame `{"op":…,"d":…}`, ≤ 4096 bytes
  std::optional<std::uint64_t> place = {};  ///< where it must go, of a command that names several guilds
};

/// Where commands go: the fleet. Thread-safe.
class command_sink {
 public:
  virtual ~command_sink() = default;
  /// False when the owning shard has no room (its bounded queue is full): the caller tells the bot
  /// (RATE_LIMITED for op 8) instead of losing it silently. Waits for nothing; a shard that is between
  /// connections keeps the command.
  [[nodiscard]] virtual bool submit(command what) = 0;
};

/// Which downstream session asked: kept from the command until its replies are complete. Thread-safe;
/// bounded (the oldest entry is forgotten, its replies then go to nobody).
class reply_table {
 public:
  struct asker {
    std::uint32_t session = 0;         ///< downstream_record::number
    std::optional<std::string> nonce;  ///< the bot's own raw JSON value, absent when it gave none
  };
  struct askers {
    asker first;
    std::vector<asker> joined;  ///< served by the same answer
  };
  /// Others may join a request for so long, while no answer has come.
  static constexpr base::milliseconds join_within{5'000};

  /// `entries_max` bounds the requests with a nonce and, apart from them, those by guild. `run` tells this
  /// process's nonces from those of the runs before, whose late replies may still come after a RESUME: the
  /// application passes its start time in milliseconds. Its lowest 44 bits count.
  explicit reply_table(std::size_t entries_max = 100'000, std::uint64_t run = 0);

  /// Registers a request and returns the nonce to send (≤ 32 bytes, unique for this process). Equal requests
  /// have equal keys; one without a key cannot be joined.
  [[nodiscard]] std::string add(asker who, std::string key = {}, base::instant now = {});
  /// How many an equal request serves that may be joined now; 0 = there is none.
  [[nodiscard]] std::uint32_t under_way(const std::string& key, base::instant now);
  /// Has it serve one more. False when there is none.
  [[nodiscard]] bool join(const std::string& key, asker who, base::instant now);
  /// It was not sent.
  void forget(std::string_view nonce);
  /// For ops without a nonce: one more asker of (op, guild).
  void add_by_guild(int op, proto::snowflake guild, asker who);

  /// Who asked for a reply carrying `nonce`; `last` forgets them.
  [[nodiscard]] std::optional<askers> find(std::string_view nonce, bool last);
  /// Takes the longest waiting asker of (op, guild). One reply answers all that wait: call until nothing.
  [[nodiscard]] std::optional<asker> find_by_guild(int op, proto::snowflake guild);

  /// True for a nonce in our own format, whether or not it is still known.
  [[nodiscard]] static bool ours(std::string_view nonce) noexcept;

 private:
  struct request {
    askers who;
    std::string key;  ///< empty = it cannot be joined any more
    base::instant since{};
  };
  struct waiting {
    int op = 0;
    proto::snowflake guild = 0;
    asker who;
  };
  struct guild_key {
    int op = 0;
    proto::snowflake guild = 0;
    bool operator==(const guild_key&) const = default;
  };
  struct guild_key_hash {
    std::size_t operator()(const guild_key& key) const noexcept;
  };
  using waiting_list = std::list<waiting>;

  /// Under mutex_.
  [[nodiscard]] request* joinable(const std::string& key, base::instant now);
  void close_to_others(request& one);
  void erase(std::uint64_t number);

  std::mutex mutex_;
  const std::size_t entries_max_;
  const std::uint64_t run_;
  std::uint64_t next_ = 1;    ///< number of the next nonce
  std::uint64_t oldest_ = 1;  ///< no number below it is known
  std::unordered_map<std::uint64_t, request> by_nonce_;
  std::unordered_map<std::string, std::uint64_t> by_key_;  ///< the newest that may be joined
  waiting_list waiting_;                                   ///< oldest first
  std::unordered_map<guild_key, std::deque<waiting_list::iterator>, guild_key_hash> by_guild_;
};

/// What the REST shim and READY tell about the fleet. Thread-safe.
class fleet_view {
 public:
  virtual ~fleet_view() = default;
  [[nodiscard]] virtual std::uint32_t shard_count() const = 0;
  [[nodiscard]] virtual std::uint32_t shards_ready() const = 0;
  /// How many of the shards are this process's own; 0 until it is known.
  [[nodiscard]] virtual std::uint32_t shards_held() const { return shard_count(); }
  /// Which session a guild's commands go to now. One command may name guilds of equal places
  /// (command::place).
  [[nodiscard]] virtual std::uint64_t place_of(proto::snowflake guild) const {
    const auto shards = shard_count();
    return shards == 0 ? 0 : (guild >> 22) % shards;
  }
};

}  // namespace evergate::flow
