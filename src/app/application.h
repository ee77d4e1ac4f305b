// One application's gateway, put together: the only place that knows every room. Made by
// create_gateway_manager(); start(), shutdown() from one thread at a time, the rest from any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "admin/api.h"
#include "admin/server.h"
#include "app/dispatch_reader.h"
#include "app/event_thread.h"
#include "app/fleet_pair.h"
#include "app/member_requests.h"
#include "app/news_desk.h"
#include "app/pending_answers.h"
#include "app/reshard_desk.h"
#include "app/worker_meter.h"
#include "base/clock.h"
#include "base/log.h"
#include "control/junction.h"
#include "control/reshard_recovery.h"
#include "controllers/desk.h"
#include "controllers/script_host.h"
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
  result<void> spawn_shards() override;

  // What can be seen: application_state.cpp.
  [[nodiscard]] std::uint16_t port() const override;
  [[nodiscard]] std::vector<shard_status> shards() const override;
  [[nodiscard]] std::optional<shard_status> shard(std::uint32_t id) const override;
  [[nodiscard]] std::vector<identify_bucket> buckets() const override;
  [[nodiscard]] session_limits limits() const override;
  [[nodiscard]] std::vector<worker_status> workers() const override;
  [[nodiscard]] std::vector<fleet_status> fleets() const override;
  [[nodiscard]] std::vector<consumer_status> consumers() const override;
  [[nodiscard]] journal_status journal() const override;
  [[nodiscard]] std::int64_t latency() const override;
  [[nodiscard]] std::uint64_t event_failures() const override { return caller_.failures(); }
  [[nodiscard]] std::uint32_t calculate_shard_id(std::uint64_t guild_id,
                                                 std::uint32_t total_shards) const override;
  [[nodiscard]] std::uint32_t calculate_worker_id(std::uint32_t shard) const override;

  // What is asked of shards, of Discord and of consumers: application_calls.cpp.
  result<std::uint32_t> calculate_total_shards() override;
  result<void> identify(std::uint32_t shard) override;
  result<void> kill(std::uint32_t shard) override;
  result<void> disconnect(std::uint32_t shard) override;
  result<void> connect(std::uint32_t shard) override;
  result<void> resume(std::uint32_t shard) override;
  result<void> send_payload(std::uint32_t shard, int op, std::string_view d) override;
  result<void> join_voice_channel(std::uint64_t guild_id, std::uint64_t channel_id, voice_join how) override;
  result<void> leave_voice_channel(std::uint64_t guild_id) override;
  result<void> edit_bot_status(std::string_view presence) override;
  result<void> edit_shard_status(std::uint32_t shard, std::string_view presence) override;
  void request_members(member_request what, callback<guild_members> done) override;
  result<void> request_soundboard_sounds(const std::vector<std::uint64_t>& guild_ids) override;
  result<void> request_channel_info(std::uint64_t guild_id, const std::vector<std::string>& fields) override;
  void pause_consumer(const std::string& name, callback<void> done) override;
  void resume_consumer(const std::string& name, callback<void> done) override;
  void drain_consumer(const std::string& name, std::chrono::milliseconds timeout,
                      callback<drain_result> done) override;
  void skip_consumer(const std::string& name, start_position to, callback<void> done) override;
  void drop_consumer_class(const std::string& name, event_group what, callback<void> done) override;
  [[nodiscard]] std::vector<dead_letter> dead_letters() const override;
  result<void> replay_dead_letter(const std::string& consumer, std::uint64_t offset) override;
  result<void> discard_dead_letter(const std::string& consumer, std::uint64_t offset) override;

  [[nodiscard]] std::string fatal() const override;
  [[nodiscard]] bool restart_helps() const override;
  [[nodiscard]] std::vector<controller_status> controllers() const override;
  result<void> reload_controllers() override;
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

  // On the event thread.
  [[nodiscard]] result<void> begin_events();
  void end_events();
  void look();
  void look_for_gaps();
  void measure();
  void expire_requests();
  void arm_expiry(base::instant when);
  void watch_drain(const std::string& name, base::instant until, std::function<void(drain_result)> done);

  /// The serving fleet's shard for one of the calls about single shards.
  [[nodiscard]] result<std::shared_ptr<upstream::fleet>> home_of(std::uint32_t shard) const;
  [[nodiscard]] result<void> running() const;
  [[nodiscard]] result<void> command(int op, std::string_view d);
  /// Gives an answer on the event thread; where that has ended, here.
  template <class T>
  void give(callback<T> to, result<T> what);
  void change_consumer(callback<void> done,
                       const std::function<base::result<void>(std::move_only_function<void()>)>& work);
  [[nodiscard]] admin::resharding_verbs resharding_verbs();
  [[nodiscard]] admin::controller_verbs controller_verbs();
  /// Of controllers.script; true when what deliver_event answers may have changed.
  [[nodiscard]] result<bool> load_script();
  /// Has the desk work on its loop, where it answers.
  void ask_desk(std::function<void(reshard_desk&, reshard_desk::answer)> question,
                reshard_desk::answer to) const;
  /// The same, waited for; an error when nothing runs.
  [[nodiscard]] result<resharding_plan> wait_for_desk(
      std::function<void(reshard_desk&, reshard_desk::answer)> question) const;
  void on_fatal(const base::error& why);
  void on_commit(const std::shared_ptr<const flow::commit>&) override {
    if (listens_.load(std::memory_order_relaxed)) caller_.wake();
  }
  void on_room() override {}
  void on_stalled(const std::string&) override {}
  void on_broken(const std::string& why) override;

  const gateway_options options_;
  base::logger log_;
  decide::desk desk_;
  decide::script_host script_;
  std::mutex script_mutex_;  ///< of loading it
  event_thread caller_{log_};
  news_desk news_{options_.events, caller_};
  member_requests requests_;
  std::unique_ptr<dispatch_reader> reader_;
  std::uint64_t gap_told_ = 0;   ///< the offset of the newest GAP that was told
  std::uint64_t gaps_seen_ = 0;  ///< how many there were then
  pending_answers pending_;
  std::atomic<bool> listens_ = false;  ///< commits are looked at
  std::atomic<bool> spawned_ = false;
  flow::reply_table replies_{100'000, static_cast<std::uint64_t>(base::unix_time_ms())};
  std::unique_ptr<journal::journal> journal_;
  std::vector<std::unique_ptr<net::event_loop>> loops_;
  worker_meter meter_;
  std::shared_ptr<net::tls_context> listener_tls_;
  std::shared_ptr<net::tls_context> admin_tls_;
  std::unique_ptr<net::http_client> http_;
  std::shared_ptr<upstream::access> access_;
  std::unique_ptr<control::junction> meeting_;
  std::unique_ptr<fleet_pair> fleets_;
  std::unique_ptr<reshard_desk> resharding_;
  std::unique_ptr<downstream::gateway> gateway_;
  std::unique_ptr<admin::server> admin_;
  std::unique_ptr<admin::api> api_;
  std::vector<std::jthread> threads_;
  std::atomic<bool> running_ = false;
  std::mutex expiry_mutex_;
  std::optional<base::instant> expiry_at_;  ///< the soonest look at requests for members
  mutable std::mutex fatal_mutex_;
  std::string fatal_;
  bool store_broken_ = false;
};

}  // namespace evergate::app
