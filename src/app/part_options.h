// The public options as each room wants them. Pure; start-up only.
#pragma once

#include "control/cutover.h"
#include "control/reshard_plan.h"
#include "control/resharder.h"
#include "controllers/desk.h"
#include "downstream/gateway_options.h"
#include "evergate/gateway_options.h"
#include "journal/journal_options.h"
#include "net/http_server.h"
#include "upstream/fleet_options.h"

namespace evergate::app {

[[nodiscard]] journal::journal_options journal_options_of(
    const gateway_options& options, const decide::desk& decisions = decide::desk::plain());
[[nodiscard]] upstream::fleet_options fleet_options_of(const gateway_options& options,
                                                       const decide::desk& decisions = decide::desk::plain());
[[nodiscard]] downstream::gateway_options gateway_options_of(
    const gateway_options& options, const decide::desk& decisions = decide::desk::plain());
[[nodiscard]] control::cutover_options cutover_options_of(const gateway_options& options);
[[nodiscard]] control::plan_options plan_options_of(const gateway_options& options);
[[nodiscard]] control::resharder_options resharder_options_of(const gateway_options& options);
/// Without TLS and inherited socket, which only start() can open.
[[nodiscard]] net::listen_options listen_options_of(const gateway_options& options);

}  // namespace evergate::app
