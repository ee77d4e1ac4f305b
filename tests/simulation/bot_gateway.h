// The daemon's side of the simulated bots: what downstream::gateway and its rooms do with sockets and loops,
// done with links and virtual time, over the same consumers and bot cores. Destroying it is the daemon's
// kill: every connection is reset and what was not handed to the store is gone. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agenda.h"
#include "base/log.h"
#include "base/rng.h"
#include "bot_link.h"
#include "bot_log.h"
#include "downstream/bot_core.h"
#include "downstream/command_router.h"
#include "downstream/consumer_control.h"
#include "flow/command.h"

namespace evergate::simulation {

/// The daemon's parts that downstream works with. All of it outlives the gateway.
struct bot_gateway_parts {
  agenda& time;
  const downstream::gateway_options& options;
  flow::event_source& events;
  flow::guild_source& guilds;
  flow::consumer_store& store;
  flow::command_sink& commands;
  flow::reply_table& replies;
  flow::fleet_view& fleet;
  base::logger& log;
  bot_log& record;
};

class bot_gateway final : private downstream::order_desk {
 public:
  bot_gateway(bot_gateway_parts parts, std::uint64_t seed);
  ~bot_gateway() override;

  [[nodiscard]] base::result<void> start();
  /// A clean stop: 4000 to every bot. Destroy it when connections() is 0 or close_timeout has passed, after
  /// flush().
  void stop();
  /// Hands the last cursors to the store.
  void flush();
  [[nodiscard]] std::size_t connections() const noexcept { return sockets_.size(); }

  /// Something was committed.
  void on_commit();
  void accept(std::shared_ptr<bot_link> link, proto::compression transport);

 private:
  class socket;

  void carry(downstream::consumer_orders orders) override;
  void reserved(downstream::holder_id who, flow::offset upto) override;
  void interactions_reserved(downstream::holder_id who, std::uint64_t ticket) override;
  /// In another turn, if the gateway still is.
  void post(std::move_only_function<void()> work, base::nanoseconds wait = {});
  /// The same for a connection, if it still is.
  void post_to(downstream::holder_id who, std::move_only_function<void(socket&)> work,
               base::nanoseconds wait = {});
  void arm_tick();
  void arm_flush();
  /// What downstream::backlog_keeper does.
  void arm_relief();
  [[nodiscard]] relief_look::each<std::vector<flow::stretch>> waiting(
      const relief_look::each<flow::offset>& from);
  void bury(downstream::holder_id who);
  [[nodiscard]] downstream::bot_time now() const;
  void note_grant(const downstream::lane_grant& grant);

  const bot_gateway_parts parts_;
  base::rng chance_;
  downstream::consumers readers_;
  downstream::consumer_control control_;
  downstream::command_router router_;
  downstream::batch_reader reader_;
  downstream::client_frame_reader frames_;
  std::map<downstream::holder_id, std::unique_ptr<socket>> sockets_;
  std::uint64_t next_id_ = 1;
  bool woken_ = false;
  bool stopping_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace evergate::simulation
