#include "handover_oracle.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace evergate::simulation {

namespace {

/// Whose order an event is in: its guild's, or that of the events without one, which Discord sends to shard
/// 0.
proto::snowflake stream_of(const ledger_entry& entry) {
  return entry.type.starts_with("ENTITLEMENT_") ? 0 : entry.guild;
}

}  // namespace

void handover_oracle::found(std::string what) {
  if (findings_.size() < 20) findings_.push_back(std::move(what));
}

void handover_oracle::stored(const stored_row& row, proto::snowflake guild) {
  rows_.push_back(row);
  if (row.what == stored_row::kind::started) known_.insert(row.session);
  if (row.what == stored_row::kind::gap) {
    gaps_.push_back({row.offset, row.shard, row.session, row.last_seq});
  } else if (row.what == stored_row::kind::event && row.seq == 0 && guild != 0) {
    unaligned_.insert(guild);
  }
}

void handover_oracle::index(const std::vector<ledger_entry>& sent) {
  for (const auto& entry : sent) {
    by_serial_[entry.serial] = &entry;
    for (const auto& one : entry.deliveries) {
      for (auto& hole : gaps_) {
        if (hole.session == one.session && std::int64_t{one.seq} <= hole.last_seq) {
          hole.from = std::max(hole.from, entry.serial);
        }
      }
    }
  }
}

void handover_oracle::check_rows() {
  std::map<proto::snowflake, std::uint64_t> newest;
  for (const auto& row : rows_) {
    if (row.what == stored_row::kind::gap || row.serial == 0) continue;
    const auto entry = by_serial_.find(row.serial);
    if (entry == by_serial_.end()) {
      found(fmt::format("invented: serial {} at offset {} was never sent", row.serial, row.offset));
      continue;
    }
    const auto& sent = *entry->second;
    auto& places = offsets_[row.serial];
    places.push_back(row.offset);
    const auto stream = stream_of(sent);
    const bool unaligned = unaligned_.contains(stream);
    // A reply is stored once for each who asked.
    if (places.size() > 1 && !unaligned && sent.kind != "reply") {
      found(fmt::format("doubled: {} {} of guild {} at offsets {} and {}", sent.type, row.serial, sent.guild,
                        places.front(), row.offset));
    }
    if (sent.content != 0 && row.content != sent.content) {
      found(fmt::format("changed: {} {} is stored with other bytes at offset {}", sent.type, row.serial,
                        row.offset));
    }
    if (sent.kind != "event" && sent.kind != "backfill") continue;
    // A new session that says that the guild is not available has not shown it.
    if (sent.kind == "event" || !row.down) guilds_[stream].emplace(row.offset, row.serial);
    auto& last = newest[stream];
    if (row.serial < last && !unaligned) {
      found(fmt::format("reordered: {} {} of guild {} at offset {} comes after {}", sent.type, row.serial,
                        sent.guild, row.offset, last));
    }
    last = std::max(last, row.serial);
  }
}

/// A session that had the guild was lost before it came, and the guild was shown anew after it.
bool handover_oracle::behind_a_gap(const ledger_entry& missing) const {
  const auto stream = stream_of(missing);
  if (unaligned_.contains(stream)) return true;
  return std::ranges::any_of(gaps_, [&](const gap& hole) {
    if (!hole.shard.owns(stream) || missing.serial <= hole.from) return false;
    const auto guild = guilds_.find(stream);
    if (guild == guilds_.end()) return true;
    const auto next = guild->second.upper_bound(hole.offset);
    return next == guild->second.end() || missing.serial < next->second;
  });
}

void handover_oracle::finish(const std::vector<ledger_entry>& sent) {
  index(sent);
  check_rows();
  for (const auto& entry : sent) {
    if (entry.kind != "event" || offsets_.contains(entry.serial)) continue;
    // A session of which the journal never had a READY was nobody's.
    const bool owed = std::ranges::any_of(entry.deliveries,
                                          [this](const auto& one) { return known_.contains(one.session); });
    if (!owed) continue;
    if (behind_a_gap(entry)) {
      ++lost_with_record_;
      continue;
    }
    std::string to;
    for (const auto& one : entry.deliveries) {
      to += fmt::format(" {} (shard {}/{}) seq {}", one.session, one.shard.id, one.shard.count, one.seq);
    }
    found(fmt::format("lost: {} {} of guild {}, sent to{}", entry.type, entry.serial, entry.guild, to));
  }
}

}  // namespace evergate::simulation
