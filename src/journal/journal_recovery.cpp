// Reading the store at start: the members of journal_core that rebuild what is kept in memory.
#include <fmt/format.h>

#include "journal/bytes.h"
#include "journal/errc.h"
#include "journal/index_replay.h"
#include "journal/journal_core.h"
#include "journal/sealed.h"

namespace evergate::journal {
namespace {

// Calls use(key, payload) for every value of a sealed table, in key order, and adds up their checksums.
template <class Use>
base::result<void> each_sealed(snapshot& view, table where, table_sums& seen, Use&& use) {
  auto at = view.scan(where);
  if (!at) return std::unexpected(at.error());
  auto more = (*at)->seek({});
  for (; more && *more; more = (*at)->next()) {
    const auto payload = unseal(where, (*at)->key(), (*at)->value());
    if (!payload) return std::unexpected(payload.error());
    if (!use((*at)->key(), *payload)) return damaged(where, (*at)->key(), "value is malformed");
    if (where != table::meta || (*at)->key() != meta_ledger)
      seen[static_cast<std::size_t>(where)] += seal_of((*at)->value());
  }
  if (!more) return std::unexpected(more.error());
  return {};
}

template <class Use>
base::result<void> each_sealed(snapshot& view, table where, Use&& use) {
  table_sums ignored{};
  return each_sealed(view, where, ignored, std::forward<Use>(use));
}

constexpr auto nothing = [](std::string_view, std::string_view) { return true; };

}  // namespace

base::result<void> journal_core::recover(bool verify_all) {
  const auto lock = mirror_.lock();  // before the snapshot, as everywhere
  auto view = store_.read();
  if (!view) return std::unexpected(view.error());
  table_sums seen{};
  if (auto loaded = load_ledger(**view); !loaded) return loaded;
  if (verify_all) {
    if (auto whole = verify(**view); !whole) return whole;
  }
  if (auto loaded = load_small(**view, seen); !loaded) return loaded;
  sample_ = sample_old_ = state_.book.head;
  mirror_.set_floor(state_.book.mirror_floor);
  mirror_.set_self(state_.book.self);
  if (auto loaded = load_versions(**view, seen); !loaded) return loaded;
  if (auto whole = check_sums(**view, seen); !whole) return whole;
  if (auto loaded = load_rows(**view); !loaded) return loaded;
  ring_.start(state_.book.head);
  return find_recent(**view);
}

// Back from the newest blob of the class that INTERACTION_CREATE is of, as far as it is young.
base::result<void> journal_core::find_recent(snapshot& view) {
  recent_after_ = state_.book.head;
  constexpr auto kind = proto::event_class::message;
  auto at = view.scan(table::events);
  if (!at) return std::unexpected(at.error());
  std::int64_t newest_ms = 0;
  auto more = (*at)->seek_before(blob_key(static_cast<proto::event_class>(1 + static_cast<int>(kind)), 0));
  while (more && *more && class_of_key((*at)->key()) == kind) {
    const std::string key((*at)->key());
    // What is damaged is its readers' affair: what they find is told of.
    const auto header = peek_header(key, (*at)->value());
    if (header) {
      newest_ms = std::max(newest_ms, header->time_ms);
      if (header->time_ms < newest_ms - flow::event_source::recent_span_ms) break;
      recent_after_ = std::min(recent_after_.load(), header->round_first - 1);
    }
    more = (*at)->seek_before(key);
  }
  if (!more) return std::unexpected(more.error());
  return {};
}

base::result<void> journal_core::load_ledger(snapshot& view) {
  const auto book = get_sealed(view, table::meta, meta_ledger);
  if (!book) return std::unexpected(book.error());
  if (*book && foreign_ledger(**book))
    return base::fail(errc::unusable, "the store was written in another version of the format");
  if (*book && !decode(**book, state_.book)) return damaged(table::meta, meta_ledger, "value is malformed");
  if (*book) return {};
  auto at = view.scan(table::events);
  if (!at) return std::unexpected(at.error());
  const auto any = (*at)->seek({});
  if (!any) return std::unexpected(any.error());
  if (*any) return damaged(table::meta, meta_ledger, "there are events but no ledger");
  return {};
}

base::result<void> journal_core::load_small(snapshot& view, table_sums& seen) {
  auto loaded = each_sealed(view, table::meta, seen, [&](std::string_view key, std::string_view payload) {
    if (key == meta_ready) state_.ready = payload;
    if (key.starts_with(meta_started)) {
      const auto count = static_cast<std::uint32_t>(key_number(key, meta_started.size(), 4));
      if (payload.size() != count) return false;
      state_.started[count] = payload;
    }
    if (key.starts_with(meta_lost)) return decode(payload, lost_[std::string(key.substr(meta_lost.size()))]);
    return true;
  });
  if (!loaded) return loaded;
  loaded = each_sealed(view, table::sequences, seen, [&](std::string_view key, std::string_view payload) {
    const auto count = static_cast<std::uint32_t>(key_number(key, 0, 4));
    auto& all = state_.sequences[count];
    return decode(payload, all) && all.size() == (count & ~flow::twin_fleet);
  });
  if (!loaded) return loaded;
  const auto consumers = consumers_in(view);
  if (!consumers) return std::unexpected(consumers.error());
  for (const auto& consumer : consumers->consumers) state_.consumers.emplace(consumer.name, consumer);
  for (const auto& session : consumers->sessions) state_.sessions.insert(session.id);
  return {};
}

// Nothing is missing, twice there, or as it was in an earlier commit.
base::result<void> journal_core::check_sums(snapshot& view, table_sums& seen) const {
  for (const auto where :
       {table::sessions, table::consumers, table::downstreams, table::users, table::dead_letters}) {
    if (auto read = each_sealed(view, where, seen, nothing); !read) return read;
  }
  for (std::size_t which = 0; which < table_count; ++which) {
    if (seen[which] != state_.book.sums[which])
      return damaged(static_cast<table>(which), {}, "values are missing or not of the newest commit");
  }
  return {};
}

base::result<void> journal_core::load_versions(snapshot& view, table_sums& seen) {
  auto& index = mirror_.index();
  return each_sealed(view, table::guilds, seen, [&](std::string_view key, std::string_view payload) {
    version_record version;
    const auto as_of = key_number(key, 8, 8);
    if (key.size() != 16 || as_of > state_.book.head || !decode(payload, version)) return false;
    index.load(key_number(key, 0, 8), {as_of, version.state, version.raw_bytes}, version.reconcile);
    return true;
  });
}

base::result<void> journal_core::load_rows(snapshot& view) {
  auto at = view.scan(table::events);
  if (!at) return std::unexpected(at.error());
  const auto keep = std::max(kept_from(state_.book), state_.book.mirror_floor);
  std::uint64_t previous = 0;
  auto more = (*at)->seek(blob_key(proto::event_class::state, 0));
  for (; more && *more; more = (*at)->next()) {
    const auto blob = blob_view::parse((*at)->key(), (*at)->value());
    if (!blob) return std::unexpected(blob.error());
    if (previous != 0 && blob->header().previous != previous) {
      return damaged(table::events, (*at)->key(), "the blob before it is missing");
    }
    previous = blob->header().first;
    bool own_records = false;
    for (std::uint32_t i = 0; i < blob->header().rows; ++i) {
      const auto row = blob->row(i);
      own_records |= row.type == proto::event_type::session_started || row.type == proto::event_type::gap;
    }
    if (own_records) {
      if (auto whole = blob->verify_bytes(); !whole) return whole;
    }
    replay_blob(mirror_.index(), *blob, keep);
    for (std::uint32_t i = 0; own_records && i < blob->header().rows; ++i) {
      const auto row = blob->row(i);
      if (row.type != proto::event_type::gap) continue;
      gaps_.push_back({row.offset.value, std::string(blob->data(row))});
      if (gaps_.size() > options_.gaps_max) gaps_.pop_front();
    }
  }
  if (!more) return std::unexpected(more.error());
  return check_newest(view);
}

// The newest blob of each class is where the ledger says, so that a lost end is noticed as well.
base::result<void> journal_core::check_newest(snapshot& view) const {
  for (std::size_t which = 0; which < state_.book.classes.size(); ++which) {
    const auto& totals = state_.book.classes[which];
    if (totals.blobs == 0) continue;
    const auto key = blob_key(static_cast<proto::event_class>(which), totals.last_blob);
    const auto value = view.get(table::events, key);
    if (!value) return std::unexpected(value.error());
    if (!*value) return damaged(table::events, key, "the newest blob of its class is missing");
  }
  return {};
}

base::result<void> journal_core::verify(snapshot& view) const {
  auto at = view.scan(table::events);
  if (!at) return std::unexpected(at.error());
  std::array<std::uint64_t, proto::event_class_count> blobs{};
  std::array<std::uint64_t, proto::event_class_count> bytes{};
  std::array<std::uint64_t, proto::event_class_count> previous{};
  auto more = (*at)->seek({});
  for (; more && *more; more = (*at)->next()) {
    const auto blob = blob_view::parse((*at)->key(), (*at)->value());
    if (!blob) return std::unexpected(blob.error());
    if (auto whole = blob->verify_bytes(); !whole) return whole;
    const auto kind = blob->header().retention;
    if (blobs[kind] != 0 && blob->header().previous != previous[kind])
      return damaged(table::events, (*at)->key(), "the blob before it is missing");
    if (blob->header().last > state_.book.head)
      return damaged(table::events, (*at)->key(), "it is newer than the ledger");
    ++blobs[kind];
    bytes[kind] += (*at)->value().size();
    previous[kind] = blob->header().first;
  }
  if (!more) return std::unexpected(more.error());
  for (std::size_t kind = 0; kind < blobs.size(); ++kind) {
    const auto& totals = state_.book.classes[kind];
    if (blobs[kind] != totals.blobs || bytes[kind] != totals.bytes)
      return damaged(table::events, blob_key(static_cast<proto::event_class>(kind), 0), "blobs are missing");
  }
  return {};
}

base::result<std::map<std::string, std::string>> journal_core::records_in(snapshot& view) {
  std::map<std::string, std::string> out;
  auto loaded = each_sealed(view, table::meta, [&](std::string_view key, std::string_view payload) {
    if (key.starts_with(meta_control)) out.emplace(key.substr(meta_control.size()), payload);
    return true;
  });
  if (!loaded) return std::unexpected(loaded.error());
  return out;
}

base::result<std::vector<flow::stored_session>> journal_core::sessions_in(snapshot& view) {
  std::map<std::uint32_t, std::vector<std::int64_t>> sequences;
  auto loaded = each_sealed(view, table::sequences, [&](std::string_view key, std::string_view payload) {
    return decode(payload, sequences[static_cast<std::uint32_t>(key_number(key, 0, 4))]);
  });
  if (!loaded) return std::unexpected(loaded.error());
  std::vector<flow::stored_session> out;
  loaded = each_sealed(view, table::sessions, [&](std::string_view, std::string_view payload) {
    flow::stored_session one;
    if (!decode(payload, one.record)) return false;
    const auto& all = sequences[one.record.shard.count];
    if (one.record.shard.id < all.size()) one.record.seq = all[one.record.shard.id];
    one.seq = committed(one.record.seq);
    out.push_back(std::move(one));
    return true;
  });
  if (!loaded) return std::unexpected(loaded.error());
  return out;
}

base::result<flow::stored_consumers> journal_core::consumers_in(snapshot& view) {
  flow::stored_consumers out;
  auto loaded = each_sealed(view, table::consumers, [&](std::string_view, std::string_view payload) {
    return decode(payload, out.consumers.emplace_back());
  });
  if (!loaded) return std::unexpected(loaded.error());
  loaded = each_sealed(view, table::downstreams, [&](std::string_view, std::string_view payload) {
    return decode(payload, out.sessions.emplace_back());
  });
  if (!loaded) return std::unexpected(loaded.error());
  loaded = each_sealed(view, table::dead_letters, [&](std::string_view, std::string_view payload) {
    return decode(payload, out.dead_letters.emplace_back());
  });
  if (!loaded) return std::unexpected(loaded.error());
  const auto book = get_sealed(view, table::meta, meta_ledger);
  if (!book) return std::unexpected(book.error());
  ledger known;
  if (*book && !decode(**book, known)) return damaged(table::meta, meta_ledger, "value is malformed");
  out.next_session_number = known.next_session_number;
  return out;
}

}  // namespace evergate::journal
