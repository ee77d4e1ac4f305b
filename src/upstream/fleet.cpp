#include "upstream/fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "proto/close_code.h"
#include "upstream/errc.h"
#include "upstream/gateway_url.h"
#include "upstream/start_plan.h"

namespace evergate::upstream {

fleet::fleet(fleet_options options, fleet_ground ground)
    : options_(std::move(options)),
      ground_(std::move(ground)),
      log_(*ground_.log),
      control_(*ground_.loops.front()),
      chance_(ground_.seed),
      access_(ground_.shared),
      prepared_(ground_.first_cause == proto::identify_cause::reshard) {
  if (!access_) {
    access_ = std::make_shared<access>(access_options_of(options_), control_, *ground_.http, log_, chance_(),
                                       proto::identify_book{});
  }
  std::uint32_t index = 0;
  for (auto* loop : ground_.loops) {
    workers_.push_back(std::make_unique<worker>(index, *loop, *ground_.sink, ground_.make_intake(index),
                                                options_.batch, static_cast<shard_services&>(*this), log_,
                                                options_.token));
    ++index;
  }
}

fleet::~fleet() = default;

void fleet::start() {
  control_.post([this] { begin(); });
}

void fleet::begin() {
  if (stopping_) return;
  if (!ground_.choose_count) {
    wanted_ = options_.total_shards != 0 ? options_.total_shards : stored_count(ground_.stored);
  }
  // First, since shards may be given their turns as soon as they ask.
  access_->enter(ground_.number,
                 {[this](std::uint32_t shard, base::instant not_before) { give_turn(shard, not_before); },
                  [this](const gateway_info& info) { on_info(info); },
                  [this](base::error why) { fail(std::move(why)); }});
  if (wanted_ != 0 && !built()) build(wanted_);
}

void fleet::on_info(const gateway_info& info) {
  if (built() || stopping_) return;
  if (ground_.choose_count) wanted_ = ground_.choose_count(info);
  build(wanted_ != 0 ? wanted_ : info.shards);
}

shard_options fleet::options_for(proto::shard_key key) const {
  shard_options out;
  out.core.session.identify = {key,
                               options_.intents,
                               options_.large_threshold,
                               options_.os,
                               options_.browser,
                               options_.device,
                               options_.presence};
  out.core.session.timeouts = options_.timeouts;
  out.core.session.heartbeat = options_.heartbeat;
  out.core.session.backoff = options_.backoff;
  out.core.session.window = options_.send_window;
  out.core.session.resume = options_.resume;
  out.core.session.decisions = options_.decisions;
  out.core.compress = options_.compression;
  out.core.inflate = options_.inflate;
  out.websocket = options_.websocket;
  // Discord's text is what intake repairs; broken frames must not cost the session.
  out.websocket.limits.check_utf8 = false;
  out.websocket.violation_code = 4000;
  out.core.session.timeouts.slow_connect =
      std::min(options_.timeouts.slow_connect, options_.websocket.connect_timeout);
  out.tls = options_.tls;
  out.commands_queued_max = options_.commands_queued_max;
  return out;
}

void fleet::build(std::uint32_t count) {
  if (options_.first_shard >= count) {
    return fail({make_error_code(errc::bad_option),
                 fmt::format("first_shard {}: there are {} shards, so that none is left for this process",
                             options_.first_shard, count)});
  }
  count_ = count;
  first_ = options_.first_shard;
  last_ = std::min(options_.last_shard.value_or(count - 1), count - 1);
  assign_workers();
  auto plan = plan_start(ground_.stored, count, first_, last_);
  std::size_t resuming = 0;
  for (auto& place : plan.shards) {
    had_session_.push_back(place.session.has_value());
    if (place.session) ++resuming;
    auto& made =
        workers_[worker_of(place.key.id)]->add(options_for(place.key), std::move(place.session), chance_());
    shards_.push_back(&made);
  }
  built_.store(true, std::memory_order_release);
  log_.info("fleet.start", {{"shards", count}, {"first", first_}, {"last", last_}, {"resuming", resuming}});
  if (!plan.abandoned.empty()) {
    workers_.front()->loop().post([this, abandoned = std::move(plan.abandoned)] {
      workers_.front()->abandon(abandoned, "shard_count_changed");
    });
  }
  std::vector<std::vector<shard*>> order(workers_.size());
  for (const auto at : plan.order) order[worker_of(plan.shards[at].key.id)].push_back(shards_[at]);
  for (std::size_t w = 0; w < workers_.size(); ++w) {
    workers_[w]->loop().post([home = workers_[w].get(), mine = std::move(order[w])] { home->start(mine); });
  }
  // Each will ask itself, but the workers in no order: Discord wants the buckets filled from the first shard
  // on. Only now, since a turn may be given at once, to a worker that must have the shard, started.
  for (std::size_t at = 0; at < had_session_.size(); ++at) {
    if (had_session_[at]) continue;
    access_->request({first_ + static_cast<std::uint32_t>(at), ground_.number}, ground_.first_cause);
  }
}

void fleet::assign_workers() {
  const auto standard = [](const worker_id_question& asked) {
    const std::uint32_t place = asked.shard - asked.first_shard;
    if (asked.round_robin) return place % asked.workers;
    const std::uint32_t block = asked.shards_per_worker != 0
                                    ? asked.shards_per_worker
                                    : (asked.shards + asked.workers - 1) / asked.workers;
    return std::min(place / block, asked.workers - 1);
  };
  worker_id_question asked{.first_shard = first_,
                           .shards = last_ - first_ + 1,
                           .workers = static_cast<std::uint32_t>(ground_.loops.size()),
                           .shards_per_worker = options_.shards_per_worker,
                           .round_robin = options_.spread_round_robin};
  for (asked.shard = first_; asked.shard <= last_; ++asked.shard) {
    homes_.push_back(options_.decisions->calculate_worker_id.ask(asked, standard));
  }
}

std::uint32_t fleet::worker_of(std::uint32_t shard) const noexcept {
  return shard - first_ < homes_.size() ? homes_[shard - first_] : 0;
}

void fleet::stop(bool log_off, std::move_only_function<void()> done) {
  control_.post([this, log_off, done = std::move(done)]() mutable {
    stopping_ = true;
    access_->leave(ground_.number);
    if (!ground_.shared) access_->stop();
    stopped_ = std::move(done);
    stop_workers(log_off);
  });
}

void fleet::stop_workers(bool log_off) {
  workers_stopping_ = workers_.size();
  for (const auto& w : workers_) {
    w->loop().post([this, log_off, home = w.get()] {
      home->stop(log_off, [this] {
        control_.post([this] {
          if (--workers_stopping_ == 0) on_workers_stopped();
        });
      });
    });
  }
}

void fleet::on_workers_stopped() {
  {
    const std::scoped_lock lock(gate_);
    closed_ = true;
  }
  // What other threads have posted is ahead of these: afterwards no loop touches the fleet.
  workers_stopping_ = workers_.size();
  for (const auto& w : workers_) {
    w->loop().post([this] {
      control_.post([this] {
        if (--workers_stopping_ > 0) return;
        if (auto finished = std::exchange(stopped_, nullptr)) finished();
      });
    });
  }
}

bool fleet::post_to(worker& home, net::event_loop::task work) {
  const std::scoped_lock lock(gate_);
  if (closed_) return false;
  home.loop().post(std::move(work));
  return true;
}

void fleet::fail(base::error why) {
  if (failed_.exchange(true)) return;
  log_.error("fleet.failed", {{"error", why.text()}});
  access_->leave(ground_.number);
  if (!ground_.shared) access_->stop();
  if (!stopping_) {
    for (const auto& w : workers_) {
      w->loop().post([home = w.get()] { home->stop(false, nullptr); });
    }
  }
  if (ground_.on_fatal) ground_.on_fatal(why);
}

void fleet::on_fatal(std::uint32_t shard, std::uint16_t code) {
  const auto meaning = proto::meaning_of_close(code);
  control_.post([this, shard, meaning] {
    fail({make_error_code(errc::closed_fatally),
          fmt::format("shard {}: Discord closed with {}: {}", shard, meaning.code, meaning.meaning)});
  });
}

void fleet::give_turn(std::uint32_t shard, base::instant not_before) {
  auto& home = *workers_[worker_of(shard)];
  home.loop().post([&home, shard, not_before] {
    if (auto* s = home.find(shard)) s->turn(not_before);
  });
}

proto::identify_cause fleet::cause_of(std::uint32_t shard) const {
  if (prepared_) return ground_.first_cause;
  return had_session_[shard - first_] ? proto::identify_cause::reidentify : ground_.first_cause;
}

void fleet::request_turn(std::uint32_t shard) {
  control_.post([this, shard] { access_->request({shard, ground_.number}, cause_of(shard)); });
}

void fleet::cancel_turn(std::uint32_t shard) {
  access_->post_cancel({shard, ground_.number});
}

void fleet::identify_sent(std::uint32_t shard, base::instant at) {
  control_.post([this, shard, at] {
    access_->post_sent({shard, ground_.number}, cause_of(shard), at);
    had_session_[shard - first_] = true;
  });
}

void fleet::identify_refused(std::uint32_t shard, base::instant at) {
  access_->post_refused({shard, ground_.number}, at);
}

base::instant fleet::connect_place() {
  return access_->pacer().take(base::boot_clock::now());
}

bool fleet::connects_rest(base::instant now) {
  return access_->pacer().resting(now);
}

void fleet::on_connect(bool let_in, base::instant now) {
  if (let_in) {
    access_->pacer().accepted();
  } else if (const auto rest = access_->pacer().refused(now); rest.count() != 0) {
    log_.warn("fleet.connects_rest", {{"why", "Discord's front refuses our address"}, {"ms", rest.count()}});
  }
}

std::string fleet::main_url() {
  return access_->main_url();
}

void fleet::on_live(bool live) {
  if (!live) {
    live_.fetch_sub(1, std::memory_order_relaxed);
  } else if (live_.fetch_add(1, std::memory_order_relaxed) + 1 == shards_.size()) {
    log_.info("fleet.ready", {{"shards", shards_.size()}, {"count", count_}});
  }
}

std::uint32_t fleet::shard_count() const {
  return built() ? count_ : 0;
}

std::uint32_t fleet::shards_ready() const {
  return live_.load(std::memory_order_relaxed);
}

std::uint32_t fleet::shards_held() const {
  return built() ? last_ - first_ + 1 : 0;
}

bool fleet::submit(flow::command what) {
  constexpr int presence_update = 3;
  if (!built()) return false;
  if (what.op == presence_update) {
    spread_presence(what);
    return true;
  }
  const auto owner = static_cast<std::uint32_t>((what.guild >> 22) % count_);
  if (owner < first_ || owner > last_) return false;
  auto* target = shards_[owner - first_];
  if (!target->reserve_command()) return false;
  return post_to(*workers_[worker_of(owner)],
                 [target, op = what.op, frame = std::move(what.payload)]() mutable {
                   target->command(op, std::move(frame), true);
                 });
}

void fleet::spread_presence(const flow::command& what) {
  // Lane i of n meets shard u of F when i ≡ u mod gcd(n, F). Only where n divides F has each shard one lane;
  // otherwise the last writer speaks for the application.
  const std::uint32_t lanes = std::max<std::uint32_t>(what.lane.count, 1);
  const std::uint32_t common = count_ % lanes == 0 ? std::gcd(lanes, count_) : 1;
  const auto frame = std::make_shared<const std::string>(what.payload);
  for (const auto& w : workers_) {
    post_to(*w, [home = w.get(), frame, common, lane = what.lane.id] {
      for (const auto& s : home->shards()) {
        if (s->key().id % common == lane % common) s->command(3, *frame, false);
      }
    });
  }
}

void fleet::on_commit(const std::shared_ptr<const flow::commit>& done) {
  if (!built()) return;
  for (const auto& w : workers_) {
    const bool concerned = std::ranges::any_of(done->progress, [this, &w](const flow::committed_progress& p) {
      return p.shard.count == count_ && p.shard.id >= first_ && p.shard.id <= last_ &&
             worker_of(p.shard.id) == w->index();
    });
    if (concerned) post_to(*w, [home = w.get(), done] { home->committed(*done); });
  }
}

void fleet::on_room() {
  for (const auto& w : workers_) {
    post_to(*w, [home = w.get()] { home->on_room(); });
  }
}

void fleet::on_stalled(const std::string& why) {
  log_.error("store.stalled", {{"error", why}});
}

void fleet::probe() {
  for (const auto& w : workers_) {
    post_to(*w, [home = w.get()] { home->probe(); });
  }
}

void fleet::serves() {
  control_.post([this] { prepared_ = false; });
}

void fleet::retire(std::uint32_t shard) {
  (void)tell_shard(shard, [](upstream::shard& s) { s.stop(true, [] {}); });
}

bool fleet::tell_shard(std::uint32_t shard, std::move_only_function<void(upstream::shard&)> work) {
  if (!built() || shard < first_ || shard > last_ || failed()) return false;
  auto& home = *workers_[worker_of(shard)];
  return post_to(home, [&home, shard, work = std::move(work)]() mutable {
    if (auto* s = home.find(shard)) work(*s);
  });
}

bool fleet::connect(std::uint32_t shard) {
  return tell_shard(shard, [](upstream::shard& s) { s.start(); });
}

bool fleet::disconnect(std::uint32_t shard) {
  return tell_shard(shard, [](upstream::shard& s) { s.stop(false, [] {}); });
}

bool fleet::restart(std::uint32_t shard, bool log_off) {
  return tell_shard(shard, [log_off](upstream::shard& s) { s.restart(log_off); });
}

bool fleet::send(std::uint32_t shard, int op, std::string frame) {
  if (!built() || shard < first_ || shard > last_) return false;
  constexpr int presence_update = 3;  // of which only the newest is kept
  const bool reserved = op != presence_update;
  if (reserved && !shards_[shard - first_]->reserve_command()) return false;
  return tell_shard(shard, [op, reserved, frame = std::move(frame)](upstream::shard& s) mutable {
    s.command(op, std::move(frame), reserved);
  });
}

void fleet::connect_all() {
  if (!built()) return;
  for (auto shard = first_; shard <= last_; ++shard) (void)connect(shard);
}

bool fleet::keep(flow::control_record record) {
  auto& home = *workers_.front();
  return post_to(home, [&home, record = std::move(record)]() mutable { home.keep(std::move(record)); });
}

std::vector<shard_status> fleet::status() const {
  std::vector<shard_status> out;
  if (!built()) return out;
  out.reserve(shards_.size());
  for (const auto* s : shards_) {
    out.push_back(s->status());
    out.back().worker = worker_of(out.back().shard.id);
  }
  return out;
}

}  // namespace evergate::upstream
