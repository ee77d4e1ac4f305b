// The part of the application that a program asks things of: shards, Discord, consumers; and the event thread
// on which it is answered.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "app/application.h"
#include "app/errc.h"
#include "downstream/client_frame.h"
#include "downstream/locate.h"
#include "proto/json_view.h"
#include "proto/presence.h"

namespace evergate::app {
namespace {

constexpr std::size_t payload_max = 4096;  // Discord documentation, Gateway, "Sending Events"
constexpr base::milliseconds drain_look{10};

flow::position position_of(start_position from) {
  using kind = start_position::kind;
  switch (from.what) {
    case kind::now:
      return {};
    case kind::earliest:
      return {flow::position::kind::earliest, 0};
    case kind::offset:
      return {flow::position::kind::offset, from.value};
    case kind::time:
      break;
  }
  return {flow::position::kind::time, from.value};
}

/// The whole frame; an error when `d` is no JSON or it is too long.
base::result<std::string> frame_of(int op, std::string_view d) {
  auto out = fmt::format(R"({{"op":{},"d":{}}})", op, d);
  if (out.size() > payload_max) {
    return base::fail(errc::bad_option,
                      fmt::format("op {}: {} bytes, allowed {}", op, out.size(), payload_max));
  }
  const auto read = downstream::client_frame_reader().read(out);
  // A d that ends the object early is JSON, but not what was meant.
  if (!read || read->op != op || read->d != d)
    return base::fail(errc::bad_option, fmt::format("op {}: d is not JSON", op));
  return out;
}

std::unexpected<base::error> no_letter(const std::string& consumer, std::uint64_t offset) {
  return base::fail(errc::not_now, fmt::format("consumer {} has no dead letter at {}", consumer, offset));
}

base::error stopping() {
  return {make_error_code(errc::not_now), "the gateway stops"};
}

}  // namespace

result<void> application::running() const {
  if (!running_) return base::fail(errc::not_now, "the gateway does not run");
  if (const auto why = fatal(); !why.empty())
    return base::fail(errc::not_now, "the gateway has failed: " + why);
  return {};
}

result<void> application::spawn_shards() {
  if (auto able = running(); !able) return able;
  const auto serving = fleets_->of(control::fleet_side::old_fleet);
  if (spawned_.exchange(true)) {
    serving->connect_all();
  } else {
    serving->start();
  }
  return {};
}

result<std::shared_ptr<upstream::fleet>> application::home_of(std::uint32_t shard) const {
  if (auto able = running(); !able) return std::unexpected(able.error());
  if (fleets_->of(control::fleet_side::new_fleet)) {
    return base::fail(errc::not_now, "a resharding runs, which has its own plans for every shard");
  }
  auto out = fleets_->of(control::fleet_side::old_fleet);
  if (out->shards_held() == 0) return base::fail(errc::not_now, "the count of shards is not known yet");
  if (shard < out->first() || shard > out->last()) {
    return base::fail(errc::bad_option,
                      fmt::format("shard {}: held here are {} to {}", shard, out->first(), out->last()));
  }
  return out;
}

result<void> application::identify(std::uint32_t shard) {
  const auto home = home_of(shard);
  if (!home) return std::unexpected(home.error());
  (void)(*home)->restart(shard, true);
  return {};
}

result<void> application::kill(std::uint32_t shard) {
  const auto home = home_of(shard);
  if (!home) return std::unexpected(home.error());
  (*home)->retire(shard);
  return {};
}

result<void> application::disconnect(std::uint32_t shard) {
  const auto home = home_of(shard);
  if (!home) return std::unexpected(home.error());
  (void)(*home)->disconnect(shard);
  return {};
}

result<void> application::connect(std::uint32_t shard) {
  const auto home = home_of(shard);
  if (!home) return std::unexpected(home.error());
  (void)(*home)->connect(shard);
  return {};
}

result<void> application::resume(std::uint32_t shard) {
  const auto home = home_of(shard);
  if (!home) return std::unexpected(home.error());
  (void)(*home)->restart(shard, false);
  return {};
}

result<std::uint32_t> application::calculate_total_shards() {
  const auto plan = plan_resharding(0);
  if (!plan) return std::unexpected(plan.error());
  return plan->target;
}

result<void> application::command(int op, std::string_view d) {
  if (auto able = running(); !able) return able;
  if (auto frame = frame_of(op, d); !frame) return std::unexpected(frame.error());
  const downstream::command_origin from{
      .session = embedded_session, .lane = {0, 1}, .intents = options_.intents};
  std::string rate_limited;
  return gateway_->commands().route(op, d, from, rate_limited);
}

result<void> application::send_payload(std::uint32_t shard, int op, std::string_view d) {
  switch (op) {
    case 8:
    case 31:
    case 43:
      return command(op, d);
    case 1:
    case 2:
    case 6:
      return base::fail(errc::bad_option, fmt::format("op {} is the session's own", op));
    default:
      break;
  }
  if (auto able = running(); !able) return able;
  auto frame = frame_of(op, d);
  if (!frame) return std::unexpected(frame.error());
  const auto serving = fleets_->of(control::fleet_side::old_fleet);
  if (serving->shards_held() == 0 || shard < serving->first() || shard > serving->last()) {
    return base::fail(errc::bad_option, fmt::format("shard {} is not held here", shard));
  }
  if (!serving->send(shard, op, std::move(*frame))) {
    return base::fail(errc::not_now, fmt::format("shard {}: its queue of commands is full", shard));
  }
  return {};
}

result<void> application::join_voice_channel(std::uint64_t guild_id, std::uint64_t channel_id,
                                             voice_join how) {
  if (channel_id == 0) return base::fail(errc::bad_option, "channel_id: 0 is no channel");
  return command(4, fmt::format(R"({{"guild_id":"{}","channel_id":"{}","self_mute":{},"self_deaf":{}}})",
                                guild_id, channel_id, how.self_mute, how.self_deaf));
}

result<void> application::leave_voice_channel(std::uint64_t guild_id) {
  return command(
      4,
      fmt::format(R"({{"guild_id":"{}","channel_id":null,"self_mute":false,"self_deaf":false}})", guild_id));
}

result<void> application::edit_bot_status(std::string_view presence) {
  if (running_ && fleets_->shards_held() == 0) {
    return base::fail(errc::not_now,
                      "the count of shards is not known yet; gateway_options::presence is for before");
  }
  return command(3, presence);
}

result<void> application::edit_shard_status(std::uint32_t shard, std::string_view presence) {
  const auto whole = proto::whole_presence(presence);
  if (!whole) return base::fail(errc::bad_option, whole.error().text());
  return send_payload(shard, 3, *whole);
}

result<void> application::request_soundboard_sounds(const std::vector<std::uint64_t>& guild_ids) {
  std::string d = R"({"guild_ids":[)";
  for (const auto id : guild_ids) d += fmt::format("{}\"{}\"", d.back() == '[' ? "" : ",", id);
  return command(31, d + "]}");
}

result<void> application::request_channel_info(std::uint64_t guild_id,
                                               const std::vector<std::string>& fields) {
  std::string d = fmt::format(R"({{"guild_id":"{}","fields":[)", guild_id);
  for (const auto& field : fields) {
    if (d.back() != '[') d += ',';
    proto::append_quoted(d, field);
  }
  return command(43, d + "]}");
}

void application::request_members(member_request what, callback<guild_members> done) {
  const auto refuse = [&](base::error why) {
    give<guild_members>(std::move(done), std::unexpected(std::move(why)));
  };
  if (auto able = running(); !able) return refuse(able.error());
  if (auto good = member_requests::payload(what, ""); !good) return refuse(good.error());
  if (requests_.full()) return refuse({make_error_code(errc::not_now), "too many requests for members wait"});
  const auto now = base::boot_clock::now();
  const auto nonce = requests_.add(
      what,
      [this, done = std::move(done)](result<guild_members> got) mutable {
        give(std::move(done), std::move(got));
      },
      journal_->head(), now);
  listens_ = true;
  const auto d = member_requests::payload(what, nonce);
  if (auto routed = command(8, *d); !routed) return requests_.fail(nonce, std::move(routed.error()));
  arm_expiry(now + what.patience);
}

/// One timer at a time is enough: the soonest looks at all.
void application::arm_expiry(base::instant when) {
  {
    const std::scoped_lock lock(expiry_mutex_);
    if (expiry_at_ && *expiry_at_ <= when) return;
    expiry_at_ = when;
  }
  caller_.at(when, [this, when] {
    {
      const std::scoped_lock lock(expiry_mutex_);
      if (expiry_at_ != when) return;
      expiry_at_.reset();
    }
    expire_requests();
  });
}

void application::expire_requests() {
  if (const auto next = requests_.expire(base::boot_clock::now())) arm_expiry(*next);
}

template <class T>
void application::give(callback<T> to, result<T> what) {
  event_thread::task work = [to = std::move(to), what = std::move(what)]() mutable { to(std::move(what)); };
  if (!caller_.answer(work)) work();
}

void application::change_consumer(
    callback<void> done, const std::function<base::result<void>(std::move_only_function<void()>)>& work) {
  if (!running_) return give<void>(std::move(done), std::unexpected(stopping()));
  auto shared = std::make_shared<callback<void>>(std::move(done));
  const auto id = pending_.add([shared](base::error why) { (*shared)(std::unexpected(std::move(why))); });
  if (id == 0) return give<void>(std::move(*shared), std::unexpected(stopping()));
  const auto answer = [this, shared, id](result<void> what) {
    if (pending_.take(id)) give<void>(std::move(*shared), std::move(what));
  };
  if (const auto begun = work([answer] { answer({}); }); !begun) answer(std::unexpected(begun.error()));
}

void application::pause_consumer(const std::string& name, callback<void> done) {
  change_consumer(std::move(done),
                  [&](auto durable) { return gateway_->control().pause(name, std::move(durable)); });
}

void application::resume_consumer(const std::string& name, callback<void> done) {
  change_consumer(std::move(done),
                  [&](auto durable) { return gateway_->control().go_on(name, std::move(durable)); });
}

void application::skip_consumer(const std::string& name, start_position to, callback<void> done) {
  change_consumer(std::move(done), [&](auto durable) {
    return gateway_->control().skip(name, position_of(to), std::move(durable));
  });
}

void application::drop_consumer_class(const std::string& name, event_group what, callback<void> done) {
  change_consumer(std::move(done), [&](auto durable) {
    return gateway_->control().drop_class(name, static_cast<proto::event_class>(what), std::move(durable));
  });
}

std::vector<dead_letter> application::dead_letters() const {
  std::vector<dead_letter> out;
  if (!running_) return out;
  for (const auto& one : gateway_->control().letters()) {
    out.push_back({one->consumer,
                   {one->lane.id, one->lane.count},
                   one->at.value,
                   one->type,
                   one->guild,
                   one->time_ms,
                   one->d});
  }
  return out;
}

result<void> application::replay_dead_letter(const std::string& consumer, std::uint64_t offset) {
  if (!running_) return std::unexpected(stopping());
  using repeated = downstream::consumers::repeated;
  switch (gateway_->control().repeat({consumer, {offset}})) {
    case repeated::sent:
      return {};
    case repeated::no_bot:
      return base::fail(errc::not_now, "no bot is connected for its guild");
    case repeated::unknown:
      break;
  }
  return no_letter(consumer, offset);
}

result<void> application::discard_dead_letter(const std::string& consumer, std::uint64_t offset) {
  if (!running_) return std::unexpected(stopping());
  if (gateway_->control().discard({consumer, {offset}})) return {};
  return no_letter(consumer, offset);
}

void application::drain_consumer(const std::string& name, std::chrono::milliseconds timeout,
                                 callback<drain_result> done) {
  if (!running_) return give<drain_result>(std::move(done), std::unexpected(stopping()));
  const auto begun = gateway_->control().drain(name, timeout, options_.downstream.drain_hold_max);
  if (!begun) return give<drain_result>(std::move(done), std::unexpected(begun.error()));
  auto shared = std::make_shared<callback<drain_result>>(std::move(done));
  const auto id = pending_.add([shared](base::error why) { (*shared)(std::unexpected(std::move(why))); });
  if (id == 0) return give<drain_result>(std::move(*shared), std::unexpected(stopping()));
  watch_drain(name, base::boot_clock::now() + timeout, [this, shared, id](drain_result out) {
    if (pending_.take(id)) give<drain_result>(std::move(*shared), out);
  });
}

void application::watch_drain(const std::string& name, base::instant until,
                              std::function<void(drain_result)> done) {
  caller_.at(base::boot_clock::now() + drain_look, [this, name, until, done = std::move(done)]() mutable {
    if (!running_) return;  // end_events() answers
    const auto lanes = gateway_->control().drain_state(name);
    drain_result out;
    out.drained = true;
    for (const auto& lane : lanes ? *lanes : std::vector<downstream::consumer::lane_drain>()) {
      if (lane.state != downstream::consumer::drained::waiting) continue;
      out.drained = false;
      out.unacknowledged += lane.unacknowledged;
    }
    if (!out.drained && base::boot_clock::now() < until) return watch_drain(name, until, std::move(done));
    // What is acknowledged shall be so after a kill of the process too.
    if (!gateway_->control().settle(name, [done, out] { done(out); })) done(out);
  });
}

result<void> application::begin_events() {
  auto from = downstream::locate(*journal_, position_of(options_.dispatch_from));
  if (!from) return base::fail(from.error(), "dispatch_from");
  reader_ = std::make_unique<dispatch_reader>(*journal_, options_.events.dispatch, requests_, caller_, log_);
  reader_->begin(*from);
  for (const auto& known : journal_->gaps()) gap_told_ = std::max(gap_told_, known.offset);
  listens_ = options_.events.dispatch || options_.events.gap;
  caller_.start([this] { look(); });
  caller_.at(base::boot_clock::now(), [this] { measure(); });
  caller_.wake();
  return {};
}

void application::end_events() {
  requests_.fail_all(stopping());
  caller_.stop();
  pending_.end(stopping(), [this](const std::function<void()>& one) { caller_.guarded("answer", one); });
  requests_.fail_all(stopping());
}

void application::look() {
  if (options_.events.gap) look_for_gaps();
  if (reader_->step()) return caller_.wake();
  // Nobody listens any more once the last answer has come.
  if (options_.events.dispatch || options_.events.gap || !requests_.empty()) return;
  listens_ = false;
  if (!requests_.empty()) listens_ = true;  // one that came in between
}

void application::look_for_gaps() {
  if (journal_->status().book.gaps == gaps_seen_) return;
  gaps_seen_ = journal_->status().book.gaps;
  for (const auto& one : journal_->gaps()) {
    if (one.offset <= gap_told_) continue;
    gap_told_ = one.offset;
    news_.gap(one.offset, one.d);
  }
}

void application::measure() {
  std::vector<std::uint64_t> events(loops_.size());
  for (const auto& one : fleets_->status()) events.at(one.worker) += one.events;
  const auto now = base::boot_clock::now();
  meter_.sample(events, now);
  caller_.at(now + worker_meter::interval, [this] { measure(); });
}

}  // namespace evergate::app
