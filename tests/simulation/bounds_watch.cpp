#include "bounds_watch.h"

#include <algorithm>
#include <charconv>
#include <memory>

#include "journal/event_blob.h"
#include "journal/records.h"
#include "journal/sealed.h"

namespace evergate::simulation {
namespace {

/// The numbers in a text, in order.
std::vector<std::uint64_t> numbers_of(std::string_view text) {
  std::vector<std::uint64_t> out;
  while (!text.empty()) {
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec == std::errc()) out.push_back(value);
    text.remove_prefix(read.ec == std::errc() ? static_cast<std::size_t>(read.ptr - text.data()) : 1);
  }
  return out;
}

auto blobs_in(journal::snapshot& view) {
  decltype(eviction_check::outline::blobs) out;
  auto at = view.scan(journal::table::events);
  if (!at) return out;
  for (auto more = (*at)->seek({}); more && *more; more = (*at)->next()) {
    const auto header = journal::peek_header((*at)->key(), (*at)->value());
    if (header) out[{header->retention, header->round_last}] = {(*at)->value().size(), header->time_ms};
  }
  return out;
}

eviction_check::offsets acknowledged_in(const std::vector<flow::consumer_record>& all, std::uint64_t head) {
  eviction_check::offsets out;
  out.fill(head);
  for (const auto& consumer : all) {
    for (const auto& layout : consumer.layouts) {
      for (const auto cursor : layout.cursors) {
        for (std::size_t kind = 0; kind < out.size(); ++kind) {
          out[kind] = std::min(out[kind], std::max(cursor.value, consumer.dropped[kind].value));
        }
      }
    }
  }
  return out;
}

/// Whether the consumer waits for the row, from docs/delivery.md: past its cursor in each layout.
bool due(const flow::consumer_record& consumer, std::size_t kind, const kept_row& row) {
  if (consumer.layouts.empty() || row.offset <= consumer.dropped[kind].value) return false;
  for (const auto& layout : consumer.layouts) {
    const auto lane = (row.guild >> 22) % layout.lanes;
    const auto& past = row.interaction && !layout.interactions.empty() ? layout.interactions : layout.cursors;
    if (row.offset <= past[lane].value) return false;
  }
  return true;
}

}  // namespace

bounds_watch::bounds_watch(const swarm& plan) {
  const auto& core = plan.daemon.journal.core;
  if (plan.evicts()) {
    evictions_.emplace(
        kept_bounds{core.max_events, core.max_bytes,
                    std::chrono::duration_cast<std::chrono::milliseconds>(core.max_age).count()});
  }
  const auto& policy = *plan.daemon.gateway.consumers.fallback;
  if (downstream::has_bounds(policy)) {
    relief_.emplace(
        relief_bounds{policy.max_events, policy.max_bytes,
                      std::chrono::duration_cast<std::chrono::milliseconds>(policy.max_age).count()});
  }
}

void bounds_watch::row(const flow::event_row& one) {
  const auto kind = static_cast<std::size_t>(one.retention);
  const bool internal = (one.flags & flow::row_flag::internal) != 0;
  if (relief_ && !internal) relief_->row(one.offset.value, kind);
  if (!evictions_) return;
  evictions_->row(kind, {.offset = one.offset.value,
                         .guild = one.guild,
                         .internal = internal,
                         .interaction = one.type == proto::event_type::interaction_create});
}

// "evicted FROM-TO: N messages, M of state", "past its bounds, up to TO: N messages, M of state".
void bounds_watch::gap(std::string_view cause) {
  const auto n = numbers_of(cause);
  if (cause.starts_with("evicted ") && n.size() == 4 && evictions_) {
    evictions_->gap(n[0], n[1], n[2], n[3]);
  } else if (cause.starts_with("past its bounds") && n.size() == 3 && relief_) {
    relief_->gap(n[1], n[2]);
  }
}

void bounds_watch::committed(const virtual_disk& disk, std::int64_t unix_ms, base::instant at) {
  journal::memory_store store(disk.image);
  auto view = store.read();
  const auto text = journal::get_sealed(**view, journal::table::meta, journal::meta_ledger);
  const auto consumers = journal::journal_core::consumers_in(**view);
  journal::ledger book;
  if (!text || !*text || !journal::decode(**text, book) || !consumers) return;
  const auto& all = consumers->consumers;
  if (evictions_) {
    eviction_check::outline now;
    now.time_ms = unix_ms;
    for (std::size_t i = 0; i < now.ledger.size(); ++i) {
      now.ledger[i] = {book.classes[i].floor, book.classes[i].evicted, book.classes[i].evicted_unacked};
    }
    now.acknowledged = acknowledged_in(all, book.head);
    now.blobs = blobs_in(**view);
    now.due = [&](std::size_t kind, const kept_row& row) {
      return std::ranges::any_of(all, [&](const auto& consumer) { return due(consumer, kind, row); });
    };
    evictions_->committed(now);
  }
  if (relief_) relief_->stored(all.empty() ? relief_look::each<std::uint64_t>{} : all.front().given_up);
  kept_from_.emplace_back(at, flow::offset{book.mirror_floor});
}

void bounds_watch::looked(const relief_look& what) {
  if (!relief_) return;
  relief_->looked(what, [this](std::size_t kind) { return evictions_ ? evictions_->floor(kind) : 0; });
}

void bounds_watch::finish() {
  if (evictions_) evictions_->finish();
}

bool bounds_watch::may_miss(flow::offset at) const {
  return (evictions_ && evictions_->lost(at.value)) || (relief_ && relief_->given_up(at.value));
}

std::uint64_t bounds_watch::given_up_rows() const {
  return (evictions_ ? evictions_->lost_rows() : 0) + (relief_ ? relief_->given_up_rows() : 0);
}

flow::offset bounds_watch::guilds_kept_from(base::instant at) const {
  const auto past =
      std::ranges::upper_bound(kept_from_, at, {}, &std::pair<base::instant, flow::offset>::first);
  return past == kept_from_.begin() ? flow::offset{} : std::prev(past)->second;
}

std::vector<std::string> bounds_watch::findings() const {
  std::vector<std::string> out;
  if (evictions_) out = evictions_->findings();
  if (relief_) out.insert(out.end(), relief_->findings().begin(), relief_->findings().end());
  return out;
}

}  // namespace evergate::simulation
