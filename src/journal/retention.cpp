#include "journal/retention.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/bytes.h"
#include "journal/round_preparer.h"
#include "journal/sealed.h"

namespace evergate::journal {
namespace {

constexpr auto state_at = static_cast<std::size_t>(proto::event_class::state);
constexpr std::size_t look_ahead_blobs = 64;  // so that a guild is written once for many blobs

void sort_unique(std::vector<proto::snowflake>& ids) {
  std::ranges::sort(ids);
  const auto rest = std::ranges::unique(ids);
  ids.erase(rest.begin(), rest.end());
}

}  // namespace

std::vector<proto::snowflake> guilds_in(const blob_view& blob) {
  std::vector<proto::snowflake> out;
  for (std::uint32_t i = 0; i < blob.header().rows; ++i) {
    const auto row = blob.row(i);
    if (concerns_mirror(row)) out.push_back(row.guild);
    if (row.type == proto::event_type::session_started) {
      const auto listed = guilds_of_ready(blob.data(row));
      if (listed) out.insert(out.end(), listed->begin(), listed->end());
    }
  }
  for (std::uint32_t i = 0; i < blob.header().counters; ++i) out.push_back(blob.counter(i).guild);
  sort_unique(out);
  return out;
}

bool retention::over(const ledger& book) const noexcept {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
  for (const auto& one : book.classes) {
    events += one.events;
    bytes += one.bytes;
  }
  return events > options_.max_events || bytes > options_.max_bytes;
}

bool retention::aged(const tail& one, std::int64_t time_ms) const noexcept {
  return one.header.time_ms + std::chrono::milliseconds(options_.max_age).count() < time_ms;
}

base::result<void> retention::look(transaction& txn, tails& all, std::size_t which) const {
  auto& one = all[which];
  const auto kind = static_cast<proto::event_class>(which);
  auto at = txn.scan(table::events);
  if (!at) return std::unexpected(at.error());
  const auto found = (*at)->seek(blob_key(kind, 0));
  if (!found) return std::unexpected(found.error());
  one.there = *found && class_of_key((*at)->key()) == kind;
  if (!one.there) return {};
  one.bytes = (*at)->value().size();
  const auto header = peek_header((*at)->key(), (*at)->value());
  one.damaged = !header;
  if (header) {
    one.header = *header;
    return {};
  }
  one.header = {};
  one.header.first = one.header.last = key_number((*at)->key(), 1, 8);
  return {};
}

std::optional<std::size_t> retention::choose(const tails& all, const ledger& book,
                                             const per_class& acknowledged, std::int64_t time_ms) const {
  const auto usable = [&](std::size_t which) { return all[which].there && !all[which].blocked; };
  const bool full = over(book);
  std::optional<std::size_t> best;
  for (std::size_t which = 0; which < all.size(); ++which) {
    if (!usable(which)) continue;
    if (aged(all[which], time_ms)) return which;
    if (!full || all[which].header.last > acknowledged[which]) continue;
    if (!best || all[which].header.first < all[*best].header.first) best = which;
  }
  if (best || !full) return best;
  return overflow(all, book, time_ms);
}

std::optional<std::size_t> retention::overflow(const tails& all, const ledger& book,
                                               std::int64_t time_ms) const {
  static_assert(std::tuple_size_v<tails> == std::tuple_size_v<decltype(overflow_question::groups)>);
  overflow_question asked;
  bool any = false;
  for (std::size_t which = 0; which < all.size(); ++which) {
    auto& group = asked.groups[which];
    group.there = all[which].there && !all[which].blocked;
    group.events = book.classes[which].events;
    group.bytes = book.classes[which].bytes;
    group.oldest = std::chrono::milliseconds(std::max<std::int64_t>(time_ms - all[which].header.time_ms, 0));
    any = any || group.there;
  }
  if (!any) return std::nullopt;
  const auto first = [](const overflow_question& about) {
    const auto found = std::ranges::find(about.groups, true, &overflow_question::group::there);
    return static_cast<event_group>(found - about.groups.begin());
  };
  return static_cast<std::size_t>(options_.decisions->choose_overflow.ask(asked, first));
}

base::result<eviction> retention::run(transaction& txn, ledger& book, const per_class& acknowledged,
                                      const consumer_map& consumers, std::uint64_t keep, std::uint64_t fresh,
                                      std::int64_t time_ms) {
  eviction out;
  tails all;
  for (std::size_t which = 0; which < all.size(); ++which) {
    if (auto seen = look(txn, all, which); !seen) return std::unexpected(seen.error());
  }
  for (std::size_t evicted = 0;; ++evicted) {
    const auto which = choose(all, book, acknowledged, time_ms);
    if (!which) break;
    if (evicted == options_.evict_blobs_max) {
      out.more = true;
      break;
    }
    auto& one = all[*which];
    if (one.damaged) {
      out.failures.push_back(
          fmt::format("a damaged blob of class {} at offset {} was thrown away", *which, one.header.first));
    } else if (*which == state_at && one.header.last >= fresh) {
      one.blocked = out.more = true;
      continue;
    } else if (*which == state_at) {
      const auto released = release_state(txn, one, book, acknowledged[state_at], keep, out);
      if (!released) return std::unexpected(released.error());
      if (!*released) {
        one.blocked = true;
        continue;
      }
    }
    const auto key = blob_key(static_cast<proto::event_class>(*which), one.header.first);
    if (one.header.last > acknowledged[*which]) {
      auto noted = note_lost(txn, *which, one, consumers, time_ms, out.lost);
      if (!noted) return std::unexpected(noted.error());
    }
    if (auto removed = txn.remove(table::events, key); !removed) return std::unexpected(removed.error());
    count(book, *which, one, acknowledged[*which]);
    if (*which == state_at) out.state_evicted_to = one.header.first;
    if (auto seen = look(txn, all, *which); !seen) return std::unexpected(seen.error());
  }
  sort_unique(out.touched);
  return out;
}

void retention::count(ledger& book, std::size_t which, const tail& one, std::uint64_t acknowledged) const {
  auto& totals = book.classes[which];
  totals.blobs -= std::min<std::uint64_t>(totals.blobs, 1);
  totals.events -= std::min<std::uint64_t>(totals.events, one.header.rows);
  totals.bytes -= std::min(totals.bytes, one.bytes);
  totals.floor = std::max(totals.floor, one.header.last);
  totals.evicted += one.header.rows;
  if (one.header.last <= acknowledged || one.header.rows == 0) return;
  totals.evicted_unacked += one.header.rows;
  book.lost_before = std::max(book.lost_before, one.header.last);
}

base::result<void> retention::note_lost(transaction& txn, std::size_t which, const tail& one,
                                        const consumer_map& consumers, std::int64_t time_ms,
                                        losses& out) const {
  const auto kind = static_cast<proto::event_class>(which);
  const auto key = blob_key(kind, one.header.first);
  const auto value = txn.get(table::events, key);
  if (!value) return std::unexpected(value.error());
  const auto blob = blob_view::parse(key, value->value_or(std::string_view()));
  if (blob) {
    add_lost(*blob, consumers, time_ms, out);
  } else {
    add_damaged(kind, one.header.first, one.header.last, consumers, time_ms, out);
  }
  return {};
}

base::result<bool> retention::release_state(transaction& txn, const tail& one, ledger& book,
                                            std::uint64_t acknowledged, std::uint64_t keep, eviction& out) {
  const auto key = blob_key(proto::event_class::state, one.header.first);
  const auto value = txn.get(table::events, key);
  if (!value) return std::unexpected(value.error());
  const auto blob = blob_view::parse(key, value->value_or(std::string_view()));
  if (!blob) {
    // Guilds that need it cannot be made any more; waiting for their versions would wait for ever.
    out.failures.push_back("thrown away: " + blob.error().text());
    return true;
  }
  const bool unacknowledged = one.header.last > acknowledged;
  keep = std::max(keep, book.state_lost);
  if (keep < one.header.last) {
    if (goal_ < one.header.last) {
      const auto goal = reach(txn, one.header.first);
      if (!goal) return std::unexpected(goal.error());
      goal_ = *goal;
    }
    keep = goal_;
  }
  const auto guilds = guilds_in(*blob);
  for (const auto guild : guilds) {
    if (guilds_.covered(guild, one.header.last, keep)) continue;
    if (auto asked = ask_ahead(txn, one.header.first, keep, out); !asked)
      return std::unexpected(asked.error());
    return false;
  }
  if (unacknowledged) {
    book.state_lost = std::max(book.state_lost, keep);
    book.lost_before = std::max(book.lost_before, keep);
  }
  book.mirror_floor = std::max(book.mirror_floor, keep);
  out.touched.insert(out.touched.end(), guilds.begin(), guilds.end());
  if (auto dropped = drop_versions(txn, guilds, keep, book, out); !dropped)
    return std::unexpected(dropped.error());
  return true;
}

base::result<std::uint64_t> retention::reach(transaction& txn, std::uint64_t first) const {
  auto at = txn.scan(table::events);
  if (!at) return std::unexpected(at.error());
  std::uint64_t last = first;
  auto more = (*at)->seek(blob_key(proto::event_class::state, first));
  for (std::size_t seen = 0; more && *more && seen < look_ahead_blobs; ++seen, more = (*at)->next()) {
    if (class_of_key((*at)->key()) != proto::event_class::state) break;
    // A damaged one is thrown away when its turn comes; an error here would keep everything from being
    // written.
    const auto header = peek_header((*at)->key(), (*at)->value());
    last = header ? header->last : key_number((*at)->key(), 1, 8);
  }
  if (!more) return std::unexpected(more.error());
  return last;
}

base::result<void> retention::ask_ahead(transaction& txn, std::uint64_t first, std::uint64_t keep,
                                        eviction& out) const {
  auto at = txn.scan(table::events);
  if (!at) return std::unexpected(at.error());
  std::vector<proto::snowflake> uncovered;
  auto more = (*at)->seek(blob_key(proto::event_class::state, first));
  for (std::size_t seen = 0; more && *more && seen < look_ahead_blobs; ++seen, more = (*at)->next()) {
    if (class_of_key((*at)->key()) != proto::event_class::state) break;
    const auto blob = blob_view::parse((*at)->key(), (*at)->value());
    if (!blob) continue;
    if (blob->header().last > keep) break;
    for (const auto guild : guilds_in(*blob)) {
      if (!guilds_.covered(guild, blob->header().last, keep)) uncovered.push_back(guild);
    }
  }
  if (!more) return std::unexpected(more.error());
  sort_unique(uncovered);
  for (const auto guild : uncovered) out.wanted.push_back({guild, keep, true});
  return {};
}

base::result<void> retention::drop_versions(transaction& txn, const std::vector<proto::snowflake>& guilds,
                                            std::uint64_t keep, ledger& book, eviction& out) const {
  for (const auto guild : guilds) {
    const bool gone = guilds_.gone(guild, keep);
    std::vector<std::uint64_t> drop;
    if (gone) {
      for (const auto& version : guilds_.find(guild)->versions) drop.push_back(version.as_of);
      out.forgotten.push_back(guild);
    } else {
      drop = guilds_.superseded(guild, std::nullopt, keep);
    }
    for (const auto as_of : drop) {
      if (auto removed = remove_sealed(txn, table::guilds, version_key(guild, as_of), book.sums); !removed)
        return removed;
      out.versions_dropped.emplace_back(guild, as_of);
    }
  }
  return {};
}

}  // namespace evergate::journal
