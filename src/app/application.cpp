#include "app/application.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <random>

#include "app/admin_access.h"
#include "app/option_table.h"
#include "app/part_options.h"
#include "journal/errc.h"
#include "pipeline/intake.h"
#include "proto/json_view.h"

namespace evergate {
namespace app {
namespace {

base::log_level level_of(log_threshold level) {
  return static_cast<base::log_level>(level);
}
static_assert(static_cast<int>(log_threshold::off) == static_cast<int>(base::log_level::off));

base::log_format format_of(log_style style) {
  return style == log_style::json ? base::log_format::json : base::log_format::text;
}

constexpr const char* identify_record = "identify";

std::vector<net::event_loop*> pointers(const std::vector<std::unique_ptr<net::event_loop>>& loops) {
  std::vector<net::event_loop*> out;
  for (const auto& loop : loops) out.push_back(loop.get());
  return out;
}

}  // namespace

application::application(gateway_options options)
    : options_(std::move(options)), log_(level_of(options_.log.level), format_of(options_.log.format)) {
  const auto workers =
      options_.workers != 0 ? options_.workers : std::max(1u, std::thread::hardware_concurrency());
  for (std::uint32_t i = 0; i < workers; ++i) loops_.push_back(std::make_unique<net::event_loop>());
}

application::~application() {
  shutdown();
}

result<void> application::start() {
  if (auto opened = open_journal(); !opened) return opened;
  net::http_client_options http;
  http.ca_file = options_.discord.ca_file;
  http_ = std::make_unique<net::http_client>(http);
  if (auto made = make_access(); !made) return made;
  if (auto made = make_fleet(); !made) return made;
  if (auto made = make_gateway(); !made) return made;
  journal_->start({fleet_.get(), gateway_.get(), this});
  run_loops();
  running_ = true;
  if (auto listening = gateway_->start(); !listening) {
    shutdown();
    return listening;
  }
  if (auto opened = open_admin(); !opened) {
    shutdown();
    return opened;
  }
  fleet_->start();
  return {};
}

result<void> application::open_admin() {
  if (!options_.admin.enabled) return {};
  auto listen = admin_options_of(options_);
  if (!listen) return std::unexpected(listen.error());
  admin_ = std::make_unique<admin::server>(std::move(*listen), log_);
  admin::ground around{.bots = *gateway_,
                       .store = *journal_,
                       .shards = *fleet_,
                       .fatal = [this] { return fatal(); },
                       .version = EVERGATE_VERSION,
                       .drain_timeout = options_.downstream.drain_timeout,
                       .drain_hold_max = options_.downstream.drain_hold_max};
  api_ = std::make_unique<admin::api>(std::move(around), admin_->loop());
  if (auto started = admin_->start(api_->operations()); !started) {
    return base::fail(started.error(), fmt::format("admin.port = {}", options_.admin.port));
  }
  log_.info("admin.listening", {{"address", options_.admin.address}, {"port", admin_->port()}});
  const bool tls = !options_.admin.tls_certificate.empty();
  return write_admin_url(options_, fmt::format("{}://{}", tls ? "https" : "http",
                                               authority_of(options_.admin.address, admin_->port())));
}

result<void> application::open_journal() {
  auto opened = journal::journal::open(journal_options_of(options_), log_);
  if (!opened) return base::fail(opened.error(), "data_dir \"" + options_.data_dir.string() + '"');
  journal_ = std::move(*opened);
  return {};
}

result<void> application::make_access() {
  const auto records = journal_->stored_records();
  if (!records) return std::unexpected(records.error());
  proto::identify_book book;
  const auto kept = records->find(identify_record);
  if (kept != records->end() && !proto::decode(kept->second, book)) {
    log_.warn("identify.ledger_unreadable", {{"bytes", kept->second.size()}});
  }
  access_ = std::make_shared<upstream::access>(upstream::access_options_of(fleet_options_of(options_)),
                                               *loops_.front(), *http_, log_, std::random_device{}(), book);
  access_->on_book([this](const proto::identify_book& now) {
    std::string value;
    proto::encode(now, value);
    fleet_->keep({identify_record, std::move(value)});
  });
  return {};
}

result<void> application::make_fleet() {
  auto stored = journal_->stored_sessions();
  if (!stored) return std::unexpected(stored.error());
  auto ready = journal_->ready();
  if (!ready) return std::unexpected(ready.error());
  pipeline::intake_options intake;
  intake.log = &log_;
  intake.self_id = proto::snowflake_of(proto::member(proto::member(*ready, "user"), "id"));
  // Made here, where a bad filter can still be reported; the fleet takes one per worker.
  std::vector<std::unique_ptr<flow::intake>> intakes;
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    auto made = pipeline::intake::make(intake, replies_);
    if (!made) return std::unexpected(made.error());
    intakes.push_back(std::move(*made));
  }
  upstream::fleet_ground ground;
  ground.loops = pointers(loops_);
  ground.http = http_.get();
  ground.sink = journal_.get();
  ground.make_intake = [&intakes](std::uint32_t worker) { return std::move(intakes.at(worker)); };
  ground.stored = std::move(*stored);
  ground.log = &log_;
  ground.shared = access_;
  ground.seed = (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}();
  ground.on_fatal = [this](const base::error& why) { on_fatal(why); };
  auto made = upstream::fleet::make(fleet_options_of(options_), std::move(ground));
  if (!made) return std::unexpected(made.error());
  fleet_ = std::move(*made);
  return {};
}

result<void> application::make_gateway() {
  auto listen = listen_options_of(options_);
  if (!options_.listen.tls_certificate.empty()) {
    auto context = net::tls_context::server(
        {options_.listen.tls_certificate, options_.listen.tls_key, options_.listen.client_ca});
    if (!context) return std::unexpected(context.error());
    listener_tls_ = *context;
    listen.tls = *context;
  }
  if (const auto inherited = net::inherited_sockets(); !inherited.empty())
    listen.inherited_fd = inherited.front();
  gateway_ = std::make_unique<downstream::gateway>(pointers(loops_), std::move(listen),
                                                   gateway_options_of(options_), *journal_, *journal_,
                                                   *journal_, *fleet_, replies_, *fleet_, *http_, log_);
  return {};
}

void application::run_loops() {
  for (auto& loop : loops_) threads_.emplace_back([&loop] { loop->run(); });
}

void application::shutdown() {
  if (admin_) admin_->stop([this] { api_->close(); });
  admin_.reset();
  api_.reset();
  if (running_) {
    loops_.front()->post([access = access_] { access->stop(); });
    std::promise<void> gone;
    fleet_->stop(false, [&gone] { gone.set_value(); });
    gone.get_future().wait();
    gateway_->stop();
    journal_->stop();
    running_ = false;
    log_.info("gateway.stopped");
  }
  for (auto& loop : loops_) loop->stop();
  threads_.clear();
  gateway_.reset();
  fleet_.reset();
  access_.reset();
  http_.reset();
  journal_.reset();
}

void application::on_fatal(const base::error& why) {
  {
    const std::scoped_lock lock(fatal_mutex_);
    fatal_ = why.text();
  }
  log_.error("application.failed", {{"why", why.text()}});
  if (options_.events.fatal) options_.events.fatal(why.text());
}

void application::on_broken(const std::string& why) {
  {
    const std::scoped_lock lock(fatal_mutex_);
    store_broken_ = true;
  }
  on_fatal(base::fail(journal::errc::damaged, why).error());
  if (options_.events.store_damaged) options_.events.store_damaged(why);
}

std::uint16_t application::port() const {
  return gateway_ ? gateway_->port() : 0;
}

std::vector<shard_status> application::shards() const {
  std::vector<shard_status> out;
  if (!fleet_) return out;
  for (const auto& s : fleet_->status()) {
    out.push_back({s.shard.id, s.shard.count, std::string(s.state), s.session, s.seq_committed,
                   s.latency_us < 0 ? -1 : s.latency_us / 1000, s.identifies, s.resumes});
  }
  return out;
}

journal_status application::journal() const {
  journal_status out;
  if (!journal_) return out;
  const auto now = journal_->status();
  out.head = now.book.head;
  out.gaps = now.book.gaps;
  for (const auto& totals : now.book.classes) {
    out.events += totals.events;
    out.bytes += totals.bytes;
    out.evicted += totals.evicted_unacked;
  }
  return out;
}

std::string application::fatal() const {
  const std::scoped_lock lock(fatal_mutex_);
  return fatal_;
}

bool application::restart_helps() const {
  const std::scoped_lock lock(fatal_mutex_);
  return store_broken_;
}

result<void> application::reload_certificates() {
  if (!listener_tls_) return {};
  auto reloaded = listener_tls_->reload();
  if (reloaded) log_.info("listener.certificates_reloaded");
  return reloaded;
}

}  // namespace app

result<std::unique_ptr<gateway_manager>> create_gateway_manager(gateway_options options) {
  constexpr std::string_view prefix = "Bot ";
  if (options.token.starts_with(prefix)) options.token.erase(0, prefix.size());
  if (auto judged = app::judge_options(options); !judged) return std::unexpected(judged.error());
  return std::make_unique<app::application>(std::move(options));
}

}  // namespace evergate
