// A fleet of the daemon's over the virtual network: the very cores of the product (session, inflate, scan,
// intake, batch, start plan), with agenda entries in place of timers. Owned by the daemon's fleets; one
// thread. When it is destroyed its connections break off, as a killed process's do.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/secret.h"
#include "flow/command.h"
#include "flow/journal.h"
#include "identify_line.h"
#include "net/websocket_codec.h"
#include "network.h"
#include "pipeline/intake.h"
#include "upstream/shard_core.h"
#include "upstream/start_plan.h"

namespace evergate::simulation {

struct upstream_options {
  std::uint32_t shards = 2;
  upstream::shard_core_options core;
  upstream::batcher_options batch;
  proto::identify_options identify;
};

/// A fleet's place among those of the daemon.
struct fleet_place {
  std::uint32_t number = 0;  ///< in the identify line; 0 = the one that serves first
  proto::identify_cause first_cause = proto::identify_cause::start;
  std::function<void()> on_fatal;
  /// By this a shard is known outside, whichever fleet it is of: its number stays the same in each bucket.
  [[nodiscard]] std::uint32_t who(std::uint32_t shard) const noexcept { return number * fleet_span + shard; }
  static constexpr std::uint32_t fleet_span = 6'000;
};

class upstream_side final : public flow::commit_listener, public flow::command_sink, public flow::fleet_view {
 public:
  upstream_side(timeline& time, trace& log, network& net, outside& world, flow::event_sink& sink,
                const upstream_options& options, const base::secret& token, base::rng& chance,
                identify_line& line, flow::reply_table& replies, fleet_place place);
  ~upstream_side() override;

  void start(const std::vector<flow::stored_session>& stored, proto::snowflake self);
  /// A clean stop: connections are dropped, what is collected is handed over. With `log_off` its sessions are
  /// ended with 1000 and it is of no more use.
  void stop(bool log_off = false);
  /// It has ended: what could not be handed over is nobody's.
  void close();
  void retire(std::uint32_t shard);
  void probe();

  void on_commit(const std::shared_ptr<const flow::commit>& done) override;
  void on_room() override;
  void on_stalled(const std::string&) override {}

  [[nodiscard]] bool submit(flow::command what) override;
  [[nodiscard]] std::uint32_t shard_count() const override { return options_.shards; }
  [[nodiscard]] std::uint32_t shards_held() const override { return options_.shards; }
  [[nodiscard]] std::uint32_t shards_ready() const override { return live(); }

  /// As fleet::serves().
  void serves() noexcept { prepared_ = false; }
  [[nodiscard]] std::uint32_t live() const;
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] std::string_view state_of(std::uint32_t shard) const;

 private:
  class shard;

  void batch_grew();
  void flush();
  void pause(bool paused);
  void fail();
  [[nodiscard]] proto::identify_cause cause_of(std::uint32_t shard) const;

  timeline& time_;
  trace& log_;
  network& net_;
  outside& world_;
  flow::event_sink& sink_;
  const upstream_options options_;
  const base::secret& token_;
  base::rng& chance_;
  base::logger quiet_;
  identify_line& line_;
  flow::reply_table& replies_;
  const fleet_place place_;
  bool prepared_ = false;
  std::unique_ptr<pipeline::intake> intake_;
  upstream::open_batch batch_;
  ticket tick_ = 0;
  ticket retry_ = 0;
  std::vector<std::unique_ptr<shard>> shards_;
  std::vector<bool> had_session_;
  bool failed_ = false;
  bool closed_ = false;
};

}  // namespace evergate::simulation
