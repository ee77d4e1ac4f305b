#include "upstream/gateway_info_fetch.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "upstream/errc.h"

namespace evergate::upstream {
namespace {

constexpr base::milliseconds retry_after_max{600'000};

std::string address(std::string_view rest_base) {
  while (rest_base.ends_with('/')) rest_base.remove_suffix(1);
  return std::string(rest_base) + "/v10/gateway/bot";
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

/// Whole seconds of a Retry-After header; 0 without one.
base::milliseconds retry_after(const net::http_response& response) {
  for (const auto& header : response.headers) {
    if (!same_name(header.name, "retry-after")) continue;
    std::int64_t whole = 0;
    std::from_chars(header.value.data(), header.value.data() + header.value.size(), whole);
    const std::int64_t most = std::chrono::duration_cast<base::seconds>(retry_after_max).count();
    return base::seconds(std::clamp<std::int64_t>(whole, -1, most - 1) + 1);
  }
  return base::milliseconds{0};
}

}  // namespace

gateway_info_fetch::gateway_info_fetch(net::event_loop& loop, net::http_client& http,
                                       gateway_info_options options, const base::secret& token,
                                       base::logger& log, std::uint64_t seed)
    : loop_(loop),
      http_(http),
      options_(std::move(options)),
      token_(token),
      log_(log),
      chance_(seed),
      backoff_(options_.backoff),
      pause_(loop),
      round_(std::make_shared<std::uint64_t>(0)) {}

gateway_info_fetch::~gateway_info_fetch() = default;

void gateway_info_fetch::start(bool persist, on_done done) {
  stop();
  persist_ = persist;
  done_ = std::move(done);
  backoff_.reset();
  ask();
}

void gateway_info_fetch::stop() {
  ++*round_;
  pause_.cancel();
  done_ = nullptr;
}

void gateway_info_fetch::ask() {
  net::http_client::request request;
  request.url = address(options_.rest_base);
  request.headers.push_back({"Authorization", "Bot " + token_.reveal()});
  request.headers.push_back({"User-Agent", "DiscordBot (evergate, 0.1)"});
  request.timeout = options_.timeout;
  const std::weak_ptr<std::uint64_t> round = round_;
  http_.fetch(loop_, std::move(request),
              [this, round, mine = *round_](base::result<net::http_response> response) {
                const auto current = round.lock();
                if (!current || *current != mine) return;
                on_response(std::move(response));
              });
}

void gateway_info_fetch::on_response(base::result<net::http_response> response) {
  if (!response) {
    failed(std::move(response.error()), base::milliseconds{0});
    return;
  }
  if (response->status == 401) {
    finish(base::fail(errc::unauthorized,
                      "GET /gateway/bot answered 401: Discord does not accept the bot token; "
                      "set the token of the bot's page in the developer portal"));
    return;
  }
  if (response->status != 200) {
    failed(
        {make_error_code(errc::unavailable), fmt::format("GET /gateway/bot answered {}", response->status)},
        retry_after(*response));
    return;
  }
  auto info = parse_gateway_info(response->body);
  if (!info) {
    failed(std::move(info.error()), base::milliseconds{0});
    return;
  }
  finish(std::move(*info));
}

void gateway_info_fetch::failed(base::error why, base::milliseconds least_delay) {
  if (!persist_) {
    finish(std::unexpected(std::move(why)));
    return;
  }
  const auto delay = std::max(backoff_.next(chance_), least_delay);
  log_.warn("gateway_info.failed", {{"error", why.text()}, {"retry_ms", delay.count()}});
  pause_.arm_in(delay, [this] { ask(); });
}

void gateway_info_fetch::finish(base::result<gateway_info> how) {
  auto done = std::exchange(done_, nullptr);
  if (done) done(std::move(how));
}

}  // namespace evergate::upstream
