// What an operator may set about interactions and about events that bots die of: values that the pure parts
// take without the rest of the options.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace evergate::downstream {

/// How long an INTERACTION_CREATE is worth sending: Discord takes a first answer for 3 s. Source: Discord
/// documentation, Receiving and Responding, "Interaction Callback".
struct interaction_rules {
  base::milliseconds deadline{2'500};               ///< by the age of its id
  base::milliseconds autocomplete_deadline{1'500};  ///< of type 4: the user types on meanwhile
  base::milliseconds skew{1'000};  ///< this machine's clock may be ahead of Discord's by this
  bool drop_expired = true;        ///< and count it; false: it is sent all the same
};

/// When an event is taken for what a bot dies of.
struct poison_rules {
  std::uint32_t suspect_after = 3;  ///< unclean ends in a row before which it was the first unacknowledged
  std::uint32_t convict_after = 2;  ///< further ones with nothing else in flight
};

}  // namespace evergate::downstream
