// The daemon's shards over the virtual network: the very cores of the product (session, inflate, scan,
// intake, batch, identify scheduler, start plan), with agenda entries in place of timers. Owned by the
// daemon; one thread. When it is destroyed its connections break off, as a killed process's do.
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
#include "net/websocket_codec.h"
#include "network.h"
#include "pipeline/intake.h"
#include "proto/identify_scheduler.h"
#include "upstream/shard_core.h"
#include "upstream/start_plan.h"

namespace evergate::simulation {

struct upstream_options {
  std::uint32_t shards = 2;
  upstream::shard_core_options core;
  upstream::batcher_options batch;
  proto::identify_options identify;
};

/// What the shards meet outside: Discord's addresses and limits.
class outside {
 public:
  virtual ~outside() = default;
  /// Opens a connection to the gateway's address, for shard `who`.
  virtual link_id dial(link_end& client, std::uint32_t who, const std::string& address,
                       proto::compression compress) = 0;
  /// Empty while /gateway/bot has not answered.
  [[nodiscard]] virtual std::string main_url() = 0;
  /// What /gateway/bot says now; nothing when the call fails.
  [[nodiscard]] virtual std::optional<proto::identify_limits> limits(base::instant now) = 0;
  /// A text frame that a shard puts on the wire.
  virtual void sent(std::uint32_t who, link_id on, const std::string& session, std::string_view frame) = 0;
  /// A shard's session lives on its connection.
  virtual void live(std::uint32_t who) = 0;
  /// The store has no room, so that no shard reads; or it has again.
  virtual void reading(bool paused) = 0;
};

class upstream_side final : public flow::commit_listener, public flow::command_sink, public flow::fleet_view {
 public:
  upstream_side(timeline& time, trace& log, network& net, outside& world, flow::event_sink& sink,
                const upstream_options& options, const base::secret& token, std::uint64_t seed);
  ~upstream_side() override;

  void start(const std::vector<flow::stored_session>& stored, proto::snowflake self);
  /// A clean stop: connections are dropped, what is collected is handed over.
  void stop();

  void on_commit(const std::shared_ptr<const flow::commit>& done) override;
  void on_room() override;
  void on_stalled(const std::string&) override {}

  [[nodiscard]] bool submit(flow::command what) override;
  [[nodiscard]] std::uint32_t shard_count() const override { return options_.shards; }
  [[nodiscard]] std::uint32_t shards_held() const override { return options_.shards; }
  [[nodiscard]] std::uint32_t shards_ready() const override { return live(); }

  [[nodiscard]] std::uint32_t live() const;
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] flow::reply_table& replies() noexcept { return replies_; }
  [[nodiscard]] std::string_view state_of(std::uint32_t shard) const;

 private:
  class shard;

  void ask_info();
  void pump_identify();
  void batch_grew();
  void flush();
  void pause(bool paused);
  void fail();

  timeline& time_;
  trace& log_;
  network& net_;
  outside& world_;
  flow::event_sink& sink_;
  const upstream_options options_;
  const base::secret& token_;
  base::rng chance_;
  base::logger quiet_;
  flow::reply_table replies_;
  std::unique_ptr<pipeline::intake> intake_;
  upstream::open_batch batch_;
  ticket tick_ = 0;
  ticket retry_ = 0;
  proto::identify_scheduler scheduler_;
  ticket identify_timer_ = 0;
  base::instant info_at_{};
  bool asking_ = false;
  std::vector<std::unique_ptr<shard>> shards_;
  bool failed_ = false;
};

}  // namespace evergate::simulation
