#include "run.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "bot_check.h"
#include "bounds_watch.h"
#include "excuses.h"
#include "handover_oracle.h"
#include "journal/event_reader.h"
#include "ledger_reader.h"
#include "oracle.h"
#include "proto/json_view.h"
#include "receipt_check.h"
#include "sim/guild_compare.h"
#include "trouble.h"

namespace evergate::simulation {
namespace {

/// After the last fault every shard must be live again, and everything delivered, within this much virtual
/// time. It is the sum of what may rightly lie ahead: a half-open connection is noticed (two heartbeats of 41
/// s and a grace), READY or RESUMED is overdue (120 s), the backoff is at its longest (60 s), RESUMEs are
/// tried out and each shard waits for its turn to identify (5.3 s each, 60 s for one that was given away).
constexpr base::seconds settle_max{600};
/// Of what a bot dies of is found out by one death after the other, each with its restart, and then by
/// halves, each with its beat: a burst of such events takes that much longer.
constexpr int settle_times_poison = 4;
constexpr base::milliseconds watch_span{500};
/// A commit of the event's and one of the lane's position, each told late, and a slow wire.
constexpr base::milliseconds interaction_patience{1'500};
/// Longer than anything that still holds an event back from a bot that is live.
constexpr base::seconds quiet_span{25};
/// The daemon comes back this long after it died, at least.
constexpr base::milliseconds restart_least{50};

class seed_run final : private shard_watch {
 public:
  seed_run(const swarm& plan, bool print)
      : plan_(plan),
        log_(print),
        time_(log_),
        chance_(plan.seed ^ 0xdae3ULL),
        timeline_(time_),
        net_(time_, log_, plan.net, plan.seed + 17),
        discord_(time_, log_, net_, plan.discord, *this, plan.seed + 29),
        trouble_(time_, log_, plan.seed ^ 0xfa17ULL, net_, discord_, disk_,
                 {[this] { kill("killed"); }, [this] { stop(); },
                  [this](base::nanoseconds span) {
                    excuses_.asleep(timeline_.now(), timeline_.now() + span);
                    asleep_.emplace_back(timeline_.now(), timeline_.now() + span);
                    // The bots live on the same machine.
                    if (daemon_) daemon_->suspend(timeline_.now() + span);
                    net_.freeze(side::client, timeline_.now() + span);
                    bots_time_.freeze(timeline_.now() + span);
                  },
                  [this](base::milliseconds off) {
                    clock_off_ = off;
                    clock_jumped_ = true;
                    if (daemon_) daemon_->set_clock(off);
                  },
                  [this](base::instant until) { disk_disturbed_.emplace_back(time_.now(), until); }}),
        bots_time_(time_),
        bots_(bots_time_, plan.seed + 43, plan.bots, bot_log_),
        // The journal announces a commit after at most twice its mean time.
        bounds_(plan),
        guilds_(plan.daemon.journal.core.guild_wait, 2 * plan.daemon.journal.announce),
        // Discord's own: one and a half intervals and a second.
        excuses_({.buckets = plan.discord.max_concurrency,
                  .silence = base::milliseconds(plan.discord.heartbeat_interval_ms * 3 / 2 + 1'000)}) {
    net_.on_disturbed = [this](link_id on, base::instant from, base::instant until) {
      excuses_.disturbed(on, from, until);
    };
    bot_log_.narrate = [this](std::string_view what) { log_.say("bots", what); };
    if (!plan.reshardings.empty()) handover_.emplace();
    bot_log_.on_look = [this](const relief_look& what) { bounds_.looked(what); };
    disk_.on_committed = [this](const journal::round& work, std::int64_t unix_ms) {
      commits_.push_back(time_.now());
      for (const auto& batch : work.batches) receipts_.committed(*batch);
      // What a small journal gives up in the commit that brings it is in no image.
      if (bounds_.any()) read_round(work);
      read_journal();
      if (bounds_.any()) bounds_.committed(disk_, unix_ms, time_.now());
    };
  }

  outcome run() {
    start_daemon();
    if (plan_.has_bots) bots_.start();
    watch();
    discord_.core().set_rate(plan_.events_per_second, discord_.now_ms());
    trouble_.start(plan_.faults, plan_.fault_every);
    for (const auto& wish : plan_.reshardings) ask_for(wish, wish.at);
    if (plan_.repeats_every.count() != 0) repeat();
    if (plan_.kills_in_handover != 0) lie_in_wait(plan_.kills_in_handover);
    const auto war_over = time_.now() + plan_.active;
    while (time_.now() < war_over && oracle_.findings().empty()) step();
    trouble_.stop();
    for (auto& one : disk_disturbed_) one.second = std::min(one.second, time_.now());
    bots_.calm();
    log_.mark("faults are over");
    const auto settle = settle_max * (plan_.bots.manner.poison_every > 0 ? settle_times_poison : 1);
    const auto deadline = time_.now() + settle;
    const auto quiet_from = time_.now() + base::seconds(10);
    while (oracle_.findings().empty() && findings_.empty()) {
      step();
      if (time_.now() >= quiet_from && !std::exchange(peace_, true)) {
        discord_.core().set_rate(0, discord_.now_ms());
        discord_.core().settle(discord_.now_ms());
        quiet_since_ = time_.now();
        quiet_ = false;
      }
      if (peace_ && quiet_) break;
      if (time_.now() > deadline) {
        findings_.push_back(
            fmt::format("not live again {} s after the last fault: {}", settle.count(), who_is_missing()));
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
      if (peace_ && plan_.has_bots && !bots_.all_answered()) quiet_since_ = time_.now();
      if (daemon_ && daemon_->upstream().failed()) call_operator();
      had_ = had;
      quiet_ = time_.now() - quiet_since_ >= quiet_span;
      watch();
    });
  }
  /// Events of which many are equal: only their number tells them.
  void repeat() {
    static constexpr std::string_view types[] = {
        "TYPING_START",  "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE",
        "GUILD_BAN_ADD", "GUILD_BAN_REMOVE",     "PRESENCE_UPDATE"};
    timeline_.in(plan_.repeats_every, "repeats", [this] {
      if (peace_) return;
      const auto type = types[chance_.below(std::size(types))];
      discord_.core().emit(1 + chance_.below(80), type, discord_.now_ms());
      repeat();
    });
  }
  /// Kills the daemon while the events of a guild wait for what the other session has yet to bring.
  void lie_in_wait(unsigned kills) {
    timeline_.in(base::milliseconds(20), "in wait", [this, kills] {
      if (peace_ || kills == 0) return;
      const bool now = daemon_ && !daemon_->stopping() && daemon_->upstream().in_handover();
      if (!now || !chance_.chance(0.1)) return lie_in_wait(kills);
      kill("killed in a handover");
      lie_in_wait(kills - 1);
    });
  }
  /// Somebody asks for a resharding, again and again until it begins or the faults are over.
  void ask_for(const reshard_wish& wish, base::milliseconds wait) {
    timeline_.in(wait, "resharding is asked for", [this, &wish] {
      if (peace_) return;
      const bool there = daemon_ && !daemon_->stopping() && !daemon_->asleep();
      if (!there || !daemon_->upstream().reshard(wish.shards)) {
        return ask_for(wish, base::milliseconds(2'000));
      }
      if (wish.abort_after.count() == 0) return;
      timeline_.in(wish.abort_after, "resharding is given up", [this] {
        if (daemon_ && !daemon_->asleep()) daemon_->upstream().abort_resharding();
      });
    });
  }
  /// After a fatal close code the daemon waits for somebody to set it right and start it again.
  void call_operator() {
    if (std::exchange(operator_called_, true)) return;
    timeline_.in(base::milliseconds(1'000 + chance_.below(60'000)), "operator", [this] {
      operator_called_ = false;
      stop();
    });
  }
  [[nodiscard]] std::uint64_t received() const {
    std::uint64_t out = 0;
    for (const auto& s : bot_log_.sessions) out += s.received.size() + s.interactions.size();
    return out;
  }

  void start_daemon() {
    ++lives_;
    guilds_.daemon_started(time_.now());
    daemon_.emplace(time_, log_, net_, discord_, disk_, plan_.daemon, plan_.discord.token, bot_log_,
                    reshardings_, plan_.seed * 1'000 + lives_);
    daemon_->set_clock(clock_off_);
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
      paused_ = 0;
      excuses_.daemon_died(time_.now());
      come_back();
    });
  }
  void stop() {
    timeline_.soon("stop", [this] {
      if (!daemon_ || daemon_->stopping()) return;
      log_.mark("stopping");
      bots_.daemon(nullptr);
      daemon_->stop([this](bool written) {
        timeline_.soon("stopped", [this, written] {
          if (!daemon_) return;
          // A stop whose last commit fails is no better than a kill.
          (written ? bot_log_.daemon_stops : bot_log_.daemon_kills).push_back(time_.now());
          paused_ = 0;
          excuses_.daemon_died(time_.now());
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
      note_batch(**batch);
    }
    durable_.clear();
    const auto sessions = journal::journal_core::sessions_in(**view);
    if (!sessions) return;
    for (const auto& s : *sessions) durable_[s.record.session_id] = s.seq.value();
  }

  void note_batch(const flow::event_batch& batch) {
    append_rows(batch, time_.now(), time_.unix_ms(), rows_);
    for (const auto& row : batch.rows) {
      note_row(batch, row);
      guilds_.note(batch, row, time_.now());
      read_up_to_ = row.offset.value;
    }
  }
  void read_round(const journal::round& work) {
    for (const auto& batch : work.batches) {
      if (!batch->rows.empty() && batch->rows.front().offset.value > read_up_to_) note_batch(*batch);
    }
  }

  void note_row(const flow::event_batch& batch, const flow::event_row& row) {
    const auto d = batch.data(row);
    proto::snowflake unaligned = 0;
    if (bounds_.any()) bounds_.row(row);
    stored_row out;
    out.offset = row.offset.value;
    out.shard = {row.shard, row.shard_count};
    out.seq = row.seq;
    out.serial = serial_of(d);
    const bool reply =
        row.type == proto::event_type::guild_members_chunk || row.type == proto::event_type::rate_limited;
    out.content = reply ? hash_of_reply(d) : hash_of(d);
    out.down = (row.type == proto::event_type::guild_create || row.type == proto::event_type::guild_delete) &&
               proto::member(d, "unavailable") == std::string_view("true");
    if (row.type == proto::event_type::session_started) {
      out.what = stored_row::kind::started;
      out.session = proto::decoded_string(proto::member(d, "session_id")).value_or("");
    } else if (row.type == proto::event_type::gap) {
      log_.say("GAP", d);
      if (row.shard_count == 0) {
        // The journal's own: no session of Discord's was lost.
        const auto cause = proto::plain_string(proto::member(d, "cause")).value_or("");
        bounds_.gap(cause);
        if (cause.starts_with("resharding: ")) {
          unaligned = row.guild;
          bot_log_.unaligned.insert(row.guild);
        }
      } else {
        out.what = stored_row::kind::gap;
        out.session = proto::decoded_string(proto::member(d, "session_id")).value_or("");
        out.last_seq = proto::integer_of(proto::member(d, "last_seq")).value_or(-1);
      }
    }
    if (handover_) {
      handover_->stored(out, unaligned);
    } else {
      oracle_.stored(out);
    }
  }

  void must_not(std::uint32_t who, std::string_view what) {
    if (daemon_ && daemon_->upstream().failed(who)) {
      findings_.push_back(fmt::format("shard {} {} after a fatal close code", who, what));
    }
  }
  void dialed(std::uint32_t who, link_id which, bool own_address) override {
    must_not(who, "dials");
    excuses_.dialed(who, which, own_address, time_.now());
  }
  void live(std::uint32_t who) override { excuses_.live(who); }
  void reading(bool paused) override {
    // Of several fleets: from the first that stops until the last that goes on.
    const auto before = std::exchange(paused_, paused ? paused_ + 1 : paused_ - 1);
    if ((paused ? before : paused_) == 0) excuses_.reading(paused, time_.now());
  }
  void invalidated(link_id which) override { excuses_.invalidated(which, time_.now()); }

  void sent(std::uint32_t who, link_id on, const std::string& session, std::string_view frame) override {
    must_not(who, "sends");
    excuses_.sent(on, time_.now());
    const auto op = proto::integer_of(proto::member(frame, "op")).value_or(-1);
    const auto d = proto::member(frame, "d");
    const auto seq = op == 1 ? proto::integer_of(d) : proto::integer_of(proto::member(d, "seq"));
    if (op == 1) excuses_.beat(who);
    if (op == 2) excuses_.identified(who, on, time_.now());
    if (op == 6 && !excuses_.may_resume(who, on)) {
      findings_.push_back(
          fmt::format("shard {} resumes at the main URL, though its own has not failed", who));
    }
    if ((op != 1 && op != 6) || !seq) return;
    const auto known = durable_.find(session);
    oracle_.carried(session, *seq, known == durable_.end() ? -1 : known->second);
  }

  [[nodiscard]] bool settled() {
    if (!daemon_) return false;
    const auto& fleets = daemon_->upstream();
    if (fleets.resharding() || fleets.live() != fleets.shard_count()) return false;
    if (!daemon_->journal().idle() || discord_.core().backfilling()) return false;
    // Both sides must agree that the session is connected: a shard may believe so for a heartbeat too long.
    const auto& sessions = discord_.core().sessions();
    return durable_.size() == fleets.shard_count() && std::ranges::all_of(durable_, [&](const auto& known) {
             const auto at = sessions.find(known.first);
             return at != sessions.end() && at->second->connection != 0 && known.second == at->second->seq;
           });
  }

  [[nodiscard]] std::string who_is_missing() {
    if (!daemon_) return "the daemon";
    std::string out = daemon_->upstream().state();
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
    if (!bots_.all_live()) return out + ", bots are not live: " + bots_.state();
    return out + (bots_.all_answered() ? "" : ", bots are not answered");
  }

  /// Everything once and in order; and the receipts do not say otherwise where no session was lost.
  void judge_handover() {
    handover_->finish(whole_ledger(discord_));
    for (const auto& what : handover_->findings()) findings_.push_back(what);
    for (const auto& what : receipts_.findings()) findings_.push_back(what);
    if (handover_->gaps() > 0 || handover_->guild_gaps() > 0) return;
    for (const auto& what : reshardings_.receipts) {
      if (what.events.lost + what.events.doubled == 0) continue;
      findings_.push_back("a receipt is wrong: " + what.to_json());
    }
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
      if (handover_ && handover_->unaligned(id)) continue;  // what was lost of it may have been state
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

  /// Late commits, machines that sleep, restarts and wrong clocks let interactions grow old.
  [[nodiscard]] base::milliseconds interactions_within(base::instant at) const {
    const auto from = at - base::seconds(90);
    const auto until = at + base::seconds(3);
    const auto died = [&](const std::vector<base::instant>& all) {
      return std::ranges::any_of(all, [&](base::instant one) { return one >= from && one <= until; });
    };
    const bool disk = std::ranges::any_of(
        disk_disturbed_, [&](const auto& one) { return one.first <= until && one.second >= from; });
    const bool calm = !disk && !died(bot_log_.daemon_kills) && !died(bot_log_.daemon_stops) &&
                      excuses_.calm(from, until) && !clock_jumped_ && !bounds_.any();
    return calm ? interaction_patience : base::milliseconds{0};
  }

  /// Cursors are written a moment after they have moved, of which the machine may sleep some. While the disk
  /// is disturbed that may take until the second commit from then on: the first may have been on its way.
  [[nodiscard]] base::instant durable_by(base::instant answered) const {
    auto soon = answered + base::seconds(1);
    for (const auto& [from, until] : asleep_) {
      if (from <= soon && until + base::seconds(1) > soon) soon = until + base::seconds(1);
    }
    const bool disturbed = std::ranges::any_of(disk_disturbed_, [&](const auto& one) {
      return one.first <= soon && one.second >= answered - base::seconds(1);
    });
    if (!disturbed) return soon;
    constexpr auto never = base::instant::max() - std::chrono::hours(1);  // may be added to
    const auto first = std::ranges::upper_bound(commits_, answered + base::milliseconds(300));
    return commits_.end() - first < 2 ? never : std::max(soon, *std::next(first));
  }

  /// What the bots received, against the journal.
  void check_bots(outcome& out, bool finished) {
    bot_rules rules;
    rules.finished = finished;
    // Where little goes out at once, most of it is a burst, of which only what is acknowledged counts.
    const auto& gateway = plan_.daemon.gateway;
    const bool bursts = gateway.pump_bytes < 65'536 || gateway.socket.output_bytes_high < 65'536 ||
                        plan_.repeats_every.count() != 0;
    rules.clean_close_counts =
        !bursts && gateway.consumers.fallback->on_clean_close == downstream::clean_close::sent;
    rules.handler_grace = plan_.daemon.gateway.handler_grace;
    rules.durable_by = [this](base::instant answered) { return durable_by(answered); };
    rules.interactions_within = [this](base::instant at) { return interactions_within(at); };
    rules.guilds = &guilds_;
    if (bounds_.any()) {
      rules.evicted = [this](flow::offset at) { return bounds_.may_miss(at); };
      rules.guilds_kept_from = [this](base::instant at) { return bounds_.guilds_kept_from(at); };
    }
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
      if (handover_) {
        judge_handover();
      } else {
        oracle_.finish(what_was_sent(discord_));
      }
      compare_guilds();
      bounds_.finish();
    }
    for (const auto& what : bounds_.findings()) findings_.push_back(what);
    if (plan_.has_bots) check_bots(out, whole);
    for (const auto& v : discord_.core().violations().kept()) {
      // Where a RESUME goes is judged as it is sent.
      if (v.info || v.kind == "resume_wrong_host") continue;
      const auto at = virtual_time::start + base::milliseconds(v.at_ms - virtual_time::unix_start_ms);
      if (excuses_.explained(v.kind, v.connection, at)) continue;
      findings_.push_back(fmt::format("violation: {} {} (link {})", v.kind, v.text, v.connection));
    }
    out.seed = plan_.seed;
    out.findings = oracle_.findings();
    out.findings.insert(out.findings.end(), findings_.begin(), findings_.end());
    out.hash = log_.hash();
    out.steps = time_.steps();
    out.dispatches = discord_.core().counters().dispatches;
    out.rows = handover_ ? handover_->rows() : oracle_.rows();
    out.gaps = handover_ ? handover_->gaps() : oracle_.gaps();
    out.lost_with_record = handover_ ? handover_->lost_with_record() : oracle_.lost_with_record();
    out.unaligned = handover_ ? handover_->guild_gaps() : 0;
    out.reshardings = reshardings_.completed + reshardings_.aborted;
    for (const auto& what : reshardings_.receipts) {
      out.guild_moves += what.guilds();
      out.came_back += what.came_back;
    }
    out.daemon_lives = lives_;
    out.given_up = bounds_.given_up_rows();
    out.answers = bot_log_.answers;
    out.virtual_seconds = std::chrono::duration<double>(time_.now() - virtual_time::start).count();
    return out;
  }

  const swarm& plan_;
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
  bool peace_ = false;  ///< faults are long over
  bool operator_called_ = false;
  base::milliseconds clock_off_{0};
  bool clock_jumped_ = false;
  std::uint64_t had_ = 0;
  std::uint64_t lives_ = 0;
  std::uint64_t read_up_to_ = 0;
  bounds_watch bounds_;
  guild_history guilds_;
  excuses excuses_;
  std::vector<std::pair<base::instant, base::instant>> disk_disturbed_;
  std::vector<std::pair<base::instant, base::instant>> asleep_;
  std::vector<base::instant> commits_;
  std::map<std::string, std::int64_t> durable_;  ///< session → sequence, as in the image
  oracle oracle_;
  std::optional<handover_oracle> handover_;  ///< in place of oracle::stored and finish
  reshard_log reshardings_;
  receipt_check receipts_{};
  std::size_t paused_ = 0;  ///< fleets that do not read
  std::vector<std::string> findings_;
};

}  // namespace

outcome run_seed(std::uint64_t seed, const run_wishes& wishes) {
  auto plan = swarm::of(seed, wishes.resharding);
  plan.has_bots = wishes.bots;
  if (wishes.print) fmt::print("{}\n", plan.text());
  return seed_run(plan, wishes.print).run();
}

}  // namespace evergate::simulation
