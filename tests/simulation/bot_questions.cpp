#include "bot_questions.h"

#include <fmt/format.h>

namespace evergate::simulation {
namespace {

constexpr int members_op = 8;
constexpr int sounds_op = 31;
constexpr int channel_info_op = 43;
constexpr int voice_channel = 2;

}  // namespace

void bot_questions::begin() {
  nonces_.clear();
  unanswered_.clear();
}

const nlohmann::json& bot_questions::pick(bot_cache& known) {
  return known.at(chance_.below(known.size()));
}

std::string bot_questions::members(const json& guild, const std::string& nonce) {
  json d{{"guild_id", guild.at("id")}};
  if (chance_.chance(0.5)) {
    // A careful bot asks for few; a whole list is limited by Discord and not asked for here.
    d["user_ids"] = json::array({"1", std::to_string(chance_.below(1'000))});
    for (const auto& one : guild.at("members")) d["user_ids"].push_back(one.at("user").at("id"));
    d["presences"] = chance_.chance(0.5);
  } else {
    d["query"] = "a";
    d["limit"] = 1 + chance_.below(20);
  }
  if (nonce.empty()) {
    ++unanswered_[{members_op, guild.at("id")}];
  } else {
    d["nonce"] = nonce;
    nonces_[nonce] = guild.at("id");
  }
  return json{{"op", members_op}, {"d", d}}.dump();
}

std::string bot_questions::any(bot_cache& known) {
  if (known.size() == 0) return {};
  const auto& guild = pick(known);
  const std::string id = guild.at("id");
  switch (chance_.below(5)) {
    case 0:
      return R"({"op":3,"d":{"since":null,"activities":[],"status":"idle","afk":false}})";
    case 1: {
      json channel;
      for (const auto& one : guild.at("channels")) {
        if (one.at("type") == voice_channel && chance_.chance(0.5)) channel = one.at("id");
      }
      return json{{"op", 4},
                  {"d",
                   {{"guild_id", id},
                    {"channel_id", channel},
                    {"self_mute", chance_.chance(0.5)},
                    {"self_deaf", false}}}}
          .dump();
    }
    case 2: {
      json ids = json::array({id});
      ++unanswered_[{sounds_op, id}];
      if (const std::string more = pick(known).at("id"); more != id) {
        ids.push_back(more);
        ++unanswered_[{sounds_op, more}];
      }
      return json{{"op", sounds_op}, {"d", {{"guild_ids", ids}}}}.dump();
    }
    case 3:
      ++unanswered_[{channel_info_op, id}];
      return json{{"op", channel_info_op}, {"d", {{"guild_id", id}, {"fields", {"status"}}}}}.dump();
    default:
      return members(guild, chance_.chance(0.7) ? fmt::format("q{}", next_++) : std::string());
  }
}

std::string bot_questions::wanted(bot_cache& known) {
  if (known.size() == 0) {
    answered_ = true;
    return {};
  }
  wanted_ = fmt::format("wanted{}", next_++);
  return members(pick(known), wanted_);
}

std::string bot_questions::take(int op, const std::string& guild) {
  const auto found = unanswered_.find({op, guild});
  if (found == unanswered_.end())
    return fmt::format("an answer to op {} for guild {}, which it has not asked for", op, guild);
  if (--found->second == 0) unanswered_.erase(found);
  return {};
}

std::string bot_questions::wrong_members(const json& from, const json& nonce, bool last) {
  const std::string guild = from.at("guild_id");
  if (nonce.is_null()) return take(members_op, guild);
  const auto found = nonces_.find(nonce.get<std::string>());
  if (found == nonces_.end())
    return fmt::format("an answer with the nonce {}, which is none of its own", nonce.dump());
  if (found->second != guild)
    return fmt::format("an answer with the nonce {} for guild {} instead of {}", nonce.dump(), guild,
                       found->second);
  if (!last) return {};
  if (found->first == wanted_) answered_ = true;
  nonces_.erase(found);
  return {};
}

bool bot_questions::is_answer(const std::string& type) {
  return type == "SOUNDBOARD_SOUNDS" || type == "CHANNEL_INFO" || type == "GUILD_MEMBERS_CHUNK" ||
         type == "RATE_LIMITED";
}

std::string bot_questions::wrong(const std::string& type, const json& d) {
  if (type == "SOUNDBOARD_SOUNDS") return take(sounds_op, d.at("guild_id"));
  if (type == "CHANNEL_INFO") return take(channel_info_op, d.at("guild_id"));
  if (type == "GUILD_MEMBERS_CHUNK") {
    // What it asks for without a nonce is one chunk.
    const bool last = d.at("chunk_index") == d.at("chunk_count").get<int>() - 1;
    return wrong_members(d, d.value("nonce", json()), last);
  }
  if (type != "RATE_LIMITED") return {};
  const auto& meta = d.at("meta");
  return wrong_members(meta, meta.value("nonce", json()), true);
}

}  // namespace evergate::simulation
