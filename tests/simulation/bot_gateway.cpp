#include "bot_gateway.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "net/output_gauge.h"
#include "net/websocket_codec.h"

namespace evergate::simulation {

using downstream::holder_id;

/// One bot's connection: net::websocket's part over a link, and the core.
class bot_gateway::socket final : private downstream::bot_wire {
 public:
  socket(bot_gateway& home, std::shared_ptr<bot_link> link, holder_id id, proto::compression transport)
      : home_(home),
        link_(std::move(link)),
        id_(id),
        decoder_(net::ws_role::server, home.parts_.options.socket.limits),
        gauge_(home.parts_.options.socket.output_bytes_high,
               home.parts_.options.bot_socket().output_wait_max),
        core_({home.parts_.options, home.parts_.events, home.parts_.guilds, home.readers_, home.router_, home,
               home.parts_.log, home.reader_, home.frames_},
              *this, {id, home.parts_.record.consumer, "ws://simulated", transport}) {
    link_->listen(bot_side::daemon, {[this](std::string_view bytes) { receive(bytes); }, [this] { push(); },
                                     [this] { end({}); }});
  }
  ~socket() override { link_->reset(bot_side::daemon); }

  void open() { core_.open(now()); }
  [[nodiscard]] downstream::bot_core& core() noexcept { return core_; }
  /// After anything that may have been sent: the record of the oracle.
  void note() {
    if (core_.grant() != nullptr) home_.note_grant(*core_.grant());
  }

