#include "app/controller_options.h"

#include "app/option_value.h"
#include "controllers/script_host.h"
#include "evergate/configuration.h"

namespace evergate {
namespace app {
namespace {

using namespace std::chrono_literals;

// A field of the options, const or not, as the row makers want it.
#define FIELD(path) [](auto& o) -> auto& { return o.path; }

option_row script_row() {
  return {
      "controllers.script",
      "a file of Lua 5.4",
      "\"\"",
      "Overrides controllers (controllers.md); read again on SIGHUP and by `evergate controllers reload`. "
      "Empty = none",
      [](gateway_options& o, const option_value& v) -> base::result<void> {
        const auto* text = std::get_if<std::string>(&v);
        if (text == nullptr) return refuse("controllers.script", shown(v), "the path of a file");
        o.controller.script = *text;
        return {};
      },
      [](const gateway_options&) -> base::result<void> { return {}; }};
}

}  // namespace

std::vector<option_row> controller_rows() {
  std::vector<option_row> t;
  t.push_back(names_row<gateway_options>("filters.events_deny",
                                         "Events that never enter the queue, for any consumer; not READY, "
                                         "RESUMED, GUILD_CREATE and GUILD_DELETE",
                                         FIELD(filters.events_deny)));
  t.push_back(guilds_row<gateway_options>("filters.guilds_allow",
                                          "When not empty, only these guilds and what belongs to none",
                                          FIELD(filters.guilds_allow)));
  t.push_back(guilds_row<gateway_options>("filters.guilds_deny", "Guilds left out, allowed or not",
                                          FIELD(filters.guilds_deny)));
  t.push_back(script_row());
  t.push_back(integer_row("controllers.instructions_max", 1'000, 1'000'000'000,
                          "Instructions of Lua's machine that one call may take; then the standard answers",
                          FIELD(controller.instructions_max)));
  t.push_back(size_row("controllers.memory_max", 256ull << 10, 1ull << 32,
                       "Memory of the script on each thread that asks it", FIELD(controller.memory_max)));
  t.push_back(duration_row("controllers.slow_after", 1us, 1min,
                           "An override that takes longer is counted and logged by name",
                           FIELD(controller.slow_after)));
  return t;
}

#undef FIELD

pipeline::filter_options filters_of(const filter_settings& filters) {
  return {.dropped_events = filters.events_deny,
          .guilds_allowed = filters.guilds_allow,
          .guilds_denied = filters.guilds_deny};
}

base::result<void> judge_filters(const filter_settings& filters) {
  auto made = pipeline::event_filter::make(filters_of(filters));
  if (!made) return base::fail(made.error(), "filters.events_deny");
  return {};
}

decide::script_limits script_limits_of(const controller_settings& settings) {
  return {.instructions_max = settings.instructions_max, .memory_max = settings.memory_max};
}

}  // namespace app

result<void> check_script(const gateway_options& options) {
  const auto& settings = options.controller;
  if (settings.script.empty()) return {};
  auto checked = decide::script_host::check(settings.script, app::script_limits_of(settings));
  if (!checked) return base::fail(checked.error(), "controllers.script");
  return {};
}

}  // namespace evergate
