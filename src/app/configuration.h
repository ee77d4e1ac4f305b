// Configuration from a TOML file and the environment. Every unknown key, wrong type and value out of bounds
// is an error that names the key, the value and what is allowed. Start-up only.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "evergate/gateway_options.h"

namespace evergate::app {

/// Reads an environment variable; handed in so that tests need not change the process's own.
using environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The process's environment.
[[nodiscard]] environment process_environment();

/// Options from `file` (empty = defaults only), then `EVERGATE_<KEY>` for any key of the option table (dots
/// as underscores, upper case), then the token: DISCORD_TOKEN, else token_file, else token. The result has
/// passed judge_options().
[[nodiscard]] base::result<gateway_options> load_configuration(const std::filesystem::path& file,
                                                               const environment& env);

/// The same without Discord's token, for commands that only look for the running daemon.
[[nodiscard]] base::result<gateway_options> load_without_token(const std::filesystem::path& file,
                                                               const environment& env);

}  // namespace evergate::app
