// The options of controllers and of the filters in front of them, and their checks. Start-up only.
#pragma once

#include <vector>

#include "app/option_table.h"
#include "controllers/script_machine.h"
#include "pipeline/event_filter.h"

namespace evergate::app {

[[nodiscard]] std::vector<option_row> controller_rows();

/// Event names that may be left out.
[[nodiscard]] base::result<void> judge_filters(const filter_settings& filters);

[[nodiscard]] pipeline::filter_options filters_of(const filter_settings& filters);
[[nodiscard]] decide::script_limits script_limits_of(const controller_settings& settings);

}  // namespace evergate::app
