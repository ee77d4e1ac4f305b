#include "sim/ledger.h"

#include <algorithm>
#include <array>

namespace evergate::sim {

std::uint32_t ledger::add_session(std::string id, std::uint32_t shard, std::uint32_t count) {
  sessions_.push_back({std::move(id), shard, count});
  return static_cast<std::uint32_t>(sessions_.size() - 1);
}

void ledger::add(std::uint64_t serial, snowflake guild, std::string_view type, ledger_kind kind) {
  if (kind == ledger_kind::event) ++events_;
  entries_.push_back({serial, guild, type, owed_, 0, kind});
  if (entries_.size() <= events_max_) return;
  const std::uint32_t gone = entries_.front().deliveries;
  deliveries_.erase(deliveries_.begin(), deliveries_.begin() + gone);
  deliveries_dropped_ += gone;
  entries_.pop_front();
  ++forgotten_;
}

std::uint64_t ledger::owe(std::uint32_t session) {
  deliveries_.push_back({session, 0, fate::pending});
  ++entries_.back().deliveries;
  return owed_++;
}

ledger::delivery* ledger::at(std::uint64_t owed) {
  return owed < deliveries_dropped_ ? nullptr : &deliveries_[owed - deliveries_dropped_];
}

void ledger::sent(std::uint64_t owed, std::uint32_t seq) {
  ++sent_;
  delivery* d = at(owed);
  if (d == nullptr) return;  // its entry is forgotten
  d->seq = seq;
  d->what = fate::sent;
}

void ledger::dropped(std::uint64_t owed) {
  if (delivery* d = at(owed)) d->what = fate::dropped;
}

void ledger::write(json_writer& json, const entry& e, fate what) const {
  for (std::uint32_t i = 0; i < e.deliveries; ++i) {
    const delivery& d = deliveries_[e.first_delivery - deliveries_dropped_ + i];
    if (d.what != what) continue;
    const known_session& s = sessions_[d.session];
    json.begin_object();
    json.text("session", s.id);
    json.number("shard", s.shard);
    json.number("count", s.count);
    if (what == fate::sent) json.number("seq", d.seq);
    json.end_object();
  }
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
    write(json, *at, fate::sent);
    json.end_array();
    for (const fate other : {fate::pending, fate::dropped}) {
      const auto first =
          deliveries_.begin() + static_cast<std::ptrdiff_t>(at->first_delivery - deliveries_dropped_);
      if (std::none_of(first, first + at->deliveries, [&](const delivery& d) { return d.what == other; }))
        continue;
      json.array(other == fate::pending ? "pending" : "dropped");
      write(json, *at, other);
      json.end_array();
    }
    json.end_object();
    out += '\n';
  }
}

}  // namespace evergate::sim
