// The fields of every question under the names that scripts see: those of C++.
#pragma once

#include <tuple>

#include "evergate/controllers.h"

namespace evergate::decide {

template <class Question, class Value>
struct script_field {
  const char* name;
  Value Question::* member;
  bool id = false;  ///< a snowflake: text in Lua, nil for none
};

template <class Question, class Value>
script_field(const char*, Value Question::*) -> script_field<Question, Value>;
template <class Question, class Value>
script_field(const char*, Value Question::*, bool) -> script_field<Question, Value>;

template <class Question>
struct script_fields;

template <>
struct script_fields<total_shards_question> {
  using q = total_shards_question;
  static constexpr std::tuple all{
      script_field{"configured", &q::configured}, script_field{"stored", &q::stored},
      script_field{"recommended", &q::recommended}, script_field{"max_concurrency", &q::max_concurrency}};
};

template <>
struct script_fields<worker_id_question> {
  using q = worker_id_question;
  static constexpr std::tuple all{script_field{"shard", &q::shard},
                                  script_field{"first_shard", &q::first_shard},
                                  script_field{"shards", &q::shards},
                                  script_field{"workers", &q::workers},
                                  script_field{"shards_per_worker", &q::shards_per_worker},
                                  script_field{"round_robin", &q::round_robin}};
};

template <>
struct script_fields<identify_question> {
  using q = identify_question;
  static constexpr std::tuple all{script_field{"shard", &q::shard}, script_field{"bucket", &q::bucket},
                                  script_field{"cause", &q::cause}, script_field{"remaining", &q::remaining},
                                  script_field{"asked_before", &q::asked_before}};
};

template <>
struct script_fields<presence_question> {
  using q = presence_question;
  static constexpr std::tuple all{script_field{"shard", &q::shard}, script_field{"shards", &q::shards},
                                  script_field{"presence", &q::presence}};
};

template <>
struct script_fields<close_question> {
  using q = close_question;
  static constexpr std::tuple all{script_field{"shard", &q::shard}, script_field{"shards", &q::shards},
                                  script_field{"code", &q::code}, script_field{"session", &q::session}};
};

template <>
struct script_fields<invalid_session_question> {
  using q = invalid_session_question;
  static constexpr std::tuple all{script_field{"shard", &q::shard}, script_field{"shards", &q::shards},
                                  script_field{"resumable", &q::resumable}};
};

template <>
struct script_fields<reconnect_question> {
  using q = reconnect_question;
  static constexpr std::tuple all{script_field{"shard", &q::shard}, script_field{"shards", &q::shards},
                                  script_field{"tries", &q::tries}, script_field{"delay", &q::delay}};
};

template <>
struct script_fields<event_question> {
  using q = event_question;
  static constexpr std::tuple all{script_field{"shard", &q::shard}, script_field{"shards", &q::shards},
                                  script_field{"type", &q::type}, script_field{"guild", &q::guild, true},
                                  script_field{"d", &q::d}};
};

template <>
struct script_fields<delivery_question> {
  using q = delivery_question;
  static constexpr std::tuple all{script_field{"consumer", &q::consumer}, script_field{"lane", &q::lane},
                                  script_field{"lanes", &q::lanes},       script_field{"type", &q::type},
                                  script_field{"guild", &q::guild, true}, script_field{"d", &q::d}};
};

template <>
struct script_fields<overflow_question::group> {
  using q = overflow_question::group;
  static constexpr std::tuple all{script_field{"there", &q::there}, script_field{"events", &q::events},
                                  script_field{"bytes", &q::bytes}, script_field{"oldest", &q::oldest}};
};

template <>
struct script_fields<overflow_question> {
  using q = overflow_question;
  static constexpr std::tuple all{script_field{"groups", &q::groups}};
};

template <>
struct script_fields<interaction_question> {
  using q = interaction_question;
  static constexpr std::tuple all{script_field{"age", &q::age}, script_field{"d", &q::d}};
};

template <>
struct script_fields<command_question> {
  using q = command_question;
  static constexpr std::tuple all{script_field{"consumer", &q::consumer}, script_field{"lane", &q::lane},
                                  script_field{"lanes", &q::lanes}, script_field{"op", &q::op},
                                  script_field{"d", &q::d}};
};

template <>
struct script_fields<member_request_question> {
  using q = member_request_question;
  static constexpr std::tuple all{script_field{"consumer", &q::consumer},
                                  script_field{"guild", &q::guild, true}, script_field{"d", &q::d},
                                  script_field{"others", &q::others}};
};

template <>
struct script_fields<ready_question> {
  using q = ready_question;
  static constexpr std::tuple all{script_field{"consumer", &q::consumer}, script_field{"lane", &q::lane},
                                  script_field{"lanes", &q::lanes}, script_field{"d", &q::d}};
};

template <>
struct script_fields<bot_question> {
  using q = bot_question;
  static constexpr std::tuple all{script_field{"consumer", &q::consumer}, script_field{"lane", &q::lane},
                                  script_field{"lanes", &q::lanes}, script_field{"intents", &q::intents},
                                  script_field{"library", &q::library}};
};

template <>
struct script_fields<lanes_question> {
  using q = lanes_question;
  static constexpr std::tuple all{script_field{"consumer", &q::consumer},
                                  script_field{"configured", &q::configured},
                                  script_field{"shards", &q::shards}};
};

template <>
struct script_fields<reshard_question> {
  using q = reshard_question;
  static constexpr std::tuple all{script_field{"current", &q::current},
                                  script_field{"target", &q::target},
                                  script_field{"due", &q::due},
                                  script_field{"fullest_percent", &q::fullest_percent},
                                  script_field{"guilds", &q::guilds},
                                  script_field{"recommended", &q::recommended},
                                  script_field{"remaining", &q::remaining}};
};

template <>
struct script_fields<switch_question> {
  using q = switch_question;
  static constexpr std::tuple all{script_field{"from", &q::from}, script_field{"to", &q::to},
                                  script_field{"ready_shards", &q::ready_shards},
                                  script_field{"waited", &q::waited}};
};

}  // namespace evergate::decide
