#include "downstream/gateway.h"

#include <fmt/format.h>

#include <algorithm>
#include <latch>
#include <mutex>
#include <numeric>
#include <random>
#include <utility>

#include "base/check.h"
#include "downstream/errc.h"
#include "downstream/front_pages.h"
#include "downstream/route.h"
#include "proto/json_view.h"

namespace evergate::downstream {
namespace {

consumer_rules rules_of(const gateway_options& options) {
  return {
      .queue_quiet = options.queue_quiet, .queue_wait_max = options.queue_wait_max, .poison = options.poison};
}

std::string without_slash(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  return text;
}

bool bounded(const consumer_policies& all) {
  const auto one = [](const policy_ptr& policy) { return has_bounds(*policy); };
  return one(all.fallback) ||
         std::ranges::any_of(all.named, [&](const auto& named) { return one(named.second); });
}

net::http_response not_served(const std::string& consumer) {
  return front_pages::failure(
      403, fmt::format("consumer {} is not listed, and consumers.unlisted is refuse", consumer));
}

}  // namespace

gateway::gateway(std::vector<net::event_loop*> loops, net::listen_options listen, gateway_options options,
                 flow::event_source& events, flow::guild_source& guilds, flow::consumer_store& store,
                 flow::command_sink& commands, flow::reply_table& replies, flow::fleet_view& fleet,
                 net::http_client& http, base::logger& log)
    : loops_(std::move(loops)),
      listen_(std::move(listen)),
      options_(std::move(options)),
      events_(events),
      guilds_(guilds),
      fleet_(fleet),
      http_(http),
      log_(log),
      readers_(store, rules_of(options_), options_.consumers_max, options_.consumers,
               options_.dead_letters_max),
      control_(readers_, events, *this, log, options_.on_consumer),
      router_(commands, replies, fleet, *options_.decisions),
      door_(options_.unauthenticated_per_address_max) {
  base::check(!loops_.empty() && loops_.size() <= loops_max, "the gateway runs on 1 to 256 loops");
}

gateway::~gateway() {
  base::check(!server_, "stop() comes before the end of a gateway");
}

base::result<void> gateway::start() {
  if (options_.token.empty()) return base::fail(errc::bad_option, "token: empty, needed to judge bots by");
  if (options_.lanes_max == 0) return base::fail(errc::bad_option, "lanes_max: 0, allowed 1 and more");
  if (auto loaded = readers_.load(base::boot_clock::now()); !loaded) return loaded;
  std::random_device seed;
  const surroundings around{options_, events_, guilds_, readers_, router_, *this, door_, exits_, log_};
  const rest_proxy_options rest{without_slash(options_.rest_base), options_.body_bytes_max,
                                options_.rest_timeout};
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    const auto chance = (std::uint64_t{seed()} << 32) | seed();
    rooms_.push_back(std::make_unique<room>(*loops_[i], static_cast<std::uint8_t>(i), around, chance));
    proxies_.push_back(std::make_unique<rest_proxy>(http_, rest, log_));
    loops_[i]->post([here = rooms_.back().get()] { here->open(); });
  }
  open_to_journal(true);
  auto server = net::http_server::listen(
      loops_, listen_, [this](std::unique_ptr<net::http_exchange> exchange) { answer(std::move(exchange)); });
  if (!server) {
    open_to_journal(false);
    on_every_loop([this](std::size_t i) { rooms_[i]->close(true); });
    on_every_loop([this](std::size_t i) { rooms_[i].reset(); });
    rooms_.clear();
    proxies_.clear();
    return base::fail(server.error(), "listening for bots");
  }
  {
    const std::scoped_lock lock(stopping_mutex_);
    server_ = std::move(*server);
  }
  loops_.front()->post([this] {
    flush_timer_ = std::make_unique<net::timer>(*loops_.front());
    arm_flush();
  });
  if (bounded(options_.consumers)) {
    keeper_ = std::make_unique<backlog_keeper>(control_, options_.bounds_interval, log_);
  }
  log_.info("gateway.listening", {{"address", listen_.address}, {"port", server_->port()}});
  return {};
}

void gateway::open_to_journal(bool open) {
  const std::scoped_lock lock(stopping_mutex_);
  stopping_ = !open;
}

