#include "downstream/front_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <mutex>
#include <vector>

#include "proto/json_view.h"

namespace evergate::downstream::front_pages {
namespace {

net::http_response json(unsigned status, std::string body) {
  return {status, {{"Content-Type", "application/json"}}, std::move(body)};
}

/// A name or address with an optional port: nothing that could break out of a URL or of JSON.
bool plain_authority(std::string_view host) noexcept {
  if (host.empty() || host.size() > 255) return false;
  return std::ranges::all_of(host, [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
  });
}

void append_consumer(std::string& out, guarded_consumer& one, flow::offset head) {
  const std::scoped_lock lock(one.mutex);
  out += R"({"name":)";
  proto::append_quoted(out, one.body.record().name);
  fmt::format_to(std::back_inserter(out),
                 R"(,"sessions":{},"layouts":{},"interactions":{{"sent":{},"expired":{}}},"lanes":[)",
                 one.body.sessions(), one.body.record().layouts.size(), one.body.interactions_sent(),
                 one.body.interactions_expired());
  for (const auto& lane : one.body.status()) {
    if (out.back() == '}') out += ',';
    const auto lag = head.value - std::min(head.value, lane.position.value);
    fmt::format_to(
        std::back_inserter(out),
        R"({{"lane":[{},{}],"connected":{},"seq":{},"in_flight":{},"cursor":{},"position":{},"lag":{}}})",
        lane.lane.id, lane.lane.count, lane.connected, lane.seq, lane.unacknowledged, lane.cursor.value,
        lane.position.value, lag);
  }
  out += "]}";
}

}  // namespace

std::string gateway_url(std::string_view configured, bool tls, std::string_view host,
                        std::string_view fallback, std::string_view prefix) {
  std::string out;
  if (!configured.empty()) {
    out = configured;
    while (out.ends_with('/')) out.pop_back();
  } else {
    out = tls ? "wss://" : "ws://";
    out += plain_authority(host) ? host : fallback;
  }
  out += prefix;
  return out;
}

net::http_response gateway(std::string_view url) {
  std::string body = R"({"url":)";
  proto::append_quoted(body, url);
  body += '}';
  return json(200, std::move(body));
}

net::http_response gateway_bot(std::string_view url, std::uint32_t shards) {
  std::string body = R"({"url":)";
  proto::append_quoted(body, url);
  body += fmt::format(
      R"(,"shards":{},"session_start_limit":{{"total":1000000,"remaining":1000000,"reset_after":86400000,"max_concurrency":1000}}}})",
      shards);
  return json(200, std::move(body));
}

std::uint32_t lanes_for(std::uint32_t configured, std::uint32_t shard_count) noexcept {
  if (configured > 0) return configured;
  return std::max<std::uint32_t>((shard_count + 99) / 100, 1);
}

net::http_response health(const flow::fleet_view& fleet) {
  const auto held = fleet.shards_held();
  const auto ready = fleet.shards_ready();
  const bool good = held > 0 && ready >= held;
  return json(good ? 200 : 503,
              fmt::format(R"({{"status":"{}","shards":{},"shards_held":{},"shards_ready":{}}})",
                          good ? "ready" : "not_ready", fleet.shard_count(), held, ready));
}

net::http_response status(const flow::fleet_view& fleet, flow::offset head, consumers& readers,
                          std::size_t connections) {
  auto body = fmt::format(R"({{"shards":{},"shards_ready":{},"head":{},"connections":{},"consumers":[)",
                          fleet.shard_count(), fleet.shards_ready(), head.value, connections);
  bool first = true;
  for (auto* one : readers.all()) {
    if (!first) body += ',';
    first = false;
    append_consumer(body, *one, head);
  }
  fmt::format_to(std::back_inserter(body), R"(],"dead_letters":{{"kept":{},"pushed_out":{}}}}})",
                 readers.letters().size(), readers.letters().pushed_out());
  return json(200, std::move(body));
}

net::http_response failure(unsigned status, std::string_view message) {
  return json(status, fmt::format(R"({{"message":"{}","code":0}})", message));
}

}  // namespace evergate::downstream::front_pages
