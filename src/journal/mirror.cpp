#include "journal/mirror.h"

#include <algorithm>
#include <optional>

#include "journal/bytes.h"
#include "journal/document_codec.h"
#include "journal/event_blob.h"
#include "journal/sealed.h"

namespace evergate::journal {
namespace {

// The account as the newest USER_UPDATE up to `until` gives it; empty without one.
base::result<std::string_view> account_at(snapshot& view, std::uint64_t until) {
  auto at = view.scan(table::users);
  if (!at) return std::unexpected(at.error());
  const auto found = (*at)->seek_before(offset_key(until + 1));
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::string_view();
  return unseal(table::users, (*at)->key(), (*at)->value());
}

// Rows and counters of one guild in one blob, put together in offset order.
class guild_rows {
 public:
  guild_rows(const blob_view& blob, const guild_chains& chains, proto::snowflake guild, std::uint64_t after,
             std::uint64_t until)
      : blob_(blob) {
    const auto wanted = [after, until](flow::offset at) { return at.value > after && at.value <= until; };
    chains.each_row(blob, guild, [&](std::uint32_t i) {
      const auto row = blob.row(i);
      if (wanted(row.offset) && (row.flags & flow::row_flag::aside) == 0) {
        rows_.push_back({row, blob.effect(i)});
      }
    });
    chains.each_counter(blob, guild, [&](const flow::counter_row& counter) {
      if (wanted(counter.offset)) counters_.push_back(counter);
    });
  }

  [[nodiscard]] bool needs_bytes() const noexcept { return !rows_.empty(); }
  [[nodiscard]] bool inside() const noexcept {
    return std::ranges::all_of(rows_, [this](const part& one) { return blob_.holds(one.row); });
  }

  void apply(guild_document& out) {
    std::size_t counter = 0;
    for (const auto& [row, effect] : rows_) {
      for (; counter < counters_.size() && counters_[counter].offset < row.offset; ++counter) {
        out.apply(counters_[counter]);
      }
      if (effect == guild_effect::removed) out.remove();
      if (effect == guild_effect::available) out.replace(std::string(blob_.data(row)));
      if (effect == guild_effect::none) out.apply(row.type, blob_.data(row));
    }
    for (; counter < counters_.size(); ++counter) out.apply(counters_[counter]);
  }

 private:
  struct part {
    flow::event_row row;
    guild_effect effect;
  };
  const blob_view& blob_;
  std::vector<part> rows_;
  std::vector<flow::counter_row> counters_;
};

}  // namespace

base::result<mirror::plan> mirror::make_plan(proto::snowflake guild, std::uint64_t as_of) {
  const std::shared_lock lock(mutex_);
  plan out;
  out.as_of = std::max(as_of, floor_);
  const auto* const entry = index_.find(guild);
  if (entry == nullptr) return out;
  out.state = entry->state_at(out.as_of);
  out.reconcile = entry->reconcile;
  if (const auto* const version = entry->version_at(out.as_of)) out.base = version->as_of;
  for (std::size_t i = 0; i < entry->pending.size() && entry->pending[i] <= out.as_of; ++i) {
    const bool old = i + 1 < entry->pending.size() && entry->pending[i + 1] <= out.base + 1;
    if (!old) out.blobs.push_back(entry->pending[i]);
  }
  auto view = store_.read();
  if (!view) return std::unexpected(view.error());
  out.view = std::move(*view);
  return out;
}

base::result<void> mirror::load_base(const plan& from, proto::snowflake guild, guild_document& out) const {
  if (from.base == 0) return {};
  const auto key = version_key(guild, from.base);
  const auto payload = get_sealed(*from.view, table::guilds, key);
  if (!payload) return std::unexpected(payload.error());
  version_record version;
  if (!*payload || !decode(**payload, version))
    return damaged(table::guilds, key, "version missing or malformed");
  if (version.raw_bytes == 0) return {};
  auto text = decompressed(version.compressed, version.raw_bytes, document_bytes_max_);
  if (!text || !out.replace(std::move(*text)))
    return damaged(table::guilds, key, "document cannot be unpacked");
  return {};
}

base::result<guild_image> mirror::load(proto::snowflake guild, std::uint64_t as_of) {
  auto from = make_plan(guild, as_of);
  if (!from) return std::unexpected(from.error());
  guild_image out{from->state, guild_document(self()), from->reconcile, from->as_of};
  if (from->view == nullptr) return out;
  if (auto based = load_base(*from, guild, out.document); !based) return std::unexpected(based.error());
  for (const auto first : from->blobs) {
    const auto key = blob_key(proto::event_class::state, first);
    const auto value = from->view->get(table::events, key);
    if (!value) return std::unexpected(value.error());
    if (!*value) return damaged(table::events, key, "a blob that a guild needs is missing");
    const auto blob = whole_.open(key, **value);
    if (!blob) return std::unexpected(blob.error());
    guild_rows rows(*blob, *whole_.chains_of(*blob), guild, from->base, from->as_of);
    if (rows.needs_bytes()) {
      if (!rows.inside()) return damaged(table::events, key, "a row points outside");
      if (auto whole = whole_.verify_bytes(*blob); !whole) return std::unexpected(whole.error());
    }
    rows.apply(out.document);
  }
  // Last, since what a guild says of the bot's own account may be older: its shard lags behind shard 0.
  const auto account = account_at(*from->view, from->as_of);
  if (!account) return std::unexpected(account.error());
  out.document.apply_user(*account);
  return out;
}

std::vector<flow::guild_entry> mirror::guilds(proto::shard_key lane, std::uint64_t as_of) const {
  std::vector<flow::guild_entry> out;
  {
    const std::shared_lock lock(mutex_);
    const auto at = std::max(as_of, floor_);
    index_.each([&](proto::snowflake id, const guild_entry_state& entry) {
      if (!lane.owns(id)) return;
      const auto state = entry.state_at(at);
      if (state == guild_state::unknown || state == guild_state::removed) return;
      out.push_back({id, state == guild_state::available});
    });
  }
  std::ranges::sort(out, {}, &flow::guild_entry::id);
  return out;
}

std::uint64_t mirror::awaiting() const {
  const std::shared_lock lock(mutex_);
  return index_.awaiting();
}

}  // namespace evergate::journal
