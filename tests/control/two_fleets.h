// Two fleets of one bot before a cutover, their batches of one event each, and what it lets through.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/cutover.h"
#include "flow/intake.h"
#include "proto/json_view.h"

namespace evergate::control::cutover_cases {

using namespace std::chrono_literals;
using proto::event_type;
using enum fleet_side;

inline constexpr base::instant t0{1000s};

/// The guild with this number: its shard is number % count.
constexpr proto::snowflake guild(std::uint64_t number) {
  return (number << 22) + 7;
}

/// Two fleets, of two and of three shards, whose batches hold one event each.
class Cutover : public ::testing::Test {
 protected:
  static cutover_options options() {
    cutover_options o;
    o.cut = {.skew_max = 1'000ms, .handover_max = 3'000ms, .overlap_max = 60'000ms};
    return o;
  }

  flow::event_batch one(fleet_side side, event_type type, proto::snowflake of, std::string_view d,
                        std::optional<std::uint32_t> shard = {}) {
    const std::uint32_t count = side == old_fleet ? 2 : 3;
    const std::uint32_t id = shard.value_or(static_cast<std::uint32_t>((of >> 22) % count));
    flow::event_batch batch;
    auto& row = flow::append_row(batch, type, "NAME", d);
    row.guild = of;
    row.shard = static_cast<std::uint16_t>(id);
    row.shard_count = static_cast<std::uint16_t>(count);
    row.seq = static_cast<std::uint32_t>(++seq[side == old_fleet ? 0 : 1][id]);
    batch.progress.push_back({{id, count}, row.seq});
    return batch;
  }
  void tell(fleet_side side, event_type type, proto::snowflake of, std::string_view d,
            std::optional<std::uint32_t> shard = {}) {
    now += 1ms;
    cutover::output out;
    made->take(side, one(side, type, of, d, shard), now, out);
    show(out);
  }
  void message(fleet_side side, proto::snowflake of, int id) {
    tell(side, event_type::message_create, of, fmt::format(R"({{"id":"{}"}})", id));
  }
  void ready(fleet_side side, std::uint32_t shard, std::initializer_list<std::uint64_t> guilds,
             std::string_view more = R"("v":10)") {
    std::string d = fmt::format(R"({{{},"guilds":[)", more);
    for (const auto number : guilds)
      d += fmt::format(R"({}{{"id":"{}"}})", d.ends_with('[') ? "" : ",", guild(number));
    tell(side, event_type::session_started, 0, d + "]}", shard);
  }
  void gap(fleet_side side, std::uint32_t shard) { tell(side, event_type::gap, 0, "{}", shard); }
  void prove_all(base::milliseconds later = 1'100ms) {
    now += later;
    cutover::output out;
    for (std::uint32_t i = 0; i < 2; ++i) made->proved(old_fleet, i, now, now, out);
    for (std::uint32_t i = 0; i < 3; ++i) made->proved(new_fleet, i, now, now, out);
    show(out);
  }
  void open() {
    cutover::output out;
    made->open(now, out);
    show(out);
    now += 1'001ms;
  }
  /// All shards of the new fleet, with guilds 0 to 5 and their backfill.
  void prepare() {
    ready(new_fleet, 0, {3});
    ready(new_fleet, 1, {1, 4});
    ready(new_fleet, 2, {2, 5});
    for (const std::uint64_t n : {1, 2, 3, 4, 5}) {
      tell(new_fleet, event_type::guild_create, guild(n), R"({"joined_at":"then"})");
    }
    now += 1'001ms;
  }
  void show(const cutover::output& out) {
    for (const auto& row : out.batch.rows) {
      shown.push_back(std::string(proto::info_of(row.type).name) + ":" + std::string(out.batch.data(row)));
    }
    for (const auto& p : out.batch.progress) progress[p.shard] = p.seq;
    for (const auto& m : out.moves) moves.push_back(m);
    for (const auto& r : out.batch.records) {
      if (r.value.empty())
        records.erase(r.name);
      else
        records[r.name] = r.value;
    }
  }
  /// Another run goes on from what was written down.
  void go_on(const std::vector<proto::snowflake>& moved) {
    cutover_remains from;
    for (const std::uint64_t n : {1, 2, 3, 4, 5}) from.guilds.push_back(guild(n));
    for (const auto one : moved) from.moved.emplace(one, cut_kind::silence);
    from.counts = receipt::parse(proto::member(records[std::string(cutover::counts_record)], "receipt"));
    from.shard_marks = {records.begin(), records.end()};
    from.started = {true, true, true};
    made = std::make_unique<cutover>(options(), fleet_shape{2}, fleet_shape{3}, from, now);
  }
  static std::string text(int id) { return fmt::format(R"(MESSAGE_CREATE:{{"id":"{}"}})", id); }

  base::instant now = t0;
  std::unique_ptr<cutover> made = std::make_unique<cutover>(options(), fleet_shape{2}, fleet_shape{3}, t0);
  std::map<std::uint32_t, std::uint64_t> seq[2];
  std::vector<std::string> shown;
  std::map<proto::shard_key, std::int64_t> progress;
  std::vector<cutover::move> moves;
  std::map<std::string, std::string, std::less<>> records;
};

}  // namespace evergate::control::cutover_cases
