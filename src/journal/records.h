// The small values of the store as bytes and back: what the journal knows of itself, sessions, sequences,
// consumers, downstream sessions, guild versions. Byte format: docs/journal-format.md. Decoding never trusts
// a length; a value that does not end where it should is errc::damaged. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "flow/journal.h"
#include "journal/sealed.h"
#include "proto/event_type.h"

namespace evergate::journal {

enum class guild_state : std::uint8_t {
  unknown = 0,
  awaiting = 1,
  available = 2,
  unavailable = 3,
  removed = 4
};

/// Totals of one class of events.
struct class_totals {
  std::uint64_t blobs = 0;
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
  std::uint64_t last_blob = 0;        ///< `first` of the newest blob, 0 for none
  std::uint64_t floor = 0;            ///< everything of the class up to here has been evicted
  std::uint64_t evicted = 0;          ///< events, ever
  std::uint64_t evicted_unacked = 0;  ///< of these, what some consumer had not had
};

/// What the journal knows of itself; one value, written with every transaction.
struct ledger {
  std::uint64_t head = 0;
  std::uint64_t lost_before = 0;
  std::uint64_t state_lost = 0;    ///< like lost_before, of the state class alone
  std::uint64_t mirror_floor = 0;  ///< guilds can be shown as of this and later
  std::uint32_t next_session_number = 1;
  std::uint32_t newest_count = 0;  ///< shards of the newest fleet, 0 before the first session
  std::uint64_t self = 0;          ///< the bot's user id
  std::uint64_t gaps = 0;          ///< GAP records, ever
  std::uint8_t clean = 0;          ///< set by a clean stop, cleared by the first write
  std::array<class_totals, proto::event_class_count> classes;
  table_sums sums{};  ///< of every sealed table; that of `meta` leaves out the ledger itself
};

/// True when the ledger was written in another version of the format: whole, but not ours to judge.
[[nodiscard]] bool foreign_ledger(std::string_view text) noexcept;
void encode(const ledger& value, std::string& out);
[[nodiscard]] bool decode(std::string_view text, ledger& value);

void encode(const flow::session_record& value, std::string& out);
[[nodiscard]] bool decode(std::string_view text, flow::session_record& value);

void encode(const flow::consumer_record& value, std::string& out);
[[nodiscard]] bool decode(std::string_view text, flow::consumer_record& value);

void encode(const flow::dead_letter& value, std::string& out);
[[nodiscard]] bool decode(std::string_view text, flow::dead_letter& value);

void encode(const flow::downstream_record& value, std::string& out);
[[nodiscard]] bool decode(std::string_view text, flow::downstream_record& value);

/// Sequences of a fleet, one per shard.
void encode(const std::vector<std::int64_t>& value, std::string& out);
[[nodiscard]] bool decode(std::string_view text, std::vector<std::int64_t>& value);

/// A guild version: its document compressed, or none when the guild had none.
struct version_record {
  guild_state state = guild_state::unknown;
  bool reconcile = false;       ///< a gap has passed and its GUILD_CREATE has not come yet
  std::uint32_t raw_bytes = 0;  ///< of the document, 0 = no document
  std::string_view compressed;  ///< zstd
};
void encode(const version_record& value, std::string& out);
[[nodiscard]] bool decode(std::string_view text, version_record& value);

[[nodiscard]] std::string shard_record_key(proto::shard_key shard);
[[nodiscard]] std::string count_key(std::uint32_t count);
[[nodiscard]] std::string version_key(proto::snowflake guild, std::uint64_t as_of);
[[nodiscard]] std::string offset_key(std::uint64_t offset);
[[nodiscard]] std::string dead_letter_text_key(const flow::dead_letter_key& which);

// Keys of the meta table.
inline constexpr std::string_view meta_ledger = "ledger";
inline constexpr std::string_view meta_ready = "ready";
inline constexpr std::string_view meta_started = "started";   ///< + count (4 bytes): one byte per shard
inline constexpr std::string_view meta_control = "control/";  ///< + the name of a flow::control_record
inline constexpr std::size_t control_name_max = 64;
inline constexpr std::string_view meta_lost = "lost/";  ///< + a consumer's name: a loss without its GAP yet

}  // namespace evergate::journal
