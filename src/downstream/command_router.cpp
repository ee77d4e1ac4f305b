#include "downstream/command_router.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "downstream/errc.h"
#include "proto/json_view.h"
#include "proto/presence.h"

namespace evergate::downstream {
namespace {

constexpr std::size_t payload_max = 4096;  // Discord documentation, Gateway, "Sending Events"
constexpr std::size_t nonce_max = 32;

/// A guild id given as string, number or (eris) array of one. 0 when it is none of them.
proto::snowflake guild_of(std::string_view value) noexcept {
  if (!value.starts_with('[')) return proto::snowflake_of(value);
  proto::array_cursor elements(value);
  if (!elements.next()) return 0;
  const auto id = proto::snowflake_of(elements.value());
  return elements.next() || !elements.ok() ? 0 : id;
}

/// A nonce that Discord would give back: a string of at most 32 bytes; others it drops silently.
std::optional<std::string> nonce_of(std::string_view value) {
  if (value.starts_with('"') && value.size() <= nonce_max + 2) return std::string(value);
  return std::nullopt;
}

}  // namespace

base::result<void> command_router::route(int op, std::string_view d, const command_origin& from,
                                         std::string& rate_limited) {
  rate_limited.clear();
  if (!decisions_.on_command.overridden()) [[likely]]
    return carry(op, d, from, rate_limited);
  const command_question asked{
      .consumer = from.consumer, .lane = from.lane.id, .lanes = from.lane.count, .op = op, .d = d};
  const auto answer = decisions_.on_command.ask(asked, [](const auto&) { return command_answer{}; });
  if (answer.what == command_answer::verdict::drop) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return {};
  }
  return carry(op, answer.what == command_answer::verdict::rewrite ? answer.d : d, from, rate_limited);
}

base::result<void> command_router::carry(int op, std::string_view d, const command_origin& from,
                                         std::string& rate_limited) {
  switch (op) {
    case 3:
      return presence(d, from);
    case 4:
      return voice_state(d, from);
    case 8:
      return members(d, from, rate_limited);
    case 31:
      return soundboard(d, from);
    case 43:
      return channel_info(d, from);
    default:
      return base::fail(errc::bad_frame, fmt::format("op {} is no command, allowed 3, 4, 8, 31, 43", op));
  }
}

base::result<void> command_router::presence(std::string_view d, const command_origin& from) {
  const auto whole = proto::whole_presence(d);
  if (!whole) return base::fail(errc::bad_frame, "op 3: " + whole.error().text());
  return submit(3, 0, fmt::format(R"({{"op":3,"d":{}}})", *whole), from);
}

base::result<void> command_router::voice_state(std::string_view d, const command_origin& from) {
  const auto guild = proto::snowflake_of(proto::member(d, "guild_id"));
  if (guild == 0) return base::fail(errc::bad_frame, "op 4: guild_id is not a snowflake");
  const auto channel = proto::member(d, "channel_id");
  if (!channel.empty() && channel != "null" && proto::snowflake_of(channel) == 0) {
    return base::fail(errc::bad_frame, "op 4: channel_id is neither a snowflake nor null");
  }
  return submit(4, guild, fmt::format(R"({{"op":4,"d":{}}})", d), from);
}

