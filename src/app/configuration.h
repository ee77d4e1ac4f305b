// The library's own side of evergate/configuration.h. Start-up only.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "evergate/configuration.h"

namespace evergate::app {

/// As load_configuration(), without Discord's token, for commands that only look for the running daemon.
[[nodiscard]] base::result<gateway_options> load_without_token(const std::filesystem::path& file,
                                                               const environment& env);

}  // namespace evergate::app
