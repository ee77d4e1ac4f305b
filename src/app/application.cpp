#include "app/application.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <random>

#include "app/admin_access.h"
#include "app/controller_options.h"
#include "app/errc.h"
#include "app/option_table.h"
#include "app/part_options.h"
#include "base/thread_name.h"
#include "controllers/errc.h"
#include "journal/errc.h"
#include "pipeline/intake.h"
#include "proto/json_view.h"
#include "upstream/start_plan.h"

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

std::vector<std::unique_ptr<net::event_loop>> make_loops(std::uint32_t workers) {
  if (workers == 0)
    workers = std::clamp<std::uint32_t>(std::thread::hardware_concurrency(), 1, downstream::loops_max);
  std::vector<std::unique_ptr<net::event_loop>> out;
  for (std::uint32_t i = 0; i < workers; ++i) out.push_back(std::make_unique<net::event_loop>());
  return out;
}

void abort_question(reshard_desk& desk, reshard_desk::answer to) {
  if (auto aborted = desk.abort("asked for"); !aborted) return to(std::unexpected(aborted.error()));
  to(resharding_plan{});
}

}  // namespace

application::application(gateway_options options)
    : options_(std::move(options)),
      log_(level_of(options_.log.level), format_of(options_.log.format)),
      desk_(options_.controllers, &log_, options_.controller.slow_after),
      script_(desk_, script_limits_of(options_.controller), &log_),
      loops_(make_loops(options_.workers)),
      meter_(loops_) {}

application::~application() {
  shutdown();
}

result<void> application::start() {
  if (!options_.controller.script.empty()) {
    if (auto loaded = load_script(); !loaded) return std::unexpected(loaded.error());
  }
  if (auto opened = open_journal(); !opened) return opened;
  net::http_client_options http;
  http.ca_file = options_.discord.ca_file;
  http_ = std::make_unique<net::http_client>(http);
  const auto records = journal_->stored_records();
  if (!records) return std::unexpected(records.error());
  if (auto made = make_access(*records); !made) return made;
  if (auto made = make_fleets(*records); !made) return made;
  if (auto made = make_gateway(); !made) return made;
  if (auto begun = begin_events(); !begun) return begun;
  journal_->start({fleets_.get(), gateway_.get(), this});
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
  if (options_.spawn) (void)spawn_shards();
  loops_.front()->post([desk = resharding_.get()] { desk->start(); });
  return {};
}