base::result<void> command_router::members(std::string_view d, const command_origin& from,
                                           std::string& rate_limited) {
  const auto guild = guild_of(proto::member(d, "guild_id"));
  if (guild == 0) return base::fail(errc::bad_frame, "op 8: guild_id is not one snowflake");
  const auto nonce = nonce_of(proto::member(d, "nonce"));
  const bool presences = (from.intents & proto::intent::guild_presences) != 0;
  // Rebuilt member by member, so that a repeated key cannot bring another nonce past ours.
  std::string request = fmt::format(R"({{"guild_id":"{}")", guild);
  std::vector<std::string_view> seen;
  proto::object_cursor all(d);
  while (all.next()) {
    const auto key = all.key();
    if (key == "guild_id" || key == "nonce" || (key == "presences" && !presences)) continue;
    if (key.contains('\\') || std::ranges::find(seen, key) != seen.end()) continue;
    seen.push_back(key);
    request += ",\"";
    request += key;
    request += "\":";
    request += all.value();
  }
  request += presences ? "}" : R"(,"presences":false})";
  const flow::reply_table::asker who{from.session, nonce};
  if (coalesced(request, guild, who, from)) return {};
  const auto ours = replies_.add(who, request, from.now);
  request.pop_back();
  auto done = submit(8, guild, fmt::format(R"({{"op":8,"d":{},"nonce":"{}"}}}})", request, ours), from);
  if (!done) replies_.forget(ours);
  if (!done && done.error().code == errc::refused) {
    rate_limited = fmt::format(R"({{"opcode":8,"retry_after":5.0,"meta":{{"guild_id":"{}")", guild);
    if (nonce) rate_limited += R"(,"nonce":)" + *nonce;
    rate_limited += "}}";
  }
  return done;
}

bool command_router::coalesced(const std::string& request, proto::snowflake guild,
                               const flow::reply_table::asker& who, const command_origin& from) {
  const auto others = replies_.under_way(request, from.now);
  if (others == 0) return false;
  const member_request_question asked{
      .consumer = from.consumer, .guild = guild, .d = request, .others = others};
  if (!decisions_.coalesce_members.ask(asked, [](const auto&) { return true; })) return false;
  if (!replies_.join(request, who, from.now)) return false;
  joined_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

base::result<void> command_router::soundboard(std::string_view d, const command_origin& from) {
  std::map<std::uint64_t, std::vector<proto::snowflake>> by_place;
  const auto list = proto::member(d, "guild_ids");
  proto::array_cursor guilds(list);
  while (guilds.next()) {
    const auto guild = proto::snowflake_of(guilds.value());
    if (guild == 0)
      return base::fail(errc::bad_frame, "op 31: guild_ids holds something that is no snowflake");
    by_place[fleet_.place_of(guild)].push_back(guild);
  }
  if (!guilds.ok() || by_place.empty())
    return base::fail(errc::bad_frame, "op 31: guild_ids is not a list of ids");
  base::result<void> out;
  for (const auto& [place, ids] : by_place) {
    std::string payload = R"({"op":31,"d":{"guild_ids":[)";
    for (const auto id : ids) {
      if (payload.back() != '[') payload += ',';
      payload += fmt::format(R"("{}")", id);
      replies_.add_by_guild(31, id, {from.session, std::nullopt});
    }
    payload += "]}}";
    auto done = submit(31, ids.front(), std::move(payload), from, place);
    if (!done) out = std::move(done);
  }
  return out;
}

base::result<void> command_router::channel_info(std::string_view d, const command_origin& from) {
  const auto guild = proto::snowflake_of(proto::member(d, "guild_id"));
  if (guild == 0) return base::fail(errc::bad_frame, "op 43: guild_id is not a snowflake");
  replies_.add_by_guild(43, guild, {from.session, std::nullopt});
  return submit(43, guild, fmt::format(R"({{"op":43,"d":{}}})", d), from);
}

base::result<void> command_router::submit(int op, proto::snowflake guild, std::string payload,
                                          const command_origin& from, std::optional<std::uint64_t> place) {
  if (payload.size() > payload_max) {
    return base::fail(errc::bad_frame,
                      fmt::format("op {}: {} bytes as sent on, allowed {}", op, payload.size(), payload_max));
  }
  if (!sink_.submit(
          {.op = op, .guild = guild, .lane = from.lane, .payload = std::move(payload), .place = place})) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return base::fail(errc::refused, fmt::format("op {}: the owning shard has no room", op));
  }
  routed_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

}  // namespace evergate::downstream
