// The answers we give over HTTP ourselves: /gateway, /gateway/bot and /health. Pure text building over what
// it is handed; no secret goes in. Stateless.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "downstream/bot_core.h"
#include "flow/command.h"
#include "net/http_server.h"

namespace evergate::downstream::front_pages {

/// The URL that bots are to connect to: the configured one, else made of the request's Host header (when
/// it is one) or of `fallback` (authority), with `prefix` ("/c/NAME" or empty) as its path.
[[nodiscard]] std::string gateway_url(std::string_view configured, bool tls, std::string_view host,
                                      std::string_view fallback, std::string_view prefix);

[[nodiscard]] net::http_response gateway(std::string_view url);
/// `shards` is the number of lanes to use; the start limits are large, so that libraries start at once.
[[nodiscard]] net::http_response gateway_bot(std::string_view url, std::uint32_t shards);
/// Lanes to suggest when the operator did not say: one per 100 upstream shards, rounded up.
[[nodiscard]] std::uint32_t lanes_for(std::uint32_t configured, std::uint32_t shard_count) noexcept;

[[nodiscard]] net::http_response health(const flow::fleet_view& fleet);
/// Of POST /c/NAME/ack: 200 with where the session stands; 404 when its connection has gone meanwhile; 409
/// for a number that was never sent.
[[nodiscard]] net::http_response acknowledged(const call_outcome& how);
[[nodiscard]] net::http_response failure(unsigned status, std::string_view message);

}  // namespace evergate::downstream::front_pages