result<void> application::open_admin() {
  if (!options_.admin.enabled) return {};
  auto listen = admin_options_of(options_);
  if (!listen) return std::unexpected(listen.error());
  admin_tls_ = listen->tls;
  admin_ = std::make_unique<admin::server>(std::move(*listen), log_);
  admin::ground around{.bots = *gateway_,
                       .store = *journal_,
                       .fleet = *fleets_,
                       .shards = [this] { return fleets_->status(); },
                       .workers = [this] { return workers(); },
                       .resharding = resharding_verbs(),
                       .controllers = controller_verbs(),
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
  auto opened = journal::journal::open(journal_options_of(options_, desk_), log_);
  if (!opened) return base::fail(opened.error(), "data_dir \"" + options_.data_dir.string() + '"');
  journal_ = std::move(*opened);
  return {};
}

result<void> application::make_access(const std::map<std::string, std::string>& records) {
  proto::identify_book book;
  const auto kept = records.find(identify_record);
  if (kept != records.end() && !proto::decode(kept->second, book)) {
    log_.warn("identify.ledger_unreadable", {{"bytes", kept->second.size()}});
  }
  access_ = std::make_shared<upstream::access>(upstream::access_options_of(fleet_options_of(options_, desk_)),
                                               *loops_.front(), *http_, log_, std::random_device{}(), book);
  access_->on_book([this](const proto::identify_book& now) {
    std::string value;
    proto::encode(now, value);
    meeting_->keep({{identify_record, std::move(value)}});
  });
  return {};
}

result<std::shared_ptr<upstream::fleet>> application::make_fleet(fleet_order order) {
  auto ready = journal_->ready();
  if (!ready) return std::unexpected(ready.error());
  pipeline::intake_options intake;
  intake.filter = filters_of(options_.filters);
  intake.log = &log_;
  intake.decisions = &desk_;
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
  ground.sink = &meeting_->door(order.door);
  ground.make_intake = [&intakes](std::uint32_t worker) { return std::move(intakes.at(worker)); };
  ground.stored = std::move(order.stored);
  ground.log = &log_;
  ground.shared = access_;
  ground.number = order.number;
  ground.first_cause = order.first_cause;
  ground.seed = (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}();
  ground.choose_count = std::move(order.choose_count);
  ground.on_fatal = std::move(order.on_fatal);
  if (news_.hears_shards()) {
    ground.on_news = [this](proto::shard_key shard, const upstream::shard_news& what) {
      news_.of_shard(shard, what);
    };
  }
  auto options = fleet_options_of(options_, desk_);
  options.total_shards = order.shape.count;
  auto made = upstream::fleet::make(std::move(options), std::move(ground));
  if (!made) return std::unexpected(made.error());
  return std::shared_ptr<upstream::fleet>(std::move(*made));
}

std::function<std::uint32_t(const upstream::gateway_info&)> application::count_decision(
    std::uint32_t stored) const {
  if (!desk_.calculate_total_shards.overridden()) return {};
  return [this, stored](const upstream::gateway_info& info) {
    const total_shards_question asked{.configured = options_.shards.total,
                                      .stored = stored,
                                      .recommended = info.shards,
                                      .max_concurrency = info.max_concurrency};
    return desk_.calculate_total_shards.ask(asked, [](const total_shards_question& about) {
      if (about.configured != 0) return about.configured;
      return about.stored != 0 ? about.stored : about.recommended;
    });
  };
}

result<void> application::make_fleets(const std::map<std::string, std::string>& records) {
  auto stored = journal_->stored_sessions();
  if (!stored) return std::unexpected(stored.error());
  auto left =
      control::what_was_left(records, std::move(*stored), options_.shards.total, base::unix_time_ms());
  if (left.task) {
    const auto guilds = journal_->guilds({0, 1}, journal_->head());
    if (!guilds) return std::unexpected(guilds.error());
    left.remains.add(*guilds);
  }
  meeting_ = std::make_unique<control::junction>(
      *journal_, [] { return base::boot_clock::now(); }, left.serving.twin);
  fleets_ = std::make_unique<fleet_pair>(*meeting_);
  resharding_ = std::make_unique<reshard_desk>(
      reshard_ground{.control = *loops_.front(),
                     .access = *access_,
                     .meeting = *meeting_,
                     .fleets = *fleets_,
                     .store = *journal_,
                     .log = log_,
                     .decisions = desk_,
                     .make_fleet = [this](fleet_order order) { return make_fleet(std::move(order)); },
                     .on_fatal = [this](const base::error& why) { on_fatal(why); },
                     .on_status = [this](const resharding_status& now) { news_.resharding(now); }},
      options_);
  std::function<std::uint32_t(const upstream::gateway_info&)> choose;
  if (!left.task)
    choose = count_decision(std::max(left.serving.count, upstream::stored_count(left.serving_sessions)));
  if (choose) left.serving.count = 0;  // as the fleet itself will say
  auto made = make_fleet({.shape = left.serving,
                          .first_cause = proto::identify_cause::start,
                          .stored = std::move(left.serving_sessions),
                          .choose_count = std::move(choose),
                          .on_fatal = resharding_->failure_of_serving()});
  if (!made) return std::unexpected(made.error());
  fleets_->serve(std::move(*made), left.serving.twin);
  resharding_->serves(left.serving, std::move(left.last));
  if (left.given_up) {
    log_.warn("reshard.given_up", {{"why", "the daemon ended while new shards were being prepared"}});
  }
  if (left.completed) log_.info("reshard.completed", {{"receipt", left.last}});
  meeting_->keep(std::move(left.records), std::move(left.ended));
  if (!left.task) return {};
  return resharding_->go_on(std::move(*left.task), left.remains, std::move(left.new_sessions));
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
  if (const auto inherited = net::inherited_sockets(); !inherited.empty()) {
    listen.inherited_fd = inherited.front();
    listen.address = net::local_address(listen.inherited_fd);
    if (auto safe = judge_inherited(options_.listen, listen.address); !safe) return safe;
  }
  auto bots = gateway_options_of(options_, desk_);
  if (options_.events.consumer) {
    bots.on_consumer = [this](const downstream::consumer_news& what) { news_.of_consumer(what); };
  }
  gateway_ =
      std::make_unique<downstream::gateway>(pointers(loops_), std::move(listen), std::move(bots), *journal_,
                                            *journal_, *journal_, *fleets_, replies_, *fleets_, *http_, log_);
  return {};
}

void application::run_loops() {
  for (auto& loop : loops_) {
    threads_.emplace_back([&loop, number = threads_.size()] {
      base::name_thread("worker " + std::to_string(number));
      loop->run();
    });
  }
}

void application::stop_fleets() {
  std::promise<void> desk_gone;
  loops_.front()->post([this, &desk_gone] {
    resharding_->stop();
    access_->stop();
    desk_gone.set_value();
  });
  desk_gone.get_future().wait();
  // Nothing begins or ends a fleet any more.
  for (const auto side : {control::fleet_side::old_fleet, control::fleet_side::new_fleet}) {
    const auto one = fleets_->of(side);
    if (!one) continue;
    std::promise<void> gone;
    one->stop(false, [&gone] { gone.set_value(); });
    gone.get_future().wait();
  }
}

void application::shutdown() {
  if (admin_) admin_->stop([this] { api_->close(); });
  admin_.reset();
  api_.reset();
  if (running_) {
    stop_fleets();
    gateway_->stop();
    journal_->stop();
    running_ = false;
    log_.info("gateway.stopped");
  }
  end_events();
  for (auto& loop : loops_) loop->stop();
  threads_.clear();
  gateway_.reset();
  resharding_.reset();
  fleets_.reset();
  meeting_.reset();
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
  news_.fatal(why.text());
}

void application::on_broken(const std::string& why) {
  {
    const std::scoped_lock lock(fatal_mutex_);
    store_broken_ = true;
  }
  on_fatal(base::fail(journal::errc::damaged, why).error());
  news_.store_damaged(why);
}

void application::ask_desk(std::function<void(reshard_desk&, reshard_desk::answer)> question,
                           reshard_desk::answer to) const {
  loops_.front()->post([desk = resharding_.get(), question = std::move(question),
                        to = std::move(to)]() mutable { question(*desk, std::move(to)); });
}

result<resharding_plan> application::wait_for_desk(
    std::function<void(reshard_desk&, reshard_desk::answer)> question) const {
  if (!running_) return base::fail(errc::not_now, "the gateway does not run");
  auto promised = std::make_shared<std::promise<result<resharding_plan>>>();
  auto answer = promised->get_future();
  ask_desk(std::move(question),
           [promised](result<resharding_plan> got) { promised->set_value(std::move(got)); });
  // A desk that stops answers nobody.
  if (answer.wait_for(options_.discord.rest_timeout + std::chrono::seconds(5)) != std::future_status::ready) {
    return base::fail(errc::not_now, "Discord has not answered");
  }
  return answer.get();
}

admin::resharding_verbs application::resharding_verbs() {
  const auto planned = [this](auto method) {
    return [this, method](std::uint32_t shards, admin::resharding_verbs::answer to) {
      ask_desk([shards, method](reshard_desk& desk,
                                reshard_desk::answer back) { (desk.*method)(shards, std::move(back)); },
               std::move(to));
    };
  };
  return {.status = [this] { return resharding(); },
          .plan = planned(&reshard_desk::plan),
          .start = planned(&reshard_desk::begin),
          .abort = [this](admin::resharding_verbs::answer to) { ask_desk(abort_question, std::move(to)); }};
}

result<resharding_plan> application::plan_resharding(std::uint32_t shards) {
  return wait_for_desk(
      [shards](reshard_desk& desk, reshard_desk::answer to) { desk.plan(shards, std::move(to)); });
}

result<resharding_plan> application::start_resharding(std::uint32_t shards) {
  return wait_for_desk(
      [shards](reshard_desk& desk, reshard_desk::answer to) { desk.begin(shards, std::move(to)); });
}

result<void> application::abort_resharding() {
  const auto done = wait_for_desk(abort_question);
  if (!done) return std::unexpected(done.error());
  return {};
}

resharding_status application::resharding() const {
  return resharding_ ? resharding_->status() : resharding_status{};
}

result<bool> application::load_script() {
  const std::scoped_lock lock(script_mutex_);
  const auto& file = options_.controller.script;
  auto loaded = script_.load(file);
  if (!loaded) {
    log_.warn("controllers.refused", {{"file", file.string()}, {"why", loaded.error().detail}});
    return base::fail(std::move(loaded.error()), "controllers.script");
  }
  log_.info("controllers.loaded", {{"file", file.string()}, {"version", script_.version()}});
  return loaded;
}

std::vector<controller_status> application::controllers() const {
  return desk_.status();
}

result<void> application::reload_controllers() {
  if (options_.controller.script.empty()) {
    return base::fail(decide::errc::no_script, "controllers.script is not set");
  }
  const auto loaded = load_script();
  if (!loaded) return std::unexpected(loaded.error());
  if (*loaded && running_) gateway_->control().renumber_all();
  return {};
}

admin::controller_verbs application::controller_verbs() {
  return {.list = [this] { return controllers(); },
          .script =
              [this] {
                return admin::controller_verbs::script_state{options_.controller.script.string(),
                                                             script_.version()};
              },
          .reload = [this] { return reload_controllers(); }};
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
  // One that cannot be used does not keep the other from being renewed.
  result<void> out;
  for (const auto& context : {listener_tls_, admin_tls_}) {
    if (!context) continue;
    if (auto reloaded = context->reload(); reloaded) {
      log_.info(context == admin_tls_ ? "admin.certificates_reloaded" : "listener.certificates_reloaded");
    } else if (out) {
      out = reloaded;
    }
  }
  return out;
}

}  // namespace app

std::string_view version() noexcept {
  return EVERGATE_VERSION;
}

result<std::unique_ptr<gateway_manager>> create_gateway_manager(gateway_options options) {
  constexpr std::string_view prefix = "Bot ";
  if (options.token.starts_with(prefix)) options.token.erase(0, prefix.size());
  if (auto judged = app::judge_options(options); !judged) return std::unexpected(judged.error());
  return std::make_unique<app::application>(std::move(options));
}

}  // namespace evergate
