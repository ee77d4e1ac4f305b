// Intents as configurations give them: a number, or names. Start-up only.
#pragma once

#include <string_view>

#include "app/option_table.h"
#include "proto/intents.h"

namespace evergate::app {

[[nodiscard]] base::result<proto::intent_bits> parse_intents(std::string_view key, const option_value& value);

}  // namespace evergate::app
