#include "sim/ledger.h"

#include <algorithm>
#include <array>

#include "sim/json_writer.h"

namespace evergate::sim {

std::uint32_t ledger::add_session(std::string id, std::uint32_t shard, std::uint32_t count) {
  sessions_.push_back({std::move(id), shard, count});
  return static_cast<std::uint32_t>(sessions_.size() - 1);
}

void ledger::add(std::uint64_t serial, snowflake guild, std::string_view type, ledger_kind kind) {
  if (kind == ledger_kind::event) ++events_;
  entries_.push_back({serial, guild, type, delivered_, 0, kind});
  if (entries_.size() <= events_max_) return;
  const std::uint32_t gone = entries_.front().deliveries;
  deliveries_.erase(deliveries_.begin(), deliveries_.begin() + gone);
  deliveries_dropped_ += gone;
  entries_.pop_front();
  ++forgotten_;
}

void ledger::delivered(std::uint32_t session, std::uint32_t seq) {
  deliveries_.push_back({session, seq});
  ++delivered_;
  ++entries_.back().deliveries;
}

void ledger::write(std::string& out, std::uint64_t after, std::size_t limit) const {
  static constexpr std::array kinds{"event", "backfill", "reply", "session"};
  auto at = std::ranges::upper_bound(entries_, after, {}, &entry::serial);
  for (; at != entries_.end() && limit > 0; ++at, --limit) {
    json_writer json(out);
    json.begin_object();
    json.number("serial", static_cast<std::int64_t>(at->serial));
    json.id_or_null("guild", at->guild);
    json.text("type", at->type);
    json.text("kind", kinds[static_cast<std::size_t>(at->kind)]);
    json.array("deliveries");
    for (std::uint32_t i = 0; i < at->deliveries; ++i) {
      const delivery& d = deliveries_[at->first_delivery - deliveries_dropped_ + i];
      const known_session& s = sessions_[d.session];
      json.begin_object();
      json.text("session", s.id);
      json.number("shard", s.shard);
      json.number("count", s.count);
      json.number("seq", d.seq);
      json.end_object();
    }
    json.end_array();
    json.end_object();
    out += '\n';
  }
}

}  // namespace evergate::sim
