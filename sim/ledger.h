// The ground truth: each dispatch there was, and to which session it went under which sequence number. Owned
// by the core; one thread; a ring of `events_max` entries, the oldest forgotten first and counted.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "sim/guild.h"
#include "sim/json_writer.h"

namespace evergate::sim {

enum class ledger_kind : std::uint8_t {
  event,     ///< something happened in the world
  backfill,  ///< a GUILD_CREATE (or GUILD_DELETE) after READY
  reply,     ///< an answer to a command of the session
  session    ///< READY and RESUMED
};

class ledger {
 public:
  explicit ledger(std::size_t events_max) : events_max_(events_max) {}

  /// Registers a session and returns its number.
  std::uint32_t add_session(std::string id, std::uint32_t shard, std::uint32_t count);
  void add(std::uint64_t serial, snowflake guild, std::string_view type, ledger_kind kind);
  /// The entry added last is for this session; what becomes of that is said by sent() or dropped(), with the
  /// number that this gives.
  std::uint64_t owe(std::uint32_t session);
  void sent(std::uint64_t owed, std::uint32_t seq);
  /// The session will never be sent it.
  void dropped(std::uint64_t owed);

  /// Registered so far.
  [[nodiscard]] std::uint32_t sessions() const noexcept {
    return static_cast<std::uint32_t>(sessions_.size());
  }
  [[nodiscard]] std::uint64_t events() const noexcept { return events_; }
  [[nodiscard]] std::uint64_t deliveries() const noexcept { return sent_; }
  [[nodiscard]] std::uint64_t forgotten() const noexcept { return forgotten_; }
  /// Up to `limit` entries with a serial above `after`, one JSON object a line: `deliveries` are numbered in
  /// their session's stream; `pending` wait (lag), `dropped` were withheld by a fault.
  void write(std::string& out, std::uint64_t after, std::size_t limit) const;

 private:
  struct entry {
    std::uint64_t serial = 0;
    snowflake guild = 0;
    std::string_view type;
    std::uint64_t first_delivery = 0;
    std::uint32_t deliveries = 0;
    ledger_kind kind = ledger_kind::event;
  };
  enum class fate : std::uint8_t { pending, sent, dropped };
  struct delivery {
    std::uint32_t session = 0;
    std::uint32_t seq = 0;
    fate what = fate::pending;
  };
  struct known_session {
    std::string id;
    std::uint32_t shard = 0;
    std::uint32_t count = 1;
  };

  [[nodiscard]] delivery* at(std::uint64_t owed);
  void write(json_writer& json, const entry& e, fate what) const;

  std::size_t events_max_;
  std::deque<entry> entries_;
  std::deque<delivery> deliveries_;
  std::uint64_t deliveries_dropped_ = 0;
  std::vector<known_session> sessions_;
  std::uint64_t events_ = 0;
  std::uint64_t owed_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t forgotten_ = 0;
};

}  // namespace evergate::sim
