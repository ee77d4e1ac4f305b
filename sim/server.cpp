#include "sim/server.h"

namespace evergate::sim {
namespace {

constexpr std::size_t rest_body_max = std::size_t{1} << 20;
constexpr std::size_t control_body_max = std::size_t{64} << 20;
constexpr base::seconds pending_age_max{60};
constexpr std::uint64_t emits_a_turn = 2048;
constexpr std::int64_t emit_stuck_ms = 60'000;
constexpr std::int64_t silence_ms_max = 600'000;  // a client that waits longer for its answer is let go

}  // namespace

server::server(net::event_loop& loop, server_options options, const discord_options& world,
               std::function<void()> on_quit)
    : loop_(loop),
      options_(std::move(options)),
      on_quit_(std::move(on_quit)),
      started_(base::boot_clock::now()),
      started_unix_ms_(base::unix_time_ms()),
      core_(world, *this, started_unix_ms_),
      rest_(core_),
      control_api_(core_, rest_),
      timer_(loop) {}

server::~server() {
  *alive_ = false;
  timer_.cancel();
}

// The wall clock may be set; the core's time never falls.
std::int64_t server::now_ms() const noexcept {
  return started_unix_ms_ +
         std::chrono::duration_cast<base::milliseconds>(base::boot_clock::now() - started_).count();
}

base::result<std::unique_ptr<server>> server::start(net::event_loop& loop, server_options options,
                                                    const discord_options& world,
                                                    std::function<void()> on_quit) {
  std::unique_ptr<server> made(new server(loop, std::move(options), world, std::move(on_quit)));
  server& s = *made;
  net::listen_options listen;
  listen.address = s.options_.address;
  listen.port = s.options_.port;
  listen.limits.connections_max = world.connections_max;
  listen.limits.pending_per_address_max = world.connections_max;
  if (!s.options_.tls_certificate.empty()) {
    auto tls = net::tls_context::server({.certificate_file = s.options_.tls_certificate,
                                         .key_file = s.options_.tls_key,
                                         .client_ca_file = {}});
    if (!tls) return base::fail(tls.error(), "--tls-cert, --tls-key");
    listen.tls = std::move(*tls);
  }
  auto gateway = net::http_server::listen(
      {&loop}, listen, [&s](auto exchange) { s.gateway_request_came(std::move(exchange)); });
  if (!gateway) return base::fail(gateway.error(), "gateway listener");
  s.gateway_ = std::move(*gateway);
  net::listen_options control;
  control.address = s.options_.address;
  control.port = s.options_.control_port;
  auto other = net::http_server::listen({&loop}, control,
                                        [&s](auto exchange) { s.control_request_came(std::move(exchange)); });
  if (!other) return base::fail(other.error(), "control listener");
  s.control_ = std::move(*other);
  const std::string host = s.options_.public_host.empty() ? s.options_.address : s.options_.public_host;
  auto nowhere = dead_ends::open(s.options_.address);
  if (!nowhere) return base::fail(nowhere.error(), "dead ends");
  s.dead_ends_ = std::move(*nowhere);
  const std::string scheme = listen.tls ? "wss://" : "ws://";
  const auto at = [&](std::uint16_t port) { return scheme + host + ":" + std::to_string(port); };
  s.core_.set_urls({.main = at(s.gateway_port()),
                    .resume = at(s.gateway_port()) + "/resume",
                    .dead = at(s.dead_ends_.refusing_port()),
                    .silent = at(s.dead_ends_.silent_port()),
                    .unknown = scheme + "gateway.sim.invalid:" + std::to_string(s.gateway_port())});
  s.timer_.arm_in(s.options_.tick, [&s] { s.tick(); });
  return made;
}

void server::send(connection_id to, std::string_view head, std::string_view body, std::string_view tail) {
  const auto at = clients_.find(to);
  if (at == clients_.end()) return;
  gateway_client& client = *at->second;
  client.send(head, body, tail);
  if (client.queued_bytes() <= options_.output_bytes_max) return;
  core_.slow_reader(to, now_ms());
  client.abort();
}

void server::close(connection_id to, std::uint16_t code, std::string_view reason) {
  if (const auto at = clients_.find(to); at != clients_.end()) at->second->close(code, reason);
}

void server::drop(connection_id to) {
  if (const auto at = clients_.find(to); at != clients_.end()) at->second->abort();
}

bool server::congested(connection_id to) const {
  const auto at = clients_.find(to);
  return at != clients_.end() && at->second->congested();
}

bool server::damage(connection_id to, enum damage how) {
  const auto at = clients_.find(to);
  return at != clients_.end() && at->second->damage(how);
}

void server::client_said(gateway_client& from, std::string_view payload, bool binary) {
  core_.receive(from.id(), payload, binary, now_ms());
}

void server::client_gone(gateway_client& which, std::uint16_t code) {
  core_.closed(which.id(), code, now_ms());
  // The call comes from inside the client's socket: it is taken apart once that has returned.
  loop_.defer([this, alive = alive_, id = which.id()] {
    if (*alive) clients_.erase(id);
  });
}

bool server::on_resume_path(const net::http_request& request) {
  return request.path() == "/resume" || request.path() == "/resume/";
}

void server::upgrade_came(std::unique_ptr<net::http_exchange> exchange) {
  const auto verdict = core_.knock({.resume_path = on_resume_path(exchange->request())});
  using answer = upgrade_verdict::answer;
  switch (verdict.how) {
    case answer::accept:
      return upgrade(std::move(exchange));
    case answer::refuse:
      return respond(*exchange, {.status = verdict.status,
                                 .body = verdict.body,
                                 .content_type = verdict.body.starts_with('<') ? "text/html" : "text/plain"});
    case answer::delay:
      late_upgrades_.push_back({std::move(exchange), now_ms() + verdict.delay_ms, true});
      return;
    case answer::silence:
      late_upgrades_.push_back({std::move(exchange), now_ms() + silence_ms_max, false});
  }
}

void server::upgrade(std::unique_ptr<net::http_exchange> exchange) {
  const auto& request = exchange->request();
  const auto value = [&](std::string_view name, std::string otherwise) {
    return request.query_parameter(name).value_or(std::move(otherwise));
  };
  gateway_request asked;
  asked.resume_path = on_resume_path(request);
  asked.version = value("v", "10");
  asked.encoding = value("encoding", "json");
  asked.compress = value("compress", "");
  auto encoder = frame_encoder::make(asked.compress);
  if ((!asked.resume_path && request.path() != "/" && !request.path().empty()) || !encoder) {
    return respond(*exchange, {.status = 400, .body = R"({"message":"400: Bad Request","code":0})"});
  }
  const connection_id id = ++next_client_;
  auto client = std::make_unique<gateway_client>(*this, id, std::move(encoder));
  client->accept(*exchange);
  clients_.emplace(id, std::move(client));
  core_.open(id, asked, now_ms());
}

void server::gateway_request_came(std::unique_ptr<net::http_exchange> exchange) {
  if (exchange->request().upgrade_websocket) return upgrade_came(std::move(exchange));
  with_body(std::move(exchange), rest_body_max, [this](auto ready, std::string body) {
    const auto& request = ready->request();
    respond(*ready,
            rest_.handle(request.method, request.path(), request.header("Authorization"), body, now_ms()));
  });
}

void server::control_request_came(std::unique_ptr<net::http_exchange> exchange) {
  with_body(std::move(exchange), control_body_max,
            [this](auto ready, std::string body) { answer_control(std::move(ready), body); });
}

void server::with_body(std::unique_ptr<net::http_exchange> exchange, std::size_t bytes_max,
                       std::move_only_function<void(std::unique_ptr<net::http_exchange>, std::string)> then) {
  const auto& method = exchange->request().method;
  if (method == "GET" || method == "HEAD") return then(std::move(exchange), {});
  const std::uint64_t number = ++next_pending_;
  net::http_exchange& waiting = *exchange;
  pending_.emplace(number, pending_exchange{std::move(exchange), base::boot_clock::now()});
  waiting.read_body(bytes_max,
                    [this, alive = alive_, number, then = std::move(then)](std::string body) mutable {
                      if (!*alive) return;
                      auto entry = pending_.extract(number);
                      // The exchange owns this very function, so both go on after it has returned.
                      loop_.defer([alive, ready = std::move(entry.mapped().exchange), next = std::move(then),
                                   text = std::move(body)]() mutable {
                        if (*alive) next(std::move(ready), std::move(text));
                      });
                    });
}

void server::respond(net::http_exchange& exchange, http_reply reply) {
  net::http_response out;
  out.status = reply.status;
  if (reply.status != 204) out.headers.push_back({"Content-Type", reply.content_type});
  out.body = std::move(reply.body);
  exchange.respond(std::move(out));
}

void server::answer_control(std::unique_ptr<net::http_exchange> exchange, const std::string& body) {
  const auto& request = exchange->request();
  const control_request asked{.method = request.method,
                              .path = request.path(),
                              .query = [&](std::string_view name) { return request.query_parameter(name); },
                              .body = body};
  auto outcome = control_api_.handle(asked, now_ms());
  if (auto* reply = std::get_if<http_reply>(&outcome)) return respond(*exchange, std::move(*reply));
  if (auto* job = std::get_if<emit_job>(&outcome)) {
    emits_.push_back({std::move(*job), 0, now_ms(), std::move(exchange)});
    return run_emits();
  }
  if (std::holds_alternative<hold_wish>(outcome)) {
    for (const auto& [id, client] : clients_) client->hold();
    return respond(*exchange, {.body = R"({"ok":true})"});
  }
  if (std::holds_alternative<pour_wish>(outcome)) return pour(std::move(exchange));
  respond(*exchange, {.body = R"({"ok":true})"});
  loop_.post([alive = alive_, quit = on_quit_] {
    if (*alive && quit) quit();
  });
}

void server::run_emits() {
  if (emits_.empty()) return;
  running_emit& first = emits_.front();
  const std::int64_t now = now_ms();
  std::uint64_t made = 0;
  if (!core_.paused()) {
    made = core_.emit(std::min(first.job.count - first.made, emits_a_turn), first.job.type, now);
  }
  first.made += made;
  if (made > 0 || core_.paused()) first.progress_ms = now;
  const bool impossible = made == 0 && !core_.paused() && !core_.congested();
  if (first.made == first.job.count || impossible || now - first.progress_ms > emit_stuck_ms) {
    const std::string body = "{\"emitted\":" + std::to_string(first.made) +
                             ",\"last_serial\":" + std::to_string(core_.last_serial()) + "}";
    respond(*first.exchange, {.status = first.made == first.job.count ? 200U : 409U, .body = body});
    emits_.pop_front();
  }
  if (made == 0 || emits_.empty() || emit_posted_) return;  // without progress the next tick tries again
  emit_posted_ = true;
  loop_.post([this, alive = alive_] {
    if (!*alive) return;
    emit_posted_ = false;
    run_emits();
  });
}

void server::pour(std::unique_ptr<net::http_exchange> exchange) {
  struct answer {
    std::unique_ptr<net::http_exchange> to;
    ~answer() { respond(*to, {.body = R"({"ok":true})"}); }
  };
  // Each connection holds a part of the answer; the last lets it go.
  auto shared = std::make_shared<answer>(std::move(exchange));
  for (const auto& [id, client] : clients_) client->pour([shared] {});
}

void server::accept_late_upgrades() {
  const std::int64_t now = now_ms();
  for (auto at = late_upgrades_.begin(); at != late_upgrades_.end();) {
    const auto here = at++;
    if (here->due_ms > now) continue;
    late_upgrade due = std::move(*here);
    late_upgrades_.erase(here);
    if (due.accept) upgrade(std::move(due.exchange));
  }
}

void server::tick() {
  core_.tick(now_ms());
  accept_late_upgrades();
  run_emits();
  const base::instant now = base::boot_clock::now();
  std::erase_if(pending_, [&](const auto& entry) { return now - entry.second.since > pending_age_max; });
  timer_.arm_in(options_.tick, [this] { tick(); });
}

}  // namespace evergate::sim
