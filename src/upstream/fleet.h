// All shards of one count, spread over the workers' loops: starts and stops them, gives out turns to
// identify, routes commands and presences, and tells the shards what is durable. Owned by the application;
// its methods are thread-safe unless they say otherwise. Loops, client, sink and logger outlive it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "flow/command.h"
#include "flow/journal.h"
#include "upstream/access.h"
#include "upstream/fleet_options.h"
#include "upstream/shard_services.h"
#include "upstream/shard_status.h"
#include "upstream/worker.h"

namespace evergate::upstream {

class fleet final : public flow::command_sink,
                    public flow::fleet_view,
                    public flow::commit_listener,
                    private shard_services {
 public:
  /// Checks every option (errc::bad_option names the option, its value and what is allowed). Connects
  /// nothing.
  [[nodiscard]] static base::result<std::unique_ptr<fleet>> make(fleet_options options, fleet_ground ground);
  /// After stop()'s `done`, or when the loops no longer run; as a listener it must have been taken off
  /// before.
  ~fleet() override;

  /// Begins: stored sessions RESUME at once, the rest once /gateway/bot has answered.
  void start();
  /// Ends every connection. Without `log_off` Discord keeps the sessions for the next start; with it they are
  /// closed with 1000. `done` comes on the first loop.
  void stop(bool log_off, std::move_only_function<void()> done);

  [[nodiscard]] bool submit(flow::command what) override;
  /// 0 until it is known.
  [[nodiscard]] std::uint32_t shard_count() const override;
  [[nodiscard]] std::uint32_t shards_ready() const override;
  [[nodiscard]] std::uint32_t shards_held() const override;
  void on_commit(const std::shared_ptr<const flow::commit>& done) override;
  void on_room() override;
  void on_stalled(const std::string& why) override;

  /// Has every live shard prove what has arrived; comes with the batches.
  void probe();
  /// A fleet that was prepared owns guilds from now on: a session that it loses is one that was lost.
  void serves();
  /// Ends one shard's session with 1000.
  void retire(std::uint32_t shard);
  // For one shard, asked for by somebody; false when it is not of this fleet or everything has stopped.
  /// Begins again after retire() or disconnect(): RESUME, or IDENTIFY in its turn. Nothing when it is open.
  bool connect(std::uint32_t shard);
  /// Drops the connection; Discord keeps the session, and the shard stays offline until connect().
  bool disconnect(std::uint32_t shard);
  /// Drops the connection and begins anew; with `log_off` the session ends first (a GAP says so).
  bool restart(std::uint32_t shard, bool log_off);
  /// Hands the shard a frame; false also when its queue is full.
  bool send(std::uint32_t shard, int op, std::string frame);
  /// connect() for every shard.
  void connect_all();
  /// The index of the loop that holds the shard; 0 for one that is not held. Once shards_held() is known.
  [[nodiscard]] std::uint32_t worker_of(std::uint32_t shard) const noexcept;
  /// The ids of the shards held; 0 until they are known.
  [[nodiscard]] std::uint32_t first() const noexcept { return built() ? first_ : 0; }
  [[nodiscard]] std::uint32_t last() const noexcept { return built() ? last_ : 0; }

  /// Has a plan's record made durable, in order with those before. False after stop().
  bool keep(flow::control_record record);
  /// A copy of every shard's gauges, ascending by id; empty until the count is known.
  [[nodiscard]] std::vector<shard_status> status() const;
  /// True after a fatal close code or a refused token.
  [[nodiscard]] bool failed() const noexcept { return failed_.load(std::memory_order_relaxed); }

 private:
  fleet(fleet_options options, fleet_ground ground);

  [[nodiscard]] proto::identify_cause cause_of(std::uint32_t shard) const;
  void request_turn(std::uint32_t shard) override;
  void cancel_turn(std::uint32_t shard) override;
  void identify_sent(std::uint32_t shard, base::instant at) override;
  void identify_refused(std::uint32_t shard, base::instant at) override;
  [[nodiscard]] base::instant connect_place() override;
  [[nodiscard]] bool connects_rest(base::instant now) override;
  void on_connect(bool let_in, base::instant now) override;
  [[nodiscard]] std::string main_url() override;
  void on_live(bool live) override;
  void on_fatal(std::uint32_t shard, std::uint16_t code) override;
  void on_news(proto::shard_key shard, const shard_news& what) override {
    if (ground_.on_news) ground_.on_news(shard, what);
  }

  // On the control loop.
  void begin();
  void build(std::uint32_t count);
  void on_info(const gateway_info& info);
  void give_turn(std::uint32_t shard, base::instant not_before);
  void fail(base::error why);

  [[nodiscard]] shard_options options_for(proto::shard_key key) const;
  void assign_workers();
  /// To the shard on its loop.
  bool tell_shard(std::uint32_t shard, std::move_only_function<void(upstream::shard&)> work);
  [[nodiscard]] bool built() const noexcept { return built_.load(std::memory_order_acquire); }
  void spread_presence(const flow::command& what);
  /// From any thread: to a worker's loop, unless the fleet has stopped.
  bool post_to(worker& home, net::event_loop::task work);
  void stop_workers(bool log_off);
  void on_workers_stopped();

  const fleet_options options_;
  fleet_ground ground_;
  base::logger& log_;
  net::event_loop& control_;
  base::rng chance_;
  std::shared_ptr<access> access_;
  std::vector<std::unique_ptr<worker>> workers_;
  bool prepared_ = false;
  std::vector<bool> had_session_;  ///< by shard − first_: its next IDENTIFY is not its first

  std::atomic<bool> built_{false};  ///< below: written before it is set, constant afterwards
  std::uint32_t wanted_ = 0;        ///< before that: 0 = as many as /gateway/bot says
  std::uint32_t count_ = 0;
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
  std::vector<shard*> shards_;        ///< index 0 is shard first_
  std::vector<std::uint32_t> homes_;  ///< the worker of each

  std::atomic<std::uint32_t> live_{0};
  std::atomic<bool> failed_{false};
  mutable std::mutex gate_;
  bool closed_ = false;  ///< under gate_: nothing more is posted to the workers
  bool stopping_ = false;
  std::size_t workers_stopping_ = 0;
  std::move_only_function<void()> stopped_;
};

}  // namespace evergate::upstream
