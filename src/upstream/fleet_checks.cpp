// fleet::make: the checks of every option, before anything is connected.
#include <fmt/format.h>

#include <string_view>

#include "base/check.h"
#include "net/url.h"
#include "proto/presence.h"
#include "upstream/errc.h"
#include "upstream/fleet.h"

namespace evergate::upstream {
namespace {

constexpr std::uint32_t shards_max = 65'535;

base::result<void> check_url(std::string_view option, const std::string& value, std::string_view plain,
                             std::string_view secure) {
  const auto url = net::parse_url(value);
  if (!url) return base::fail(url.error(), std::string(option));
  if (url->scheme == plain || url->scheme == secure) return {};
  return base::fail(errc::bad_option, fmt::format("{}: the scheme is `{}`, allowed are {} and {}", option,
                                                  url->scheme, plain, secure));
}

base::result<void> check_range(const fleet_options& o) {
  if (o.total_shards > shards_max) {
    return base::fail(errc::bad_option, fmt::format("total_shards: {} is too many, allowed are 0 to {}",
                                                    o.total_shards, shards_max));
  }
  const std::uint32_t end = o.total_shards == 0 ? shards_max : o.total_shards;
  if (o.first_shard >= end || (o.last_shard && (*o.last_shard >= end || *o.last_shard < o.first_shard))) {
    return base::fail(errc::bad_option,
                      fmt::format("first_shard {}, last_shard {}: allowed are 0 ≤ first ≤ last < {}",
                                  o.first_shard, o.last_shard.value_or(end - 1), end));
  }
  return {};
}

base::result<void> check_identify(const fleet_options& o) {
  if (o.token.empty()) return base::fail(errc::bad_option, "token: is empty, a bot token is needed");
  // The token becomes part of a header and of a frame.
  for (const char c : o.token.reveal()) {
    if (c <= ' ' || c > '~' || c == '"' || c == '\\') {
      return base::fail(errc::bad_option, "token: holds a space or a character that no bot token has");
    }
  }
  if (!proto::valid_intents(o.intents)) {
    return base::fail(errc::bad_option, fmt::format("intents: {} has unknown bits, allowed are those of {}",
                                                    o.intents, proto::intent::all));
  }
  if (o.large_threshold < 50 || o.large_threshold > 250) {
    return base::fail(errc::bad_option,
                      fmt::format("large_threshold: is {}, allowed are 50 to 250", o.large_threshold));
  }
  if (!o.presence.empty()) {
    const auto whole = proto::whole_presence(o.presence);
    if (!whole) return base::fail(errc::bad_option, whole.error().text());
  }
  return {};
}

base::result<void> check_all(const fleet_options& o) {
  if (auto ok = check_identify(o); !ok) return ok;
  if (auto ok = check_url("rest_base", o.rest_base, "http", "https"); !ok) return ok;
  if (!o.gateway_url.empty()) {
    if (auto ok = check_url("gateway_url", o.gateway_url, "ws", "wss"); !ok) return ok;
  }
  return check_range(o);
}

}  // namespace

access_options access_options_of(const fleet_options& o) {
  return {o.token,        {o.rest_base, o.rest_timeout, o.backoff},
          o.gateway_url,  o.connects_per_second_max,
          o.connect_rest, o.identify,
          o.info_age_max, o.decisions};
}

base::result<std::unique_ptr<fleet>> fleet::make(fleet_options options, fleet_ground ground) {
  base::check(!ground.loops.empty() && ground.http != nullptr && ground.sink != nullptr &&
                  ground.log != nullptr && ground.make_intake != nullptr,
              "a fleet needs loops, a client, a sink, a logger and intakes");
  if (auto ok = check_all(options); !ok) return std::unexpected(ok.error());
  if (!options.tls) {
    auto context = net::tls_context::client({options.ca_file});
    if (!context) return base::fail(context.error(), "ca_file");
    options.tls = std::move(*context);
  }
  return std::unique_ptr<fleet>(new fleet(std::move(options), std::move(ground)));
}

}  // namespace evergate::upstream
