#include "oracle.h"

#include <fmt/format.h>

#include <utility>

namespace evergate::simulation {
namespace {

constexpr std::size_t findings_max = 20;

}  // namespace

void oracle::found(std::string what) {
  if (findings_.size() < findings_max) findings_.push_back(std::move(what));
}

void oracle::stored(const stored_row& row) {
  ++rows_;
  if (row.offset != last_offset_ + 1) {
    found(fmt::format("journal: offset {} follows {}", row.offset, last_offset_));
  }
  last_offset_ = row.offset;
  switch (row.what) {
    case stored_row::kind::started:
      return started(row);
    case stored_row::kind::gap:
      return gap(row);
    case stored_row::kind::event:
      if (row.seq != 0) event(row);
  }
}

void oracle::started(const stored_row& row) {
  auto& now = current_[row.shard];
  if (!now.empty() && !sessions_[now].over) {
    found(fmt::format("unmarked gap: session {} follows {} on shard {} without a GAP record (offset {})",
                      row.session, now, row.shard.id, row.offset));
  }
  if (sessions_.contains(row.session)) {
    found(fmt::format("doubled: the READY of session {} at offset {}", row.session, row.offset));
  }
  now = row.session;
  auto& made = sessions_[now];
  made.shard = row.shard;
  event(row);
}

void oracle::event(const stored_row& row) {
  const auto at = current_.find(row.shard);
  if (at == current_.end()) {
    return found(
        fmt::format("invented: offset {} is of shard {}, which has no session", row.offset, row.shard.id));
  }
  auto& s = sessions_[at->second];
  const auto [known, fresh] = s.by_seq.emplace(row.seq, row);
  if (!fresh) {
    return found(fmt::format("doubled: session {} seq {} (serial {}) at offsets {} and {}", at->second,
                             row.seq, row.serial, known->second.offset, row.offset));
  }
  if (s.over) {
    found(fmt::format("session {} goes on after its GAP record: seq {} at offset {}", at->second, row.seq,
                      row.offset));
  }
  if (row.seq < s.last) {
    found(fmt::format("reordered: session {} seq {} at offset {} comes after {}", at->second, row.seq,
                      row.offset, s.last));
  }
  s.last = row.seq;
}

void oracle::gap(const stored_row& row) {
  ++gaps_;
  const auto at = sessions_.find(row.session);
  if (at == sessions_.end()) {
    return found(fmt::format("GAP record at offset {} names session {}, which the journal never had",
                             row.offset, row.session));
  }
  auto& s = at->second;
  if (s.over) found(fmt::format("session {} has two GAP records", row.session));
  s.over = true;
  s.gap_from = row.last_seq;
}

void oracle::carried(const std::string& session, std::int64_t seq, std::int64_t durable) {
  if (seq <= durable) return;
  found(fmt::format("output before commit: session {} was told {} while the journal had {}", session, seq,
                    durable));
}

void oracle::finish(const std::vector<sent_event>& sent) {
  std::set<std::string> sent_sessions;
  for (const auto& e : sent) {
    sent_sessions.insert(e.session);
    const auto at = sessions_.find(e.session);
    if (at == sessions_.end()) continue;  // its READY never came through: nobody knew of it
    auto& s = at->second;
    const auto row = s.by_seq.find(e.seq);
    if (row == s.by_seq.end()) {
      if (e.type == "RESUMED") continue;  // no event: only the sequence moves
      if (s.over && static_cast<std::int64_t>(e.seq) > s.gap_from) {
        ++lost_with_record_;
        continue;
      }
      found(fmt::format("lost: session {} (shard {}) seq {} {} serial {}", e.session, s.shard.id, e.seq,
                        e.type, e.serial));
      continue;
    }
    if (row->second.serial != e.serial) {
      found(fmt::format("mixed up: session {} seq {} is serial {} in the journal, Discord sent {}", e.session,
                        e.seq, row->second.serial, e.serial));
    } else if (e.content != 0 && row->second.content != e.content) {
      found(fmt::format("changed: session {} seq {} {} serial {} is stored with other bytes", e.session,
                        e.seq, e.type, e.serial));
    }
    s.by_seq.erase(row);
  }
  for (const auto& [id, s] : sessions_) {
    for (const auto& [seq, row] : s.by_seq) {
      found(fmt::format("invented: session {} seq {} at offset {} was never sent", id, seq, row.offset));
    }
  }
}

}  // namespace evergate::simulation
