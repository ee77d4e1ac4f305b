#include "upstream_side.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace evergate::simulation {
namespace {

constexpr base::milliseconds upstream_close_timeout{5'000};

}  // namespace

/// One shard's shell. A connection that the core has closed lives on as a quiet link until the peer is gone.
class upstream_side::shard final : public upstream::shard_shell, public link_end {
 public:
  shard(upstream_side& home, upstream::shard_core_options options, std::optional<flow::stored_session> stored,
        std::uint64_t seed)
      : home_(home),
        compress_(options.compress),
        core_({*this, home.batch_, *home.intake_, home.quiet_, home.token_}, std::move(options),
              std::move(stored), seed) {}
  ~shard() override {
    if (link_ != 0) home_.net_.abort(link_, side::client);
    if (quiet_link_ != 0) home_.net_.abort(quiet_link_, side::client);
  }

  [[nodiscard]] upstream::shard_core& core() noexcept { return core_; }
  [[nodiscard]] const upstream::shard_core& core() const noexcept { return core_; }
  void pause(bool paused) {
    paused_ = paused;
    if (opened_) home_.net_.pause(link_, side::client, paused);
    core_.pause(paused, now());
  }

  void on_connected(link_id) override {
    opened_ = true;
    if (paused_) home_.net_.pause(link_, side::client, true);
    core_.opened(now());
  }

  void on_bytes(link_id which, std::string_view bytes) override {
    if (which != link_) return;
    const auto room = decoder_->prepare(bytes.size());
    std::memcpy(room.data(), bytes.data(), bytes.size());
    decoder_->commit(bytes.size());
    decode();
  }

  void on_end(link_id which, bool) override {
    if (which == quiet_link_) quiet_link_ = 0;
    if (which != link_) return;
    if (paused_ && decoder_->buffered() != 0) {
      ended_ = true;  // what has arrived is read first
      return;
    }
    over(1006);
  }

  void decode_again() {
    if (link_ == 0) return;
    decode();
    if (link_ != 0 && std::exchange(ended_, false)) over(1006);
  }

  void connect(const upstream::action::connect& where, base::instant) override {
    const auto address =
        where.kind == upstream::url_kind::resume ? where.resume_url : home_.world_.main_url();
    decoder_ = std::make_unique<net::ws_decoder>(net::ws_role::client, net::ws_limits{.check_utf8 = false});
    opened_ = ended_ = false;
    link_ = home_.world_.dial(*this, home_.place_.who(core_.key().id), address,
                              where.kind == upstream::url_kind::resume, compress_);
  }
  void send(std::string_view frame) override {
    if (link_ == 0) return;
    home_.world_.sent(home_.place_.who(core_.key().id), link_, core_.session().session_id(), frame);
    write(net::ws_opcode::text, frame);
  }
  void close(std::uint16_t code) override {
    const auto link = std::exchange(link_, 0);
    if (link == 0) return;
    if (!opened_) return home_.net_.abort(link, side::client);
    if (quiet_link_ != 0) home_.net_.abort(quiet_link_, side::client);
    quiet_link_ = link;
    home_.net_.pause(link, side::client, false);
    std::string out;
    net::append_frame(out, net::ws_role::client, net::ws_opcode::close, net::close_payload(code, {}),
                      static_cast<std::uint32_t>(core_.chance()));
    home_.net_.send(link, side::client, out);
    home_.net_.shut(link, side::client);
    home_.time_.in(upstream_close_timeout, "close timeout", [this, link] {
      if (quiet_link_ != link) return;
      quiet_link_ = 0;
      home_.net_.abort(link, side::client);
    });
  }
  void drop() override {
    if (const auto link = std::exchange(link_, 0); link != 0) home_.net_.abort(link, side::client);
  }
  void arm(upstream::timer_kind kind, base::instant when) override {
    auto& timer = timers_[static_cast<std::size_t>(kind)];
    home_.time_.cancel(timer);
    timer = home_.time_.at(when, upstream_timer(kind), [this, kind] {
      timers_[static_cast<std::size_t>(kind)] = 0;
      const bool unread = link_ != 0 && home_.net_.arrived(link_, side::client);
      if (unread)
        home_.log_.mark("shard has unread bytes", {core_.key().id, static_cast<std::int64_t>(link_)});
      core_.timer(kind, unread, now());
    });
  }
  void disarm(upstream::timer_kind kind) override {
    home_.time_.cancel(timers_[static_cast<std::size_t>(kind)]);
  }
  void request_turn() override {
    home_.line_.request(slot(), home_.cause_of(core_.key().id));
    home_.line_.pump_soon();
  }
  void cancel_turn() override {
    home_.line_.cancel(slot());
    home_.line_.pump_soon();
  }
  void identify_sent(base::instant) override {
    home_.line_.sent(slot());
    home_.had_session_[core_.key().id] = true;
    home_.line_.pump_soon();
  }
  void identify_refused(base::instant) override {
    home_.line_.refused(slot());
    home_.line_.pump_soon();
  }
  void batch_grew() override { home_.batch_grew(); }
  void on_live(bool live) override {
    home_.log_.mark(live ? "shard live" : "shard down", {core_.key().id, core_.session().received()});
    if (live) home_.world_.live(home_.place_.who(core_.key().id));
  }
  void on_fatal(std::uint16_t code) override {
    home_.log_.mark("shard fatal", {core_.key().id, code});
    home_.time_.soon("fleet fails", [this] { home_.fail(); });
  }
  [[nodiscard]] std::int64_t wall_ms() const override { return home_.time_.unix_ms(); }

