// Commands of bots on their way to Discord: judges their shape, rebuilds them from known members with a nonce
// of ours, remembers who asked and hands them to the fleet. Thread-safe (its parts are); holds nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "controllers/desk.h"
#include "flow/command.h"
#include "proto/intents.h"

namespace evergate::downstream {

/// The session that a command comes from.
struct command_origin {
  std::uint32_t session = 0;  ///< downstream_record::number
  proto::shard_key lane;
  proto::intent_bits intents = 0;
  std::string_view consumer{};
  base::instant now{};
};

class command_router {
 public:
  command_router(flow::command_sink& sink, flow::reply_table& replies, const flow::fleet_view& fleet,
                 const decide::desk& decisions = decide::desk::plain()) noexcept
      : sink_(sink), replies_(replies), fleet_(fleet), decisions_(decisions) {}

  /// errc::bad_frame when `d` is not what the op allows. errc::refused when the owning shard has no room;
  /// with op 8 `rate_limited` then holds the `d` of the RATE_LIMITED dispatch for the bot.
  [[nodiscard]] base::result<void> route(int op, std::string_view d, const command_origin& from,
                                         std::string& rate_limited);

  [[nodiscard]] std::uint64_t routed() const noexcept { return routed_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }
  /// Member requests that the answer to another one's serves.
  [[nodiscard]] std::uint64_t joined() const noexcept { return joined_.load(std::memory_order_relaxed); }
  /// Left out by on_command.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  [[nodiscard]] base::result<void> carry(int op, std::string_view d, const command_origin& from,
                                         std::string& rate_limited);
  /// The request is served by one under way.
  [[nodiscard]] bool coalesced(const std::string& request, proto::snowflake guild,
                               const flow::reply_table::asker& who, const command_origin& from);
  [[nodiscard]] base::result<void> presence(std::string_view d, const command_origin& from);
  [[nodiscard]] base::result<void> voice_state(std::string_view d, const command_origin& from);
  [[nodiscard]] base::result<void> members(std::string_view d, const command_origin& from,
                                           std::string& rate_limited);
  [[nodiscard]] base::result<void> soundboard(std::string_view d, const command_origin& from);
  [[nodiscard]] base::result<void> channel_info(std::string_view d, const command_origin& from);
  [[nodiscard]] base::result<void> submit(int op, proto::snowflake guild, std::string payload,
                                          const command_origin& from,
                                          std::optional<std::uint64_t> place = {});

  flow::command_sink& sink_;
  flow::reply_table& replies_;
  const flow::fleet_view& fleet_;
  const decide::desk& decisions_;
  std::atomic<std::uint64_t> joined_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> routed_{0};
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace evergate::downstream