void gateway::arm_flush() {
  flush_timer_->arm_in(options_.cursor_interval, [this] {
    carry(readers_.flush(base::boot_clock::now()));
    arm_flush();
  });
}

void gateway::stop(bool drop) {
  if (!server_) return;
  keeper_.reset();
  open_to_journal(false);
  server_->stop_accepting();
  on_every_loop([&](std::size_t i) {
    proxies_[i]->close();
    rooms_[i]->close(drop);
  });
  // The close frames are answered by the bots; what has not ended in time is dropped.
  {
    std::unique_lock lock(exits_.mutex);
    exits_.rung.wait_for(lock, options_.socket.close_timeout, [this] {
      return std::ranges::all_of(rooms_, [](const auto& one) { return one->connections() == 0; });
    });
  }
  on_every_loop([this](std::size_t i) {
    if (i == 0) flush_timer_.reset();
    rooms_[i]->close(true);
  });
  server_.reset();
  // Whatever the connections posted on their way out runs before the rooms go.
  on_every_loop([](std::size_t) {});
  on_every_loop([this](std::size_t i) { rooms_[i]->close(true); });
  on_every_loop([this](std::size_t i) {
    rooms_[i].reset();
    proxies_[i].reset();
  });
  rooms_.clear();
  proxies_.clear();
  readers_.flush(base::boot_clock::now());
}

void gateway::on_every_loop(const std::function<void(std::size_t)>& work) {
  std::latch done(static_cast<std::ptrdiff_t>(loops_.size()));
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    loops_[i]->post([&, i] {
      work(i);
      done.count_down();
    });
  }
  done.wait();
}

std::uint16_t gateway::port() const {
  const std::scoped_lock lock(stopping_mutex_);
  return !stopping_ && server_ ? server_->port() : 0;
}

std::size_t gateway::connections() const {
  const auto all = connections_by_loop();
  return std::accumulate(all.begin(), all.end(), std::size_t{0});
}

std::vector<std::size_t> gateway::connections_by_loop() const {
  std::vector<std::size_t> out;
  const std::scoped_lock lock(stopping_mutex_);
  if (stopping_) return out;
  for (const auto& one : rooms_) out.push_back(one->connections());
  return out;
}

void gateway::on_commit(const std::shared_ptr<const flow::commit>&) {
  const std::scoped_lock lock(stopping_mutex_);
  if (stopping_) return;
  for (const auto& one : rooms_) one->wake();
}

void gateway::carry(consumer_orders orders) {
  for (auto& order : orders) {
    auto* to = rooms_[order.to & 0xff].get();
    to->loop().post([to, one = std::move(order)]() mutable { to->carry(std::move(one)); });
  }
}

void gateway::reserved(holder_id who, flow::offset upto) {
  const std::scoped_lock lock(stopping_mutex_);
  if (!stopping_) rooms_[who & 0xff]->reserved(who, upto);
}

void gateway::interactions_reserved(holder_id who, std::uint64_t ticket) {
  const std::scoped_lock lock(stopping_mutex_);
  if (!stopping_) rooms_[who & 0xff]->interactions_reserved(who, ticket);
}

std::uint32_t gateway::lanes_for(const std::string& consumer) const {
  const lanes_question asked{
      .consumer = consumer, .configured = options_.lanes, .shards = fleet_.shard_count()};
  const auto lanes = options_.decisions->calculate_lanes.ask(asked, [](const lanes_question& about) {
    return front_pages::lanes_for(about.configured, about.shards);
  });
  return std::min(lanes, options_.lanes_max);
}

