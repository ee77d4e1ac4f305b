// What simulated Discord's ledger says, for the oracles. Stateless.
#pragma once

#include <vector>

#include "discord_side.h"
#include "handover_oracle.h"
#include "oracle.h"

namespace evergate::simulation {

/// Every entry.
[[nodiscard]] std::vector<ledger_entry> whole_ledger(discord_side& discord);
/// Every delivery to a session, one by one.
[[nodiscard]] std::vector<sent_event> what_was_sent(discord_side& discord);

}  // namespace evergate::simulation
