#include "downstream/front_pages.h"

#include <fmt/format.h>

#include <algorithm>

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

net::http_response acknowledged(const call_outcome& how) {
  switch (how.what) {
    case call_outcome::kind::gone:
      return failure(404, "no such session is connected");
    case call_outcome::kind::never_sent:
      return failure(409, fmt::format("that number was never sent; the last one is {}", how.sent_seq));
    case call_outcome::kind::done:
      break;
  }
  return json(200, fmt::format(R"({{"acknowledged":{},"sent":{}}})", how.acked_seq, how.sent_seq));
}

net::http_response failure(unsigned status, std::string_view message) {
  return json(status, fmt::format(R"({{"message":"{}","code":0}})", message));
}

}  // namespace evergate::downstream::front_pages
