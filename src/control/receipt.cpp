#include "control/receipt.h"

#include <fmt/format.h>

namespace evergate::control {

std::string receipt::to_json() const {
  std::string out =
      fmt::format(R"({{"from":{},"to":{},"outcome":"{}","duration_ms":{},"guilds":{{"all":{},)", from_count,
                  to_count, aborted ? "aborted" : "completed", duration_ms, guilds());
  out += fmt::format(R"("at_event":{},"in_silence":{},"with_gap":{},"joined":{},"before_restart":{}}},)",
                     guilds_at_event, guilds_in_silence, guilds_with_gap, guilds_born, guilds_before);
  out += fmt::format(R"("events":{{"matched":{},"delivered_by_old":{},"delivered_by_new":{},"lost":{},)",
                     events.matched, events.delivered_before, events.delivered_after, events.lost);
  out += fmt::format(R"("doubled":{},"doubles_averted":{},"one_sided":{},"reordered":{}}}}})", events.doubled,
                     events.doubles_averted, events.one_sided, events.reordered);
  return out;
}

}  // namespace evergate::control
