#include "stored_world.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <memory>

#include "../core_rig.h"
#include "../journal_rig.h"
#include "base/check.h"
#include "base/rng.h"
#include "journal/lmdb_store.h"
#include "journal/run_marks.h"

namespace evergate::journal::flip {
namespace {

using test::batch_maker;
using enum proto::event_type;

constexpr int guild_count = 8;
constexpr int rounds = 70;
constexpr std::string_view ready_d =
    R"({"v":10,"user":{"id":"77","username":"bot"},"guilds":[{"id":"4194304"},{"id":"8388608"},{"id":"12582912"},)"
    R"({"id":"16777216"},{"id":"20971520"},{"id":"25165824"},{"id":"29360128"},{"id":"33554432"}]})";

proto::snowflake guild_id(std::uint64_t i) {
  return (i + 1) << 22;
}

std::string noise(base::rng& random, std::size_t size) {
  std::string out(size, ' ');
  for (auto& c : out) c = static_cast<char>('a' + random.below(26));
  return out;
}

journal_options cramped(const std::filesystem::path& directory) {
  auto options = roomy(directory);
  options.max_events = 260;
  options.checkpoint_bytes_min = 1500;
  options.checkpoint_blobs_max = 12;
  options.user_updates_max = 3;
  return options;
}

// A core over LMDB, driven round by round.
struct driver {
  explicit driver(const std::filesystem::path& directory)
      : options(cramped(directory)),
        store(lmdb_store::open(directory, {.map_bytes = options.map_bytes}).value()),
        guilds(*store, options.document_bytes_max),
        ring(options.ring_bytes_max),
        core(*store, guilds, ring, options) {
    base::check(core.recover(false).has_value(), "an empty store is good");
  }
  void run(std::unique_ptr<flow::event_batch> batch, flow::consumer_change change) {
    round work;
    work.batches.push_back(std::move(batch));
    work.changes.add(std::move(change));
    for (const auto& one : std::exchange(requests, {}))
      work.checkpoints.push_back(make_checkpoint(guilds, one, 1));
    core.prepare(work);
    base::check(core.write(work, base::unix_time_ms()).has_value(), "a round can be written");
    requests = work.requests;
    (void)core.settle(work);
  }

