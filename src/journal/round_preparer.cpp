#include "journal/round_preparer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "journal/json_digest.h"
#include "journal/json_splice.h"
#include "proto/json_view.h"

namespace evergate::journal {

bool concerns_mirror(const flow::event_row& row) noexcept {
  return row.guild != 0 && (row.flags & flow::row_flag::aside) == 0 &&
         proto::info_of(row.type).effect == proto::mirror_effect::mirror;
}

std::optional<std::vector<proto::snowflake>> guilds_of_ready(std::string_view d) {
  const auto list = proto::member(d, "guilds");
  if (!list.starts_with('[')) return std::nullopt;
  std::vector<proto::snowflake> out;
  proto::array_cursor at(list);
  while (at.next()) {
    const auto id = proto::snowflake_of(proto::member(at.value(), "id"));
    if (id != 0) out.push_back(id);
  }
  if (!at.ok()) return std::nullopt;
  return out;
}

bool user_differs(std::string_view known, std::string_view now) noexcept {
  if (!known.starts_with('{') || !now.starts_with('{')) return false;
  proto::object_cursor at(now);
  while (at.next()) {
    if (proto::member(known, at.key()) != at.value()) return true;
  }
  return false;
}

round_preparer::round_preparer(core_state& state, mirror& guilds, round& out)
    : state_(state), mirror_(guilds), round_(out), head_(state.book.head) {}

void round_preparer::run() {
  round_.first = next_offset();
  for (auto& batch : round_.batches) {
    take_batch(*batch);
    take_sessions(*batch);
    ++batches_done_;
  }
  round_.last = head_;
}

void round_preparer::take_batch(flow::event_batch& batch) {
  const auto came = std::move(batch.rows);
  rows_.clear();
  rows_.reserve(came.size() + 1);
  effects_.clear();
  offset_of_.clear();
  for (const auto& row : came) {
    take_row(batch, row);
    offset_of_.push_back(head_);
  }
  batch.rows = std::move(rows_);
  rows_ = {};
  auto& state_blob = round_.blobs[static_cast<std::size_t>(proto::event_class::state)];
  for (std::uint32_t i = 0; i < batch.rows.size(); ++i) {
    round_.blobs[static_cast<std::size_t>(batch.rows[i].retention)].add(batch, i, effects_[i]);
  }
  for (auto& counter : batch.counters) {
    base::check(counter.offset.value < offset_of_.size(), "a counter belongs to a row of its batch");
    counter.offset.value = offset_of_[counter.offset.value];
  }
  std::ranges::sort(batch.counters, {}, &flow::counter_row::offset);
  for (const auto& counter : batch.counters) {
    state_blob.add(counter);
    round_.actions.push_back(
        {counter.guild, counter.offset.value, sizeof(counter), index_action::kind::note, guild_effect::none});
  }
}

void round_preparer::take_sessions(const flow::event_batch& batch) {
  const auto slot = [&](proto::shard_key shard) -> std::int64_t& {
    const auto count = shard.count & ~flow::twin_fleet;
    base::check(count > 0 && shard.id < count && count <= 65'535, "a shard is within its fleet");
    auto& all = state_.sequences[shard.count];
    if (all.size() < count) all.resize(count, -1);
    round_.progressed.insert(shard);
    return all[shard.id];
  };
  for (const auto& session : batch.sessions) {
    auto& at = slot(session.shard);
    if (session.session_id.empty()) round_.finished.push_back({session.shard, at});
    at = session.seq;
    round_.sessions.insert_or_assign(session.shard, session);
  }
  for (const auto& progress : batch.progress) slot(progress.shard) = progress.seq;
  for (const auto& record : batch.records) {
    base::check(record.name.size() <= control_name_max, "the name of a control record is short");
    round_.records.insert_or_assign(record.name, record.value);
  }
}

void round_preparer::take_row(flow::event_batch& batch, flow::event_row row) {
  using enum proto::event_type;
  switch (row.type) {
    case session_started:
      row.flags |= flow::row_flag::internal;
      row.retention = proto::event_class::state;
      take_session_started(batch, row);
      return;
    case gap:
      take_gap(batch, row);
      return;
    case guild_create:
      take_guild_create(batch, row);
      return;
    case guild_delete: {
      const bool down = proto::member(batch.data(row), "unavailable") == "true";
      push(row, down ? guild_effect::unavailable : guild_effect::removed);
      return;
    }
    case user_update:
      take_user_update(batch, row);
      return;
    default:
      push(row, guild_effect::none);
  }
}

void round_preparer::push(const flow::event_row& row, guild_effect effect) {
  auto& placed = rows_.emplace_back(row);
  placed.offset.value = ++head_;
  effects_.push_back(effect);
  if (!concerns_mirror(row)) return;
  placed.retention = proto::event_class::state;
  round_.actions.push_back({row.guild, head_, row.size, index_action::kind::note, effect});
  if (effect == guild_effect::none) return;
  auto& known = changed_[row.guild];
  known.reconcile = false;
  known.state = effect == guild_effect::available     ? guild_state::available
                : effect == guild_effect::unavailable ? guild_state::unavailable
                                                      : guild_state::removed;
}

void round_preparer::push_made(flow::event_batch& batch, const flow::event_row& like, proto::event_type type,
                               std::string_view d, guild_effect effect) {
  flow::event_row row;
  row.type = type;
  row.retention = proto::event_class::state;
  row.guild = like.guild;
  row.shard = like.shard;
  row.shard_count = like.shard_count;
  row.pos = static_cast<std::uint32_t>(batch.arena.size());
  row.size = static_cast<std::uint32_t>(d.size());
  batch.arena.append(d);
  push(row, effect);
}

void round_preparer::push_guild_delete(flow::event_batch& batch, const flow::event_row& like,
                                       bool unavailable, guild_effect effect) {
  const auto d = fmt::format(R"({{"id":"{}"{}}})", like.guild, unavailable ? R"(,"unavailable":true)" : "");
  push_made(batch, like, proto::event_type::guild_delete, d, effect);
}

void round_preparer::take_session_started(flow::event_batch& batch, const flow::event_row& row) {
  const std::string d(batch.data(row));
  push(row, guild_effect::none);
  const std::uint64_t offset = head_;
  if (const auto self = id_of(d, id_place::user); self != 0) state_.book.self = self;
  const proto::shard_key shard{row.shard, std::max<std::uint32_t>(row.shard_count, 1)};
  auto& started = state_.started[shard.count];
  started.resize(shard.count, '\0');
  const bool takes_over = (row.flags & flow::row_flag::known_guilds) != 0;
  const bool speaks = takes_over ? state_.ready.empty() : shard.id == 0 || started[0] == '\0';
  take_account(batch, row, d, speaks);
  if (shard.id < shard.count) started[shard.id] = '\1';
  round_.started.insert(shard.count);
  state_.book.newest_count = shard.count;
  if (takes_over) return;
  round_.guilds_expected = true;

  const auto listed = guilds_of_ready(d);
  if (!listed) {
    round_.failures.push_back("a READY without a guilds array: no guild is taken as left");
    return;
  }
  for (const auto id : *listed) {
    const auto now = look(id);
    if (now.state != guild_state::unknown && now.state != guild_state::removed) continue;
    changed_[id] = {guild_state::awaiting, false};
    round_.actions.push_back({id, offset, 0, index_action::kind::await, guild_effect::none});
  }
  const std::unordered_set<proto::snowflake> still(listed->begin(), listed->end());
  for (const auto& [id, now] : guilds_of(shard)) {
    if (still.contains(id)) continue;
    auto like = row;
    like.guild = id;
    push_guild_delete(batch, like, false, guild_effect::removed);
  }
}

// USER_UPDATE comes in shard 0's stream only: once that runs, the READY of another shard may be older than
// what it has said, and is not asked; nor is that of a fleet which was prepared meanwhile.
void round_preparer::take_account(flow::event_batch& batch, const flow::event_row& row, const std::string& d,
                                  bool speaks) {
  const std::string known(proto::member(state_.ready, "user"));
  const auto user = proto::member(d, "user");
  const bool other = user_differs(known, user);
  state_.ready = other && !speaks ? with(d, "user", known) : d;
  round_.ready_changed = true;
  if (other && speaks) push_user_update(batch, row, user);
}

void round_preparer::take_gap(const flow::event_batch& batch, flow::event_row row) {
  row.flags |= flow::row_flag::internal;
  row.retention = proto::event_class::state;
  push(row, guild_effect::none);
  ++state_.book.gaps;
  round_.gaps.push_back({head_, std::string(batch.data(row))});
  if (row.shard_count == 0) return;  // our own eviction: no session of Discord's was lost
  for (const auto& [id, now] : guilds_of({row.shard, row.shard_count})) {
    if (now.state != guild_state::available) continue;
    changed_[id] = {now.state, true};
    round_.actions.push_back({id, head_, 0, index_action::kind::reconcile, guild_effect::none});
  }
}

void round_preparer::take_guild_create(flow::event_batch& batch, flow::event_row row) {
  round_.guilds_expected = true;
  if (row.guild == 0 || proto::member(batch.data(row), "unavailable") == "true") {
    push(row, guild_effect::unavailable);
    return;
  }
  const auto now = look(row.guild);
  if (now.reconcile && now.state == guild_state::available) {
    if (same_as_known(batch, row)) {
      row.flags |= flow::row_flag::internal;
    } else {
      push_guild_delete(batch, row, true, guild_effect::unavailable);
    }
  }
  push(row, is_object(batch.data(row)) ? guild_effect::available : guild_effect::none);
}

// The USER_UPDATE was lost with an earlier session: bots and the own member in every guild still need it.
void round_preparer::push_user_update(flow::event_batch& batch, flow::event_row like, std::string_view user) {
  like.guild = 0;
  push_made(batch, like, proto::event_type::user_update, user, guild_effect::none);
  round_.users.push_back({head_, std::string(user)});
}

void round_preparer::take_user_update(const flow::event_batch& batch, const flow::event_row& row) {
  push(row, guild_effect::none);
  const auto user = batch.data(row);
  if (!is_object(user)) return;
  round_.users.push_back({head_, std::string(user)});
  const auto known = proto::member(state_.ready, "user");
  if (!known.starts_with('{')) return;
  state_.ready = with(state_.ready, "user", merged(known, user));
  round_.ready_changed = true;
}

bool round_preparer::same_as_known(const flow::event_batch& batch, const flow::event_row& row) {
  auto image = mirror_.load(row.guild, state_.book.head);
  if (!image) {
    round_.failures.push_back(
        fmt::format("guild {} cannot be compared: {}", row.guild, image.error().text()));
    return false;
  }
  apply_round(row.guild, batch, image->document);
  if (!image->document.present()) return false;
  std::string text;
  image->document.write(text);
  return digest_of(text, "unavailable") == digest_of(batch.data(row), "unavailable");
}

// The guild's rows of this round so far: they are not in the store yet.
void round_preparer::apply_round(proto::snowflake guild, const flow::event_batch& current,
                                 guild_document& to) const {
  struct step {
    std::uint64_t offset;
    const flow::counter_row* counter;
    const flow::event_batch* batch;
    const flow::event_row* row;
    guild_effect effect;
  };
  std::vector<step> steps;
  const auto add_rows = [&](const flow::event_batch& batch, const std::vector<flow::event_row>& rows) {
    for (const auto& row : rows) {
      if (row.guild != guild || !concerns_mirror(row)) continue;
      const auto d = batch.data(row);
      const bool unavailable = proto::member(d, "unavailable") == "true";
      auto effect = guild_effect::none;
      if (row.type == proto::event_type::guild_delete)
        effect = unavailable ? guild_effect::unavailable : guild_effect::removed;
      steps.push_back({row.offset.value, nullptr, &batch, &row, effect});
    }
  };
  for (std::size_t i = 0; i < batches_done_; ++i) {
    const auto& batch = *round_.batches[i];
    add_rows(batch, batch.rows);
    for (const auto& counter : batch.counters) {
      if (counter.guild == guild)
        steps.push_back({counter.offset.value, &counter, nullptr, nullptr, guild_effect::none});
    }
  }
  add_rows(current, rows_);
  for (const auto& counter : current.counters) {
    // Counters of the current batch still name their row by its number.
    if (counter.guild != guild || counter.offset.value >= offset_of_.size()) continue;
    steps.push_back({offset_of_[counter.offset.value], &counter, nullptr, nullptr, guild_effect::none});
  }
  std::ranges::sort(steps, {}, &step::offset);
  for (const auto& one : steps) {
    if (one.counter != nullptr) {
      to.apply(*one.counter);
    } else if (one.effect == guild_effect::removed) {
      to.remove();
    } else {
      to.apply(one.row->type, one.batch->data(*one.row));
    }
  }
}

round_preparer::known round_preparer::look(proto::snowflake guild) const {
  if (const auto found = changed_.find(guild); found != changed_.end()) return found->second;
  const auto* const entry = std::as_const(mirror_).index().find(guild);
  return entry == nullptr ? known{} : known{entry->state(), entry->reconcile};
}

std::vector<std::pair<proto::snowflake, round_preparer::known>> round_preparer::guilds_of(
    proto::shard_key shard) const {
  std::vector<std::pair<proto::snowflake, known>> out;
  const auto add = [&](proto::snowflake id, known now) {
    if (shard.owns(id) && now.state != guild_state::unknown && now.state != guild_state::removed)
      out.emplace_back(id, now);
  };
  std::as_const(mirror_).index().each([&](proto::snowflake id, const guild_entry_state& entry) {
    if (!changed_.contains(id)) add(id, {entry.state(), entry.reconcile});
  });
  for (const auto& [id, now] : changed_) add(id, now);
  std::ranges::sort(out, {}, &std::pair<proto::snowflake, known>::first);
  return out;
}

}  // namespace evergate::journal