 private:
  [[nodiscard]] downstream::bot_time now() const { return home_.now(); }
  [[nodiscard]] std::string& output() override { return output_; }
  void output_ready() override {
    gauge_.appended(output_.size(), home_.parts_.time.now());
    if (output_room() == 0) in_burst();
    if (std::exchange(pushing_, true)) return;
    home_.post_to(id_, [](socket& self) { self.push(); });
  }
  [[nodiscard]] std::size_t queued_bytes() const override { return output_.size(); }
  [[nodiscard]] std::size_t output_room() const override { return gauge_.room(output_.size()); }
  void close(std::uint16_t code, std::string_view reason) override {
    if (std::exchange(closing_, true)) return;
    net::append_frame(output_, net::ws_role::server, net::ws_opcode::close, net::close_payload(code, reason));
    output_ready();
    home_.post_to(id_, [](socket& self) { self.end({}); }, home_.parts_.options.socket.close_timeout);
  }
  void pump_later() override {
    in_burst();
    // A turn of a loop takes some time.
    home_.post_to(
        id_,
        [](socket& self) {
          self.core_.pump(self.now());
          self.note();
        },
        base::nanoseconds{20'000});
  }
  void authenticated() override {}
  [[nodiscard]] std::string new_session_id() override {
    return fmt::format("{:016x}{:016x}", home_.chance_(), home_.chance_());
  }

  void push() {
    pushing_ = false;
    output_.erase(0, link_->write(bot_side::daemon, output_));
    note_backlog();
    if (gauge_.left(output_.size(), home_.parts_.time.now())) core_.pump(now());
    if (!closing_) note();
  }
  void in_burst() {
    if (burst_ != nullptr || core_.grant() == nullptr) return;
    burst_ = &home_.parts_.record.bursts.emplace_back(core_.grant()->session.id, home_.parts_.time.now());
  }
  void note_backlog() {
    if (output_.empty()) {
      if (burst_ != nullptr) std::exchange(burst_, nullptr)->to = home_.parts_.time.now();
      if (backlog_ != nullptr) std::exchange(backlog_, nullptr)->to = home_.parts_.time.now();
    } else if (backlog_ == nullptr && core_.grant() != nullptr) {
      backlog_ =
          &home_.parts_.record.backlogged.emplace_back(core_.grant()->session.id, home_.parts_.time.now());
    }
  }
  void receive(std::string_view bytes) {
    while (!bytes.empty() && !over_) {
      const auto space = decoder_.prepare(bytes.size());
      const auto count = std::min(space.size(), bytes.size());
      std::memcpy(space.data(), bytes.data(), count);
      decoder_.commit(count);
      bytes.remove_prefix(count);
      net::ws_decoder::item item;
      while (!over_ && decoder_.next(item) == net::ws_decoder::outcome::item) take(item);
    }
    if (!over_) note();
  }
  void take(const net::ws_decoder::item& item) {
    if (item.opcode != net::ws_opcode::close) {
      if (!closing_) core_.message(item.payload, now());
      return;
    }
    std::uint16_t code = 1005;
    if (item.payload.size() >= 2) {
      code = static_cast<std::uint16_t>(static_cast<unsigned char>(item.payload[0]) << 8 |
                                        static_cast<unsigned char>(item.payload[1]));
    }
    const bool first = !std::exchange(closing_, true);
    if (first) {
      net::append_frame(output_, net::ws_role::server, net::ws_opcode::close,
                        net::close_payload(code == 1005 ? 1000 : code, {}));
      push();
      link_->close(bot_side::daemon);
    }
    end({.by_bot = first, .code = code});
  }
  void end(const downstream::bot_farewell& how) {
    if (std::exchange(over_, true)) return;
    note();
    core_.closed(how, now());
    home_.bury(id_);
  }

  bot_gateway& home_;
  const std::shared_ptr<bot_link> link_;
  const holder_id id_;
  net::ws_decoder decoder_;
  net::output_gauge gauge_;
  std::string output_;
  bool pushing_ = false;
  bool closing_ = false;
  bool over_ = false;
  bot_spell* backlog_ = nullptr;
  bot_spell* burst_ = nullptr;
  downstream::bot_core core_;
};

bot_gateway::bot_gateway(bot_gateway_parts parts, std::uint64_t seed)
    : parts_(parts),
      chance_(seed),
      readers_(parts.store,
               {.queue_quiet = parts.options.queue_quiet,
                .queue_wait_max = parts.options.queue_wait_max,
                .poison = parts.options.poison},
               parts.options.consumers_max, parts.options.consumers, parts.options.dead_letters_max),
      control_(readers_, parts.events, *this, parts.log),
      router_(parts.commands, parts.replies, parts.fleet),
      reader_(parts.events, parts.options.read_bytes) {}

bot_gateway::~bot_gateway() = default;

base::result<void> bot_gateway::start() {
  if (auto loaded = readers_.load(parts_.time.now()); !loaded) return loaded;
  arm_tick();
  arm_flush();
  if (downstream::has_bounds(*parts_.options.consumers.fallback)) arm_relief();
  return {};
}

void bot_gateway::stop() {
  stopping_ = true;
  for (const auto& [id, one] : sockets_) one->core().shut(false, now());
}

void bot_gateway::flush() {
  readers_.flush(parts_.time.now());
}

void bot_gateway::accept(std::shared_ptr<bot_link> link, proto::compression transport) {
  if (stopping_) return link->reset(bot_side::daemon);
  const holder_id id = next_id_++ << 8;
  auto made = std::make_unique<socket>(*this, std::move(link), id, transport);
  auto* one = made.get();
  sockets_.emplace(id, std::move(made));
  one->open();
}

void bot_gateway::on_commit() {
  if (std::exchange(woken_, true)) return;
  post([this] {
    woken_ = false;
    for (const auto& [id, one] : sockets_) {
      one->core().pump(now());
      one->note();
    }
  });
}

void bot_gateway::carry(downstream::consumer_orders orders) {
  for (auto& order : orders) {
    const auto to = order.to;
    post_to(to, [this, one = std::move(order)](socket& self) {
      self.core().carry(one, now());
      self.note();
    });
  }
}

void bot_gateway::reserved(holder_id who, flow::offset upto) {
  post_to(who, [this, upto](socket& self) {
    self.core().reserved(upto, now());
    self.note();
  });
}

void bot_gateway::interactions_reserved(holder_id who, std::uint64_t ticket) {
  post_to(who, [this, ticket](socket& self) {
    self.core().interactions_reserved(ticket, now());
    self.note();
  });
}

downstream::bot_time bot_gateway::now() const {
  return {parts_.time.now(), parts_.time.unix_ms()};
}

void bot_gateway::post(std::move_only_function<void()> work, base::nanoseconds wait) {
  parts_.time.after(wait, [alive = std::weak_ptr(alive_), what = std::move(work)]() mutable {
    if (!alive.expired()) what();
  });
}

void bot_gateway::post_to(holder_id who, std::move_only_function<void(socket&)> work,
                          base::nanoseconds wait) {
  post(
      [this, who, what = std::move(work)]() mutable {
        const auto found = sockets_.find(who);
        if (found != sockets_.end()) what(*found->second);
      },
      wait);
}

void bot_gateway::bury(holder_id who) {
  post([this, who] { sockets_.erase(who); });
}

void bot_gateway::arm_tick() {
  post(
      [this] {
        for (const auto& [id, one] : sockets_) {
          one->core().tick(now());
          one->note();
        }
        arm_tick();
      },
      parts_.options.tick);
}

void bot_gateway::arm_flush() {
  post(
      [this] {
        flush();
        arm_flush();
      },
      parts_.options.cursor_interval);
}

relief_look::each<std::vector<flow::stretch>> bot_gateway::waiting(
    const relief_look::each<flow::offset>& from) {
  relief_look::each<std::vector<flow::stretch>> out;
  for (std::size_t kind = 0; kind < out.size(); ++kind) {
    const auto read = parts_.events.stretches(static_cast<proto::event_class>(kind), from[kind],
                                              parts_.events.head(), [&](const flow::stretch& one) {
                                                out[kind].push_back(one);
                                                return true;
                                              });
    if (!read) out[kind].clear();
  }
  return out;
}

void bot_gateway::arm_relief() {
  post(
      [this] {
        if (auto* const one = readers_.find(parts_.record.consumer)) {
          relief_look look;
          look.now_ms = parts_.time.unix_ms();
          look.from = one->body.needed_from();
          look.before = waiting(look.from);
          const auto before = one->body.record().given_up;
          if (control_.relieve_all(look.now_ms)) {
            look.to = one->body.needed_from();
            look.after = waiting(look.to);
            for (std::size_t i = 0; i < before.size(); ++i)
              look.given_up[i] = one->body.record().given_up[i] - before[i];
            parts_.record.on_look(look);
          }
        }
        arm_relief();
      },
      parts_.options.bounds_interval);
}

void bot_gateway::note_grant(const downstream::lane_grant& grant) {
  const auto& who = grant.session;
  if (parts_.record.grants.contains(who.id)) return;
  if (parts_.record.narrate) {
    parts_.record.narrate(fmt::format("lane [{},{}] of layout {} is granted to {} from {} on", who.lane.id,
                                      who.lane.count, who.layout, who.id.substr(0, 6), grant.start.value));
  }
  parts_.record.grants[who.id] = {.session = who.id,
                                  .number = who.number,
                                  .lane = who.lane,
                                  .layout = who.layout,
                                  .at = parts_.time.now(),
                                  .start = grant.start,
                                  .older = grant.older->older(),
                                  .interactions = grant.interactions};
}

}  // namespace evergate::simulation
