#include "control/receipt.h"

#include <fmt/format.h>

#include "proto/json_view.h"

namespace evergate::control {
namespace {

template <class Number>
void read(std::string_view object, std::string_view name, Number& out) {
  out = static_cast<Number>(proto::integer_of(proto::member(object, name)).value_or(0));
}

}  // namespace

std::string receipt::to_json() const {
  std::string out =
      fmt::format(R"({{"from":{},"to":{},"outcome":"{}","duration_ms":{},"guilds":{{"all":{},)", from_count,
                  to_count, aborted ? "aborted" : "completed", duration_ms, guilds());
  out += fmt::format(R"("at_event":{},"in_silence":{},"with_gap":{},"joined":{},"came_back":{}}},)",
                     guilds_at_event, guilds_in_silence, guilds_with_gap, guilds_born, came_back);
  out += fmt::format(R"("events":{{"matched":{},"delivered_by_old":{},"delivered_by_new":{},"lost":{},)",
                     events.matched, delivered_by_old, delivered_by_new, events.lost);
  out += fmt::format(R"("doubled":{},"doubles_averted":{},"one_sided":{},"reordered":{}}}}})", events.doubled,
                     events.doubles_averted, events.one_sided, events.reordered);
  return out;
}

receipt receipt::parse(std::string_view json) {
  receipt out;
  read(json, "from", out.from_count);
  read(json, "to", out.to_count);
  read(json, "duration_ms", out.duration_ms);
  out.aborted = proto::member(json, "outcome") == R"("aborted")";
  const auto guilds = proto::member(json, "guilds");
  read(guilds, "at_event", out.guilds_at_event);
  read(guilds, "in_silence", out.guilds_in_silence);
  read(guilds, "with_gap", out.guilds_with_gap);
  read(guilds, "joined", out.guilds_born);
  read(guilds, "came_back", out.came_back);
  const auto events = proto::member(json, "events");
  read(events, "matched", out.events.matched);
  read(events, "delivered_by_old", out.delivered_by_old);
  read(events, "delivered_by_new", out.delivered_by_new);
  read(events, "lost", out.events.lost);
  read(events, "doubled", out.events.doubled);
  read(events, "doubles_averted", out.events.doubles_averted);
  read(events, "one_sided", out.events.one_sided);
  read(events, "reordered", out.events.reordered);
  return out;
}

}  // namespace evergate::control
