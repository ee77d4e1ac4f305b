// The daemon's configuration for other programs: a TOML file and environment variables to gateway_options.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "evergate/error.h"
#include "evergate/gateway_options.h"

namespace evergate {

/// Reads an environment variable; handed in so that tests need not change the process's own.
using environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The process's environment.
[[nodiscard]] environment process_environment();

/// Options from `file` (empty = defaults only), then `EVERGATE_<KEY>` for any key of docs/configuration.md
/// (dots as underscores, upper case), then the token: DISCORD_TOKEN, else token_file, else token. An unknown
/// key, a wrong type or a value out of bounds is an error that names the key, the value and what is allowed.
/// Any thread.
[[nodiscard]] result<gateway_options> load_configuration(const std::filesystem::path& file,
                                                         const environment& env = process_environment());

/// Compiles controllers.script and looks at what it defines; good when none is set. An error names the file,
/// the line and what is wrong.
[[nodiscard]] result<void> check_script(const gateway_options& options);

/// Every key with its default, bounds and meaning: the tables of docs/configuration.md, in Markdown.
[[nodiscard]] std::string option_list();

}  // namespace evergate
