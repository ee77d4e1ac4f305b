#include "admin/server.h"

#include <algorithm>
#include <latch>
#include <utility>

#include "admin/errc.h"
#include "base/thread_name.h"

namespace evergate::admin {
namespace {

/// The token of `Authorization: Bearer …`; empty when it is anything else.
std::string_view bearer(const net::http_request& request) {
  const auto value = request.header("Authorization");
  constexpr std::string_view scheme = "Bearer ";
  if (!value.starts_with(scheme)) return {};
  return value.substr(scheme.size());
}

}  // namespace

server::server(server_options options, base::logger& log) : options_(std::move(options)), log_(log) {}

server::~server() {
  stop();
}

base::result<void> server::start(std::vector<operation> all) {
  if (options_.token.empty()) return base::fail(errc::bad_option, "admin.token: empty");
  operations_ = std::move(all);
  document_ = openapi(operations_);
  back_->to = this;
  thread_ = std::jthread([this] {
    base::name_thread("admin");
    loop_.run();
  });
  net::listen_options listen;
  listen.address = options_.address;
  listen.port = options_.port;
  listen.tls = options_.tls;
  listen.limits = {.head_bytes_max = 8 * 1024,
                   .connections_max = options_.connections_max,
                   .pending_per_address_max = options_.connections_max};
  auto made =
      net::http_server::listen({&loop_}, listen, [this](auto exchange) { take(std::move(exchange)); });
  if (!made) {
    stop();
    return base::fail(made.error(), "the admin API cannot listen");
  }
  http_ = std::move(*made);
  return {};
}

void server::stop(net::event_loop::task farewell) {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(back_->mutex);
    back_->to = nullptr;
  }
  http_.reset();
  std::latch done(1);
  loop_.post([&] {
    if (farewell) farewell();
    open_.clear();
    done.count_down();
  });
  done.wait();
  loop_.stop();
  thread_.join();
}

void server::take(std::unique_ptr<net::http_exchange> exchange) {
  const auto& request = exchange->request();
  if (request.upgrade_websocket) {
    return respond(*exchange, failure(400, "bad_request", "there is no WebSocket here"));
  }
  // Before anything else is looked at, so that a stranger learns nothing of what there is.
  if (!options_.token.matches(bearer(request))) {
    log_.debug("admin.refused", {{"peer", request.peer_address}});
    return respond(*exchange,
                   failure(401, "unauthorized", "send the admin token as Authorization: Bearer TOKEN"));
  }
  const auto path = request.path();
  if (path == "/openapi.json" && request.method == "GET") return respond(*exchange, {200, document_});
  bool known_path = false;
  for (const auto& one : operations_) {
    auto found = match(one, path);
    if (!found) continue;
    known_path = true;
    if (one.method == request.method) return run(one, std::move(*found), std::move(exchange));
  }
  if (known_path) return respond(*exchange, failure(405, "bad_method", "this path takes another method"));
  respond(*exchange, failure(404, "not_found", "no such path; GET /openapi.json lists them"));
}

void server::run(const operation& one, std::map<std::string, std::string, std::less<>> path,
                 std::unique_ptr<net::http_exchange> exchange) {
  const auto id = next_++;
  auto& open = *open_.emplace(id, std::move(exchange)).first->second;
  call what;
  what.path = std::move(path);
  what.query = [request = &open.request()](std::string_view name) { return request->query_parameter(name); };
  if (!one.changes()) return begin(one, std::move(what), id);
  auto take_piece = [this, &one, id, what = std::move(what)](std::string_view piece) mutable {
    what.body += piece;
    if (what.body.size() > options_.body_bytes_max) {
      return finish(id, failure(413, "too_large", "the body is larger than 64 KiB"));
    }
    if (!piece.empty()) return;
    const bool object = what.body.empty() || what.body.starts_with('{');
    if (!object) return finish(id, failure(400, "bad_request", "the body must be a JSON object, or empty"));
    begin(one, std::move(what), id);
  };
  open.stream_body(std::move(take_piece), [this, id] { drop_later(id); });
}

// From inside the exchange's own call.
void server::drop_later(std::uint64_t id) {
  loop_.post([this, id] { open_.erase(id); });
}

void server::begin(const operation& one, call what, std::uint64_t id) {
  if (one.changes()) {
    std::string target;
    for (const auto& [name, value] : what.path) target += (target.empty() ? "" : " ") + name + '=' + value;
    log_.info(
        "admin.change",
        {{"operation", one.id}, {"target", target}, {"asked", std::string_view(what.body).substr(0, 500)}});
  }
  reply back([way = back_, id](reply::maker make) {
    const std::scoped_lock lock(way->mutex);
    if (way->to == nullptr) return;
    way->to->loop_.post([to = way->to, id, make = std::move(make)]() mutable { to->finish(id, make()); });
  });
  one.run(std::move(what), std::move(back));
}

void server::finish(std::uint64_t id, const answer& what) {
  const auto found = open_.find(id);
  if (found == open_.end()) return;
  respond(*found->second, what);
  drop_later(id);
}

void server::respond(net::http_exchange& to, const answer& what) const {
  std::vector<net::http_header> headers{{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  if (what.status == 401) headers.push_back({"WWW-Authenticate", "Bearer"});
  to.respond({what.status, std::move(headers), what.body + '\n'});
}

}  // namespace evergate::admin
