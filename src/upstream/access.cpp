#include "upstream/access.h"

#include <utility>

#include "upstream/errc.h"

namespace evergate::upstream {

access::access(access_options options, net::event_loop& control, net::http_client& http, base::logger& log,
               std::uint64_t seed, const proto::identify_book& book)
    : options_(std::move(options)),
      control_(control),
      log_(log),
      chance_(seed),
      pacer_(options_.connects_per_second_max, options_.connect_rest),
      desk_(
          control, options_.identify, options_.info_age_max, log, *options_.decisions, book,
          [this](proto::identify_slot who, base::instant not_before) {
            const auto found = tenants_.find(who.fleet);
            if (found != tenants_.end()) found->second.turn(who.shard, not_before);
          },
          [this] { refresh(); }),
      info_fetch_(control, http, options_.info, options_.token, log, chance_()),
      alive_(std::make_shared<bool>(true)),
      url_(options_.gateway_url) {}

void access::enter(std::uint32_t fleet, tenant who) {
  auto& place = tenants_[fleet] = std::move(who);
  if (known_) return place.informed(*known_);
  if (stopped_ || info_fetch_.running()) return;
  info_fetch_.start(true, [this](base::result<gateway_info> info) { on_info(std::move(info)); });
}

void access::leave(std::uint32_t fleet) {
  desk_.cancel_fleet(fleet);
  tenants_.erase(fleet);
}

void access::on_info(base::result<gateway_info> info) {
  auto asked = std::exchange(asked_, nullptr);
  if (!info) {
    const auto tenants = tenants_;
    for (const auto& [fleet, who] : tenants) who.refused(info.error());
    if (asked) asked(std::move(info));
    return;
  }
  log_.info("gateway_info", {{"shards", info->shards},
                             {"identifies_remaining", info->remaining},
                             {"max_concurrency", info->max_concurrency}});
  if (options_.gateway_url.empty()) {
    const std::scoped_lock lock(url_mutex_);
    url_ = info->url;
  }
  known_ = *info;
  // A fleet that learns its size asks for turns first, so that the line begins with its first shard.
  const auto tenants = tenants_;
  for (const auto& [fleet, who] : tenants) who.informed(*info);
  desk_.set_info(*info);
  if (asked) asked(std::move(info));
}

void access::refresh() {
  if (stopped_) return;
  info_fetch_.start(false, [this](base::result<gateway_info> info) {
    if (info) return on_info(std::move(info));
    // Not fatal here: shards live, and of a token that is no more their own close codes will tell (4004).
    const auto level =
        info.error().code == errc::unauthorized ? base::log_level::error : base::log_level::warn;
    log_.write(level, "gateway_info.stale", {{"error", info.error().text()}});
    desk_.keep_info();
    if (auto asked = std::exchange(asked_, nullptr)) asked(std::move(info));
  });
}

void access::ask(std::function<void(base::result<gateway_info>)> done) {
  asked_ = std::move(done);
  if (!info_fetch_.running()) refresh();
}

void access::stop() {
  stopped_ = true;
  desk_.stop();
  info_fetch_.stop();
}

void access::post_request(proto::identify_slot who, proto::identify_cause cause) {
  control_.post([this, alive = std::weak_ptr(alive_), who, cause] {
    if (!alive.expired()) desk_.request(who, cause);
  });
}

void access::post_cancel(proto::identify_slot who) {
  control_.post([this, alive = std::weak_ptr(alive_), who] {
    if (!alive.expired()) desk_.cancel(who);
  });
}

void access::post_sent(proto::identify_slot who, proto::identify_cause cause, base::instant at) {
  control_.post([this, alive = std::weak_ptr(alive_), who, cause, at] {
    if (!alive.expired()) desk_.sent(who, cause, at);
  });
}

void access::post_refused(proto::identify_slot who, base::instant at) {
  control_.post([this, alive = std::weak_ptr(alive_), who, at] {
    if (!alive.expired()) desk_.refused(who, at);
  });
}

std::string access::main_url() {
  const std::scoped_lock lock(url_mutex_);
  return url_;
}

}  // namespace evergate::upstream