 private:
  [[nodiscard]] base::instant now() const noexcept { return home_.time_.now(); }
  [[nodiscard]] proto::identify_slot slot() const { return {core_.key().id, home_.place_.number}; }
  static std::string_view upstream_timer(upstream::timer_kind kind) noexcept {
    constexpr std::array<std::string_view, upstream::timer_kind_count> names{
        "shard heartbeat", "shard deadline", "shard reconnect", "shard send"};
    return names[static_cast<std::size_t>(kind)];
  }
  void write(net::ws_opcode what, std::string_view payload) {
    std::string out;
    net::append_frame(out, net::ws_role::client, what, payload, static_cast<std::uint32_t>(core_.chance()));
    home_.net_.send(link_, side::client, out);
  }
  void over(std::uint16_t code) {
    const bool was_open = std::exchange(opened_, false);
    home_.net_.abort(std::exchange(link_, 0), side::client);
    core_.closed(code, was_open, now());
  }
  void decode() {
    const auto link = link_;
    net::ws_decoder::item item;
    // The core may close this connection, or open the next one, from inside any message.
    while (link_ == link && !paused_) {
      const auto outcome = decoder_->next(item);
      if (outcome == net::ws_decoder::outcome::need_more) return;
      if (outcome == net::ws_decoder::outcome::violation) {
        home_.log_.say("frame violation", decoder_->violation().what);
        write(net::ws_opcode::close, net::close_payload(4000, {}));
        return over(1006);
      }
      take(item);
    }
  }
  void take(const net::ws_decoder::item& item) {
    switch (item.opcode) {
      case net::ws_opcode::text:
      case net::ws_opcode::binary:
        return core_.message(item.payload, now());
      case net::ws_opcode::ping:
        return write(net::ws_opcode::pong, item.payload);
      case net::ws_opcode::close: {
        std::uint16_t code = 1005;
        if (item.payload.size() >= 2) {
          code = static_cast<std::uint16_t>(static_cast<unsigned char>(item.payload[0]) << 8 |
                                            static_cast<unsigned char>(item.payload[1]));
        }
        write(net::ws_opcode::close, item.payload.substr(0, 2));
        return over(code);
      }
      default:
        return;
    }
  }

