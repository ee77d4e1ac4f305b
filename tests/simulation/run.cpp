#include "run.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "bot_check.h"
#include "journal/event_reader.h"
#include "oracle.h"
#include "proto/json_view.h"
#include "sim/guild_compare.h"
#include "trouble.h"

namespace evergate::simulation {
namespace {

/// After the last fault every shard must be live again, and everything delivered, within this much virtual
/// time. It is the sum of what may rightly lie ahead: a half-open connection is noticed (two heartbeats of 41
/// s and a grace), READY or RESUMED is overdue (120 s), the backoff is at its longest (60 s), RESUMEs are
/// tried out and each shard waits for its turn to identify (5.3 s each, 60 s for one that was given away).
constexpr base::seconds settle_max{600};
constexpr base::milliseconds watch_span{500};
/// A commit of the event's and one of the lane's position, each told late, and a slow wire.
constexpr base::milliseconds interaction_patience{1'500};
/// Longer than anything that still holds an event back from a bot that is live.
constexpr base::seconds quiet_span{25};
/// The daemon comes back this long after it died, at least.
constexpr base::milliseconds restart_least{50};

class seed_run {
 public:
  seed_run(const swarm& plan, bool print, bool check_ready)
      : plan_(plan),
        check_ready_(check_ready),
        log_(print),
        time_(log_),
        chance_(plan.seed ^ 0xdae3ULL),
        timeline_(time_),
        net_(time_, log_, plan.net, plan.seed + 17),
        discord_(
            time_, log_, net_, plan.discord,
            [this](proto::shard_key who, const std::string& session, std::string_view frame) {
              on_frame(who, session, frame);
            },
            plan.seed + 29),
        trouble_(time_, log_, plan.seed ^ 0xfa17ULL, net_, discord_, disk_,
                 {[this] { kill("killed"); }, [this] { stop(); },
                  [this](base::nanoseconds span) {
                    // The bots live on the same machine.
                    if (daemon_) daemon_->suspend(timeline_.now() + span);
                    net_.freeze(side::client, timeline_.now() + span);
                    bots_time_.freeze(timeline_.now() + span);
                  }}),
        bots_time_(time_),
        bots_(bots_time_, plan.seed + 43, plan.bots, bot_log_) {
    disk_.on_committed = [this] { read_journal(); };
    bot_log_.narrate = [this](std::string_view what) { log_.say("bots", what); };
    note_first_guilds();
  }

  outcome run() {
    start_daemon();
    if (plan_.has_bots) bots_.start();
    watch();
    discord_.core().set_rate(plan_.events_per_second, discord_.now_ms());
    trouble_.start(plan_.faults, plan_.fault_every);
    bool peace = false;
    const auto war_over = time_.now() + plan_.active;
    while (time_.now() < war_over && oracle_.findings().empty()) step();
    trouble_.stop();
    bots_.calm();
    log_.mark("faults are over");
    const auto deadline = time_.now() + settle_max;
    const auto quiet_from = time_.now() + base::seconds(10);
    while (oracle_.findings().empty() && findings_.empty()) {
      step();
      if (time_.now() >= quiet_from && !std::exchange(peace, true)) {
        discord_.core().set_rate(0, discord_.now_ms());
        discord_.core().settle(discord_.now_ms());
        quiet_since_ = time_.now();
        quiet_ = false;
      }
      if (peace && quiet_) break;
      if (time_.now() > deadline) {
        findings_.push_back(fmt::format("not live again {} s after the last fault: {}", settle_max.count(),
                                        who_is_missing()));
      }
    }
    return finish();
  }

 private:
  void step() {
    time_.step();
    if (trouble_.take_death()) kill("killed in a commit");
  }

  /// All is quiet when both ends of every session agree, and bots have received nothing for a while.
  void watch() {
    timeline_.in(watch_span, "watch", [this] {
      const auto had = received();
      if (!settled() || (plan_.has_bots && !bots_.all_live()) || had != had_) quiet_since_ = time_.now();
      had_ = had;
      quiet_ = time_.now() - quiet_since_ >= quiet_span;
      watch();
    });
  }
  [[nodiscard]] std::uint64_t received() const {
    std::uint64_t out = 0;
    for (const auto& s : bot_log_.sessions) out += s.received.size() + s.interactions.size();
    return out;
  }

  void start_daemon() {
    ++lives_;
    daemon_.emplace(time_, log_, net_, discord_, disk_, plan_.daemon, plan_.discord.token, bot_log_,
                    plan_.seed * 1'000 + lives_);
    read_journal();
    if (auto started = daemon_->start(); !started) {
      findings_.push_back("the daemon does not start: " + started.error().text());
    }
    bots_.daemon(&daemon_->gateway());
  }
  // Asked from inside the daemon's own events too, so that it is taken apart when they have returned.
  void kill(std::string_view why) {
    timeline_.soon("kill", [this, why] {
      if (!daemon_) return;
      log_.mark(why);
      bots_.daemon(nullptr);
      daemon_.reset();
      bot_log_.daemon_kills.push_back(time_.now());
      come_back();
    });
  }
  void stop() {
    timeline_.soon("stop", [this] {
      if (!daemon_ || daemon_->stopping()) return;
      log_.mark("stopping");
      bots_.daemon(nullptr);
      daemon_->stop([this] {
        timeline_.soon("stopped", [this] {
          if (!daemon_) return;
          // A stop whose last commit fails gives up, and is no better than a kill.
          (plan_.disturbs_disk() ? bot_log_.daemon_kills : bot_log_.daemon_stops).push_back(time_.now());
          daemon_.reset();
          come_back();
        });
      });
    });
  }
  void come_back() {
    // Mostly at once, now and then after a while: an operator, a slow machine.
    const auto away = chance_.chance(0.8) ? chance_.below(1'000) : chance_.below(60'000);
    timeline_.in(restart_least + base::milliseconds(away), "daemon starts", [this] { start_daemon(); });
  }

  /// The oracle sees what is in the image, not what the core believes.
  void read_journal() {
    journal::memory_store store(disk_.image);
    auto view = store.read();
    journal::event_reader reader(**view);
    for (;;) {
      const auto batch = reader.read(read_up_to_, 1'000'000);
      if (!batch) {
        findings_.push_back("the journal cannot be read: " + batch.error().text());
        return;
      }
      if (*batch == nullptr) break;
      append_rows(**batch, time_.now(), time_.unix_ms(), rows_);
      for (const auto& row : (*batch)->rows) {
        note_row(**batch, row);
        read_up_to_ = row.offset.value;
      }
    }
    durable_.clear();
    const auto sessions = journal::journal_core::sessions_in(**view);
    if (!sessions) return;
    for (const auto& s : *sessions) durable_[s.record.session_id] = s.seq.value();
  }

  void note_row(const flow::event_batch& batch, const flow::event_row& row) {
    const auto d = batch.data(row);
    stored_row out;
    out.offset = row.offset.value;
    out.shard = {row.shard, row.shard_count};
    out.seq = row.seq;
    out.serial = serial_of(d);
    out.content = hash_of(d);
    if (row.type == proto::event_type::session_started) {
      out.what = stored_row::kind::started;
      out.session = proto::decoded_string(proto::member(d, "session_id")).value_or("");
    } else if (row.type == proto::event_type::gap) {
      if (row.shard_count == 0) return;  // the journal's own eviction
      out.what = stored_row::kind::gap;
      out.session = proto::decoded_string(proto::member(d, "session_id")).value_or("");
      out.last_seq = proto::integer_of(proto::member(d, "last_seq")).value_or(-1);
      log_.say("GAP", d);
    }
    oracle_.stored(out);
  }

  void on_frame(proto::shard_key, const std::string& session, std::string_view frame) {
    const auto op = proto::integer_of(proto::member(frame, "op")).value_or(-1);
    const auto d = proto::member(frame, "d");
    const auto seq = op == 1 ? proto::integer_of(d) : proto::integer_of(proto::member(d, "seq"));
    if ((op != 1 && op != 6) || !seq) return;
    const auto known = durable_.find(session);
    oracle_.carried(session, *seq, known == durable_.end() ? -1 : known->second);
  }

  [[nodiscard]] bool settled() {
    if (!daemon_ || daemon_->upstream().live() != plan_.daemon.upstream.shards) return false;
    if (!daemon_->journal().idle() || discord_.core().backfilling()) return false;
    // Both sides must agree that the session is connected: a shard may believe so for a heartbeat too long.
    const auto& sessions = discord_.core().sessions();
    return durable_.size() == plan_.daemon.upstream.shards &&
           std::ranges::all_of(durable_, [&](const auto& known) {
             const auto at = sessions.find(known.first);
             return at != sessions.end() && at->second->connection != 0 && known.second == at->second->seq;
           });
  }

  [[nodiscard]] std::string who_is_missing() {
    if (!daemon_) return "the daemon";
    std::string out;
    for (std::uint32_t i = 0; i < plan_.daemon.upstream.shards; ++i) {
      out += fmt::format(" shard {} {}", i, daemon_->upstream().state_of(i));
    }
    const auto& sessions = discord_.core().sessions();
    for (const auto& [id, seq] : durable_) {
      const auto at = sessions.find(id);
      if (at == sessions.end()) {
        out += fmt::format(", session {} is unknown to Discord", id);
      } else if (at->second->connection == 0 || seq != at->second->seq) {
        out += fmt::format(", session {}{} is at {} of {}", id,
                           at->second->connection == 0 ? " (not connected)" : "", seq, at->second->seq);
      }
    }
    if (!daemon_->journal().idle()) out += ", the journal is busy";
    return out + (bots_.all_live() ? "" : ", bots are not live");
  }

  [[nodiscard]] std::vector<sent_event> what_was_sent() const {
    std::string text;
    const_cast<discord_side&>(discord_).core().ledger().write(text, 0, ~std::size_t{0});
    std::vector<sent_event> out;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = text.find('\n', at);
      const auto entry = nlohmann::json::parse(text.begin() + static_cast<std::ptrdiff_t>(at),
                                               text.begin() + static_cast<std::ptrdiff_t>(end));
      at = end + 1;
      for (const auto& one : entry["deliveries"]) {
        sent_event e;
        e.session = one["session"];
        e.seq = one["seq"];
        e.serial = entry["serial"];
        e.type = entry["type"];
        e.content = discord_.content_of(e.serial);
        out.push_back(std::move(e));
      }
    }
    return out;
  }

  /// The mirror and Discord's world say the same of every guild.
  void compare_guilds() {
    auto& world = discord_.core().world();
    sim::guild_view view;
    view.intents = sim::intent::all;
    view.large_threshold = 250;
    for (std::uint32_t i = 0; i < world.slots(); ++i) {
      const auto id = world.id_at(i);
      if (id == 0 || !world.kept_available(i)) continue;
      std::string truth;
      world.write_guild_create(truth, i, view, 0, true);
      std::string given;
      const auto there = daemon_->journal().guild(id, daemon_->journal().head(), given);
      if (!there || !*there) {
        findings_.push_back(fmt::format("state: guild {} is not in the mirror", id));
        return;
      }
      const auto differs = sim::compare_guilds(nlohmann::json::parse(truth), nlohmann::json::parse(given), 3);
      if (differs.empty()) continue;
      findings_.push_back(fmt::format("state: guild {} differs: {}", id, differs.front()));
      return;
    }
  }

  void note_first_guilds() {
    auto& world = discord_.core().world();
    for (std::uint32_t i = 0; i < world.slots(); ++i) {
      const auto id = world.id_at(i);
      if (id != 0 && world.kept_available(i)) first_guilds_.push_back(id);
    }
  }

  /// What the bots received, against the journal.
  void check_bots(outcome& out, bool finished) {
    bot_rules rules;
    rules.finished = finished;
    // Where little goes out at once, most of it is a burst, of which only what is acknowledged counts.
    const auto& gateway = plan_.daemon.gateway;
    const bool bursts = gateway.pump_bytes < 65'536 || gateway.socket.output_bytes_high < 65'536;
    rules.clean_close_counts =
        !bursts && gateway.consumers.fallback->on_clean_close == downstream::clean_close::sent;
    if (plan_.disturbs_disk()) rules.durable_within = plan_.active;
    rules.handler_grace = plan_.daemon.gateway.handler_grace;
    // Late commits and machines that sleep let interactions grow old.
    if (!plan_.disturbs_disk() && !plan_.disturbs_time()) rules.interactions_within = interaction_patience;
    for (const auto id : first_guilds_) {
      const bool left = std::ranges::any_of(
          rows_, [id](const journal_row& row) { return row.guild == id && row.type == "GUILD_DELETE"; });
      if (!left) rules.steady.push_back(id);
    }
    if (check_ready_) rules.steady_until = virtual_time::start + journal::journal_options{}.guild_wait;
    const auto verdict = simulation::check_bots(bot_log_, rows_, rules);
    out.received = verdict.received;
    out.redelivered = verdict.redelivered;
    out.interactions = verdict.interactions;
    out.interactions_spent = verdict.interactions_spent;
    for (const auto& what : verdict.breaches) {
      if (findings_.size() < 20) findings_.push_back("bot: " + what);
    }
  }

  outcome finish() {
    outcome out;
    const bool whole = findings_.empty() && oracle_.findings().empty();
    if (whole) {
      oracle_.finish(what_was_sent());
      compare_guilds();
    }
    if (plan_.has_bots) check_bots(out, whole);
    for (const auto& v : discord_.core().violations().kept()) {
      if (v.kind == "resume_wrong_host" && plan_.disturbs_place()) continue;
      const bool of_time = v.kind == "heartbeat_missing" || v.kind == "identify_too_fast" ||
                           v.kind == "op1_unanswered" || v.kind == "slow_reader";
      if (!v.info && !(of_time && plan_.disturbs_time()))
        findings_.push_back(fmt::format("violation: {} {}", v.kind, v.text));
    }
    out.seed = plan_.seed;
    out.findings = oracle_.findings();
    out.findings.insert(out.findings.end(), findings_.begin(), findings_.end());
    out.hash = log_.hash();
    out.steps = time_.steps();
    out.dispatches = discord_.core().counters().dispatches;
    out.rows = oracle_.rows();
    out.gaps = oracle_.gaps();
    out.lost_with_record = oracle_.lost_with_record();
    out.daemon_lives = lives_;
    out.virtual_seconds = std::chrono::duration<double>(time_.now() - virtual_time::start).count();
    return out;
  }

  const swarm& plan_;
  const bool check_ready_;
  trace log_;
  virtual_time time_;
  base::rng chance_;
  timeline timeline_;
  network net_;
  virtual_disk disk_;
  discord_side discord_;
  trouble trouble_;
  timeline bots_time_;
  bot_log bot_log_;
  bot_crowd bots_;
  std::vector<journal_row> rows_;
  std::optional<daemon> daemon_;
  base::instant quiet_since_{};
  bool quiet_ = false;
  std::uint64_t had_ = 0;
  std::uint64_t lives_ = 0;
  std::uint64_t read_up_to_ = 0;
  std::vector<proto::snowflake> first_guilds_;
  std::map<std::string, std::int64_t> durable_;  ///< session → sequence, as in the image
  oracle oracle_;
  std::vector<std::string> findings_;
};

}  // namespace

outcome run_seed(std::uint64_t seed, bool print, bool with_bots, bool check_ready) {
  auto plan = swarm::of(seed);
  plan.has_bots = with_bots;
  if (print) fmt::print("{}\n", plan.text());
  return seed_run(plan, print, check_ready).run();
}

}  // namespace evergate::simulation
