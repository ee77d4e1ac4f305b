// The one line for identifying of a daemon's fleets over virtual time, and what its shards meet outside: what
// upstream::access with its desk is in the product. Owned by the daemon's fleets; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "network.h"
#include "proto/compression.h"
#include "proto/identify_scheduler.h"

namespace evergate::simulation {

/// What the shards meet outside: Discord's addresses and limits.
class outside {
 public:
  virtual ~outside() = default;
  /// Opens a connection to the gateway's address, for shard `who` (fleet_place::who).
  virtual link_id dial(link_end& client, std::uint32_t who, const std::string& address, bool own_address,
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

class identify_line {
 public:
  using on_turn = std::function<void(std::uint32_t shard, base::instant not_before)>;

  identify_line(timeline& time, trace& log, outside& world, const proto::identify_options& options,
                base::rng& chance)
      : time_(time), log_(log), world_(world), options_(options), chance_(chance), scheduler_(options) {}

  /// A fleet comes; when /gateway/bot has answered, its shards get their turns.
  void enter(std::uint32_t fleet, on_turn turn) { tenants_.insert_or_assign(fleet, std::move(turn)); }
  void leave(std::uint32_t fleet);
  void ask();
  /// Without a look at what is due.
  void request(proto::identify_slot who, proto::identify_cause cause) { scheduler_.request(who, cause); }
  void cancel(proto::identify_slot who) { scheduler_.cancel(who); }
  void sent(proto::identify_slot who) { scheduler_.sent(who, time_.now()); }
  void refused(proto::identify_slot who) { scheduler_.refused(who, time_.now()); }
  /// Looks at what is due, in another turn.
  void pump_soon();
  /// Session starts that are left for resharding.
  [[nodiscard]] std::uint32_t allowance() const;

 private:
  void pump();

  timeline& time_;
  trace& log_;
  outside& world_;
  const proto::identify_options options_;
  base::rng& chance_;
  proto::identify_scheduler scheduler_;
  std::map<std::uint32_t, on_turn> tenants_;
  ticket timer_ = 0;
  base::instant info_at_{};
  bool asking_ = false;
};

}  // namespace evergate::simulation
