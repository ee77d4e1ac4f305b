// What happens to a consumer and its bots, as told to whoever listens: values.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "proto/snowflake.h"

namespace evergate::downstream {

struct consumer_news {
  enum class kind : std::uint8_t { identified, resumed, left, paused, goes_on, draining, gave_up };
  kind what = kind::identified;
  std::string_view consumer;
  proto::shard_key lane{0, 0};  ///< of a bot; no count = not about a bot
};

/// Called on the bot's loop, or where an operator's word is carried out; must return soon.
using consumer_listener = std::function<void(const consumer_news&)>;

}  // namespace evergate::downstream