void gateway::answer(std::unique_ptr<net::http_exchange> exchange) {
  if (stopping_) return exchange->respond(front_pages::failure(503, "restarting"));
  if (exchange->request().upgrade_websocket) return upgrade(std::move(exchange));
  const auto& request = exchange->request();
  const auto where = route_of(request.target);
  const auto policy = options_.consumers.of(where.consumer);
  if (!policy) return exchange->respond(not_served(where.consumer));
  const auto url = [&] {
    const auto fallback = fmt::format("{}:{}", listen_.address, port());
    return front_pages::gateway_url(options_.public_url, listen_.tls != nullptr, request.header("Host"),
                                    fallback, where.prefix);
  };
  switch (where.what) {
    case route::kind::gateway:
      return exchange->respond(front_pages::gateway(url()));
    case route::kind::gateway_bot:
      if (!options_.token.matches(request.header("Authorization"))) {
        return exchange->respond(front_pages::failure(401, "401: Unauthorized"));
      }
      return exchange->respond(front_pages::gateway_bot(url(), lanes_for(where.consumer)));
    case route::kind::health:
      return exchange->respond(front_pages::health(fleet_));
    case route::kind::ack:
      return acknowledge(std::move(exchange), where.consumer);
    case route::kind::rest:
      if (policy->read_only && request.method != "GET" && request.method != "HEAD") {
        return exchange->respond(front_pages::failure(
            403, fmt::format("consumer {} is read-only: only GET is passed on", where.consumer)));
      }
      break;
    case route::kind::bad_consumer:
      return exchange->respond(
          front_pages::failure(400, "consumer name: allowed are 1 to 32 of a-z, 0-9, - and _"));
    case route::kind::unknown:
      return exchange->respond(front_pages::failure(404, "404: Not Found"));
  }
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    if (loops_[i] == &exchange->loop()) return proxies_[i]->forward(std::move(exchange), where.rest);
  }
}

void gateway::acknowledge(std::unique_ptr<net::http_exchange> exchange, const std::string& name) {
  if (exchange->request().method != "POST") {
    return exchange->respond(front_pages::failure(405, "acknowledge by POST"));
  }
  if (!options_.token.matches(exchange->request().header("Authorization"))) {
    return exchange->respond(front_pages::failure(401, "401: Unauthorized"));
  }
  // The exchange outlives its own call, and is answered on its loop whatever loop the bot is on.
  const std::shared_ptr<net::http_exchange> shared(std::move(exchange));
  auto& home = shared->loop();
  shared->read_body(options_.message_bytes_max, [this, &home, shared, name](const std::string& body) {
    const auto session = proto::decoded_string(proto::member(body, "session_id"));
    const auto seq = proto::integer_of(proto::member(body, "seq"));
    if (!session || !seq) {
      return shared->respond(front_pages::failure(400, "needed: session_id, a string, and seq, an integer"));
    }
    auto* one = readers_.find(name);
    const auto holder =
        one == nullptr ? holder_id{0} : one->with([&](consumer& of) { return of.holder_of(*session); });
    if (holder == 0) return shared->respond(front_pages::failure(404, "no such session is connected"));
    const std::scoped_lock lock(stopping_mutex_);
    if (stopping_) return shared->respond(front_pages::failure(503, "restarting"));
    auto answer = [this, one, &home, mine = shared](const call_outcome& how) mutable {
      // Moved on, so that it ends on its own loop.
      auto respond = [&home, mine = std::move(mine), how]() mutable {
        home.post([mine = std::move(mine), how] { mine->respond(front_pages::acknowledged(how)); });
      };
      if (how.what != call_outcome::kind::done) return respond();
      readers_.flush(*one, std::move(respond));  // a kill of the daemon takes it back no more
    };
    rooms_[holder & 0xff]->acknowledge(holder, *session, *seq, std::move(answer));
  });
}

void gateway::upgrade(std::unique_ptr<net::http_exchange> exchange) {
  const auto& request = exchange->request();
  auto where = route_of(request.target);
  if (where.what == route::kind::bad_consumer) {
    return exchange->respond(
        front_pages::failure(400, "consumer name: allowed are 1 to 32 of a-z, 0-9, - and _"));
  }
  if (!options_.consumers.of(where.consumer)) return exchange->respond(not_served(where.consumer));
  const auto fallback = fmt::format("{}:{}", listen_.address, port());
  auto url = front_pages::gateway_url(options_.public_url, listen_.tls != nullptr, request.header("Host"),
                                      fallback, where.prefix);
  for (const auto& one : rooms_) {
    if (&one->loop() != &exchange->loop()) continue;
    return one->admit(std::move(exchange), std::move(where.consumer), std::move(url));
  }
}

}  // namespace evergate::downstream