  journal_options options;
  std::unique_ptr<lmdb_store> store;
  mirror guilds;
  batch_ring ring;
  journal_core core;
  std::vector<checkpoint_request> requests;
};

std::unique_ptr<flow::event_batch> beginning(base::rng& random) {
  batch_maker batch;
  for (std::uint16_t shard = 0; shard < 2; ++shard) {
    batch.on(shard, 2).gap().ready(ready_d).session(fmt::format("session-{}", shard), 1);
  }
  for (std::uint64_t i = 0; i < guild_count; ++i) {
    const auto id = guild_id(i);
    const auto d = fmt::format(
        R"({{"id":"{}","name":"n","pad":"{}","channels":[{{"id":"{}","type":0}}],"members":[],"threads":[]}})",
        id, noise(random, i == 0 ? 15'000 : 300 + 200 * i), id + 1);
    batch.on(static_cast<std::uint16_t>(i % 2), 2).event(guild_create, id, d, 2);
  }
  return batch.done();
}

std::unique_ptr<flow::event_batch> some_events(base::rng& random, std::uint32_t seq) {
  batch_maker batch;
  for (auto n = 2 + random.below(6); n > 0; --n) {
    const auto i = random.below(guild_count);
    const auto id = guild_id(i);
    batch.on(static_cast<std::uint16_t>(i % 2), 2);
    if (random.chance(0.3)) {
      batch.event(guild_update, id, fmt::format(R"({{"id":"{}","name":"{}"}})", id, noise(random, 60)), seq);
    } else if (random.chance(0.5)) {
      batch.message(id, id + 1, seq, 1, fmt::format(R"({{"content":"{}"}})", noise(random, 120)));
    } else {
      batch.event(typing_start, id, noise(random, 40), seq);
    }
  }
  if (random.chance(0.1))
    batch.event(user_update, 0, fmt::format(R"({{"id":"77","username":"{}"}})", noise(random, 12)), seq);
  if (random.chance(0.03)) batch.gap(noise(random, 10));
  return batch.on(seq % 2, 2).progress(seq).done();
}

flow::consumer_change some_changes(base::rng& random, std::uint64_t head, bool last) {
  flow::consumer_change change;
  const auto behind = [&](std::uint64_t by) { return flow::offset{head > by ? head - by : 0}; };
  if (last || random.chance(0.5))
    change.consumers.push_back({"main", 1, {{2, {behind(30), behind(20)}}, {1, {behind(25)}}}});
  if (last || random.chance(0.2)) change.consumers.push_back({"staging", 0, {{1, {behind(30)}}}});
  const auto id = fmt::format("downstream-{}", random.below(6));
  if (random.chance(0.5)) {
    flow::downstream_record one;
    one.id = id;
    one.number = static_cast<std::uint32_t>(random.below(9));
    one.consumer = "main";
    one.layout = 1;
    one.lane = {0, 2};
    one.anchor_seq = 7;
    one.anchor_offset = behind(random.below(20));
    change.sessions.push_back(std::move(one));
  } else if (random.chance(0.2)) {
    change.sessions_removed.push_back(id);
  }
  return change;
}

std::string text_of(const flow::event_batch& batch, const flow::event_row& row) {
  if (row.type == gap) return "GAP " + std::string(batch.data(row));
  return fmt::format("{} {} {} {}/{} {} {}", batch.name(row), static_cast<int>(row.type), row.guild,
                     row.shard, row.shard_count, row.seq, batch.data(row));
}

std::string text_of(const flow::consumer_record& of) {
  auto out = fmt::format("{}", of.layout);
  for (const auto& layout : of.layouts) {
    out += fmt::format(" {}:", layout.lanes);
    for (const auto cursor : layout.cursors) out += fmt::format(" {}", cursor.value);
    for (const auto at : layout.interactions) out += fmt::format(" i{}", at.value);
  }
  out += of.paused ? " paused" : "";
  for (const auto upto : of.dropped) out += fmt::format(" d{}", upto.value);
  for (const auto count : of.given_up) out += fmt::format(" g{}", count);
  return out;
}

void show_events(journal& from, shown& out, std::string& error) {
  for (std::uint64_t after = 0;;) {
    const auto batch = from.read_after({after}, 4096);
    if (!batch) {
      error = batch.error().text();
      return;
    }
    if (*batch == nullptr) return;
    for (const auto& row : (*batch)->rows)
      out.emplace(fmt::format("event {:08}", row.offset.value), text_of(**batch, row));
    after = (*batch)->rows.back().offset.value;
  }
}

void show_guilds(journal& from, std::uint64_t as_of, shown& out, std::string& error) {
  const auto guilds = from.guilds({0, 1}, {as_of});
  if (!guilds) {
    error = guilds.error().text();
    return;
  }
  for (const auto& one : *guilds) {
    std::string text;
    const auto there = from.guild(one.id, {as_of}, text);
    if (!there) error = there.error().text();
    if (there && *there) out.emplace(fmt::format("guild {} as of {}", one.id, as_of), std::move(text));
  }
}

}  // namespace

journal_options roomy(const std::filesystem::path& directory) {
  journal_options options;
  options.directory = directory;
  options.map_bytes = std::uint64_t{8} << 20;
  options.map_bytes_max = std::uint64_t{64} << 20;
  options.ring_bytes_max = 0;
  options.on_damage = damage_policy::refuse;
  options.stop_wait = base::milliseconds(0);
  options.retry_min = options.retry_max = base::milliseconds(1);
  options.cursor_interval = base::milliseconds(1);
  return options;
}

void make_world(const std::filesystem::path& directory, std::string& older) {
  base::rng random(2024);
  driver world(directory);
  world.run(beginning(random), {});
  for (std::uint32_t i = 0; i < rounds; ++i) {
    const bool last = i + 1 == rounds;
    world.run(some_events(random, i + 3), some_changes(random, world.core.state().book.head, last));
    if (i + 6 != rounds) continue;
    std::ifstream file(directory / "data.mdb", std::ios::binary);
    older.assign(std::istreambuf_iterator<char>(file), {});
  }
  base::check(world.core.close().has_value(), "a store can be closed");
  run_marks marks;
  marks.made = true;
  marks.boot = boot_id();
  base::check(marks.save(directory).has_value(), "marks can be saved");
}

moments moments_of(const journal& of) {
  const auto book = of.status().book;
  return {book.mirror_floor, (book.mirror_floor + book.head) / 2, book.head};
}

shown show(journal& from, const moments& at, std::string& error) {
  shown out;
  show_events(from, out, error);
  for (const auto as_of : {at.low, at.middle, at.high}) show_guilds(from, as_of, out, error);
  const auto sessions = from.stored_sessions();
  if (!sessions) error = sessions.error().text();
  for (const auto& one : sessions.value_or(std::vector<flow::stored_session>()))
    out.emplace(fmt::format("session {}/{}", one.record.shard.id, one.record.shard.count),
                fmt::format("{} {} {}", one.record.session_id, one.record.resume_url, one.seq.value()));
  const auto stored = from.stored();
  if (!stored) error = stored.error().text();
  if (stored) {
    for (const auto& one : stored->consumers) out.emplace("consumer " + one.name, text_of(one));
    for (const auto& one : stored->sessions)
      out.emplace("downstream " + one.id, fmt::format("{} {} {} {}", one.number, one.layout, one.anchor_seq,
                                                      one.anchor_offset.value));
    out.emplace("next number", std::to_string(stored->next_session_number));
  }
  out.emplace("ready", from.ready().value_or(std::string()));
  return out;
}

shown append_news(journal& to) {
  test::listener heard;
  to.start({&heard});
  shown out;
  auto expected = to.head().value;
  for (std::uint32_t i = 0; i < 4; ++i) {
    batch_maker batch;
    batch.on(0, 2).event(message_create, 999ULL << 22, fmt::format(R"({{"news":{}}})", i), 900 + i);
    batch.event(typing_start, 999ULL << 22, std::string(i == 2 ? 9000 : 20, 't'), 900 + i);
    auto full = batch.done();
    // Whatever GAP records come in between, the rows are the newest when their commit is told.
    base::check(to.append(full), "the queue has room");
    expected += 2;
    heard.wait_for_head(expected);
  }
  to.stop();
  for (std::uint32_t i = 0; i < 4; ++i)
    out.emplace(fmt::format("news {}", i), fmt::format(R"({{"news":{}}})", i));
  return out;
}

std::string difference(const shown& truth, const shown& now, bool holes) {
  for (const auto& [name, value] : truth) {
    const auto found = now.find(name);
    if (found == now.end()) {
      if (!holes) return name + " is missing without a word";
    } else if (found->second != value) {
      return fmt::format("{} is served as {:.120} instead of {:.120}", name, found->second, value);
    }
  }
  for (const auto& [name, value] : now) {
    if (truth.contains(name) || value.starts_with("GAP ")) continue;
    const bool ours =
        value.find(R"({"news":)") != std::string::npos || value.find("tttttttttt") != std::string::npos;
    if (!ours) return fmt::format("{} was never written: {:.120}", name, value);
  }
  return {};
}

}  // namespace evergate::journal::flip