  upstream_side& home_;
  const proto::compression compress_;
  std::array<ticket, upstream::timer_kind_count> timers_{};
  link_id link_ = 0;
  link_id quiet_link_ = 0;
  std::unique_ptr<net::ws_decoder> decoder_;
  bool opened_ = false;
  bool paused_ = false;
  bool ended_ = false;
  upstream::shard_core core_;
};

upstream_side::upstream_side(timeline& time, trace& log, network& net, outside& world, flow::event_sink& sink,
                             const upstream_options& options, const base::secret& token, base::rng& chance,
                             identify_line& line, flow::reply_table& replies, fleet_place place)
    : time_(time),
      log_(log),
      net_(net),
      world_(world),
      sink_(sink),
      options_(options),
      token_(token),
      chance_(chance),
      quiet_(base::log_level::off),
      line_(line),
      replies_(replies),
      place_(std::move(place)),
      prepared_(place_.first_cause == proto::identify_cause::reshard),
      batch_(options_.batch) {}

upstream_side::~upstream_side() = default;

void upstream_side::start(const std::vector<flow::stored_session>& stored, proto::snowflake self) {
  pipeline::intake_options intake;
  intake.self_id = self;
  auto made = pipeline::intake::make(intake, replies_);
  base::check(made.has_value(), "an intake without filters");
  intake_ = std::move(*made);
  auto plan = upstream::plan_start(stored, options_.shards, 0, options_.shards - 1);
  line_.enter(place_.number, [this](std::uint32_t which, base::instant not_before) {
    shards_[which]->core().turn(not_before, time_.now());
  });
  for (auto& place : plan.shards) {
    auto core = options_.core;
    had_session_.push_back(place.session.has_value());
    if (!place.session) line_.request({place.key.id, place_.number}, place_.first_cause);
    core.session.identify.shard = place.key;
    shards_.push_back(std::make_unique<shard>(*this, std::move(core), std::move(place.session), chance_()));
  }
  if (!plan.abandoned.empty()) {
    upstream::append_abandoned(plan.abandoned, "shard_count_changed", time_.unix_ms(), batch_.rows());
    batch_grew();
  }
  for (const auto at : plan.order) shards_[at]->core().start(time_.now());
  line_.ask();
}

proto::identify_cause upstream_side::cause_of(std::uint32_t which) const {
  if (prepared_) return place_.first_cause;
  return had_session_[which] ? proto::identify_cause::reidentify : place_.first_cause;
}

void upstream_side::batch_grew() {
  using due = upstream::open_batch::due;
  switch (batch_.added(time_.now())) {
    case due::nothing:
      break;
    case due::at_once:
      flush();
      break;
    case due::turn_end:
      time_.soon("batch turn end", [this] {
        if (batch_.waits_for_turn_end()) flush();
      });
      break;
    case due::tick:
      tick_ = time_.at(batch_.tick_at(), "batch tick", [this] {
        tick_ = 0;
        flush();
      });
      break;
  }
}

void upstream_side::close() {
  closed_ = true;
  time_.cancel(tick_);
  time_.cancel(retry_);
}

void upstream_side::flush() {
  if (closed_) return;
  time_.cancel(tick_);
  const bool was_blocked = batch_.blocked();
  if (batch_.hand_over(sink_, time_.now()) != upstream::open_batch::outcome::refused) return;
  time_.cancel(retry_);
  retry_ = time_.in(options_.batch.retry, "batch retry", [this] {
    retry_ = 0;
    on_room();
  });
  if (!was_blocked) pause(true);
}

void upstream_side::on_room() {
  if (!batch_.blocked()) return;
  flush();
  if (!batch_.empty()) return;
  batch_.unblock();
  time_.cancel(retry_);
  pause(false);
}

void upstream_side::pause(bool paused) {
  log_.mark(paused ? "reading paused" : "reading resumed");
  world_.reading(paused);
  for (const auto& s : shards_) s->pause(paused);
  if (paused) return;
  time_.soon("read what is buffered", [this] {
    for (const auto& s : shards_) s->decode_again();
  });
}

void upstream_side::on_commit(const std::shared_ptr<const flow::commit>& done) {
  for (const auto& part : done->progress) {
    if (part.shard.count != options_.shards || part.shard.id >= shards_.size()) continue;
    shards_[part.shard.id]->core().committed(part.seq, time_.now());
  }
}

void upstream_side::fail() {
  if (std::exchange(failed_, true)) return;
  for (const auto& s : shards_) s->core().stop(false, time_.now());
  line_.leave(place_.number);
  if (place_.on_fatal) place_.on_fatal();
}

void upstream_side::stop(bool log_off) {
  for (const auto& s : shards_) s->core().stop(log_off, time_.now());
  if (log_off) line_.leave(place_.number);
  flush();
}

void upstream_side::retire(std::uint32_t which) {
  shards_[which]->core().stop(true, time_.now());
}

void upstream_side::probe() {
  for (const auto& s : shards_) s->core().probe(time_.now());
}

bool upstream_side::submit(flow::command what) {
  constexpr int presence_update = 3;
  if (what.op == presence_update) {
    // As the fleet does: a lane speaks for its own shards where n divides their number, else for all.
    const auto lanes = std::max<std::uint32_t>(what.lane.count, 1);
    const auto common = options_.shards % lanes == 0 ? lanes : 1;
    for (const auto& one : shards_) {
      if (one->core().key().id % common == what.lane.id % common) {
        one->core().command(what.op, what.payload, time_.now());
      }
    }
    return true;
  }
  const auto owner = (what.guild >> 22) % options_.shards;
  shards_[owner]->core().command(what.op, std::move(what.payload), time_.now());
  return true;
}

std::uint32_t upstream_side::live() const {
  std::uint32_t out = 0;
  for (const auto& s : shards_) {
    if (s->core().session().state() == upstream::session_state::live) ++out;
  }
  return out;
}

std::string_view upstream_side::state_of(std::uint32_t which) const {
  return upstream::name_of(shards_[which]->core().session().state());
}

}  // namespace evergate::simulation
