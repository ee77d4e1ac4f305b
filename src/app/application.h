// One application's gateway, put together: the only place that knows every room. Made by
// create_gateway_manager(); start(), shutdown() from one thread at a time, the rest from any.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "admin/api.h"
#include "admin/server.h"
#include "app/fleet_pair.h"
#include "app/reshard_desk.h"
#include "base/clock.h"
#include "base/log.h"
#include "control/junction.h"
#include "control/reshard_recovery.h"
#include "controllers/desk.h"
#include "downstream/gateway.h"
#include "evergate/gateway_manager.h"
#include "flow/command.h"
#include "journal/journal.h"
#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/tls.h"
#include "upstream/fleet.h"

namespace evergate::app {

class application final : public gateway_manager, private flow::commit_listener {
 public:
  explicit application(gateway_options options);
  ~application() override;

  result<void> start() override;
  void shutdown() override;

  [[nodiscard]] std::uint16_t port() const override;
  [[nodiscard]] std::vector<shard_status> shards() const override;
  [[nodiscard]] journal_status journal() const override;
  [[nodiscard]] std::string fatal() const override;
  [[nodiscard]] bool restart_helps() const override;
  result<void> reload_certificates() override;
  result<resharding_plan> plan_resharding(std::uint32_t shards) override;
  result<resharding_plan> start_resharding(std::uint32_t shards) override;
  result<void> abort_resharding() override;
  [[nodiscard]] resharding_status resharding() const override;

 private:
  [[nodiscard]] result<void> open_journal();
  [[nodiscard]] result<void> make_access(const std::map<std::string, std::string>& records);
  [[nodiscard]] result<std::shared_ptr<upstream::fleet>> make_fleet(fleet_order order);
  /// Of the fleet that serves first: what calculate_total_shards says; nothing when it is not overridden.
  [[nodiscard]] std::function<std::uint32_t(const upstream::gateway_info&)> count_decision(
      std::uint32_t stored) const;
  [[nodiscard]] result<void> make_fleets(const std::map<std::string, std::string>& records);
  [[nodiscard]] result<void> make_gateway();
  [[nodiscard]] result<void> open_admin();
  void run_loops();
  void stop_fleets();
  [[nodiscard]] admin::resharding_verbs resharding_verbs();
  /// Has the desk work on its loop, where it answers.
  void ask_desk(std::function<void(reshard_desk&, reshard_desk::answer)> question,
                reshard_desk::answer to) const;
  /// The same, waited for; an error when nothing runs.
  [[nodiscard]] result<resharding_plan> wait_for_desk(
      std::function<void(reshard_desk&, reshard_desk::answer)> question) const;
  void on_fatal(const base::error& why);
  void on_commit(const std::shared_ptr<const flow::commit>&) override {}
  void on_room() override {}
  void on_stalled(const std::string&) override {}
  void on_broken(const std::string& why) override;

  const gateway_options options_;
  base::logger log_;
  decide::desk desk_;
  flow::reply_table replies_{100'000, static_cast<std::uint64_t>(base::unix_time_ms())};
  std::unique_ptr<journal::journal> journal_;
  std::vector<std::unique_ptr<net::event_loop>> loops_;
  std::shared_ptr<net::tls_context> listener_tls_;
  std::unique_ptr<net::http_client> http_;
  std::shared_ptr<upstream::access> access_;
  std::unique_ptr<control::junction> meeting_;
  std::unique_ptr<fleet_pair> fleets_;
  std::unique_ptr<reshard_desk> resharding_;
  std::unique_ptr<downstream::gateway> gateway_;
  std::unique_ptr<admin::server> admin_;
  std::unique_ptr<admin::api> api_;
  std::vector<std::jthread> threads_;
  bool running_ = false;
  mutable std::mutex fatal_mutex_;
  std::string fatal_;
  bool store_broken_ = false;
};

}  // namespace evergate::app
