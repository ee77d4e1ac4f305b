// Simulated Discord on the virtual network: the core of `sim` behind WebSocket frames and transport
// compression, at two addresses (the gateway's own and resume_gateway_url). Also notes what it put on the
// wire, for the oracle. Owned by the run; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/url.h"
#include "network.h"
#include "sim/discord.h"
#include "upstream_side.h"

namespace evergate::simulation {

/// Sees what shards do, at the moment they do it.
class shard_watch {
 public:
  virtual ~shard_watch() = default;
  virtual void dialed(std::uint32_t who, link_id which, bool own_address) = 0;
  virtual void sent(std::uint32_t who, link_id on, const std::string& session, std::string_view frame) = 0;
  virtual void live(std::uint32_t who) = 0;
  virtual void reading(bool paused) = 0;
  /// Discord sends op 9.
  virtual void invalidated(link_id which) = 0;
};

class discord_side final : public sim::gateway_sink, public listener, public outside {
 public:
  discord_side(virtual_time& time, trace& log, network& net, const sim::discord_options& options,
               shard_watch& watch, std::uint64_t seed);
  ~discord_side() override;

  [[nodiscard]] sim::discord& core() noexcept { return core_; }
  [[nodiscard]] std::int64_t now_ms() const { return timeline_.unix_ms(); }
  /// The address that /gateway/bot gave last works again.
  void heal_address() { main_url_ = core_.gateway_url(); }
  /// A hash of the bytes of d that went out with this serial; 0 when none did.
  [[nodiscard]] std::uint64_t content_of(std::uint64_t serial) const;

  // gateway_sink
  void send(sim::connection_id to, std::string_view head, std::string_view body,
            std::string_view tail) override;
  void close(sim::connection_id to, std::uint16_t code, std::string_view reason) override;
  void drop(sim::connection_id to) override;
  [[nodiscard]] bool congested(sim::connection_id to) const override;
  bool damage(sim::connection_id to, enum sim::damage how) override;

  // listener
  link_end* accept(link_id which, const std::string& request) override;

  // outside
  link_id dial(link_end& client, std::uint32_t who, const std::string& address, bool own_address,
               proto::compression compress) override;
  [[nodiscard]] std::string main_url() override { return main_url_; }
  [[nodiscard]] std::optional<proto::identify_limits> limits(base::instant now) override;
  void sent(std::uint32_t who, link_id on, const std::string& session, std::string_view frame) override;
  void live(std::uint32_t who) override { watch_.live(who); }
  void reading(bool paused) override { watch_.reading(paused); }

 private:
  class peer;
  void tick();
  [[nodiscard]] dial_fate fate_of(const net::url& where);
  void gone(link_id which, std::uint16_t code);

  timeline timeline_;
  trace& log_;
  network& net_;
  shard_watch& watch_;
  base::rng chance_;
  sim::discord core_;
  std::string main_url_;  ///< what /gateway/bot said last
  std::map<link_id, std::unique_ptr<peer>> peers_;
  std::map<std::uint64_t, std::uint64_t> contents_;  ///< serial → hash of d
};

/// Stable over runs and machines.
[[nodiscard]] std::uint64_t hash_of(std::string_view bytes) noexcept;
/// The same, of a reply whose nonce is replaced on its way to the asker: without it.
[[nodiscard]] std::uint64_t hash_of_reply(std::string_view d);
/// The `_serial` that d begins with; 0 without one.
[[nodiscard]] std::uint64_t serial_of(std::string_view d) noexcept;

}  // namespace evergate::simulation
