// Where the admin API is and what opens it, for the daemon that serves it and for the commands that call it:
// both read the same configuration. Start-up only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "admin/server.h"
#include "base/result.h"
#include "base/secret.h"
#include "evergate/gateway_options.h"

namespace evergate::app {

/// What the server needs; makes the token's file when there is none.
[[nodiscard]] base::result<admin::server_options> admin_options_of(const gateway_options& options);

/// Leaves the address where commands look for it: data_dir/admin.url.
[[nodiscard]] base::result<void> write_admin_url(const gateway_options& options, std::string_view url);

struct admin_access {
  std::string url;  ///< without a path
  base::secret token;
  std::string ca_file;  ///< PEM; empty = the system's store
};
/// As a command finds it.
[[nodiscard]] base::result<admin_access> find_admin(const gateway_options& options);

/// "127.0.0.1:7879", "[::1]:7879".
[[nodiscard]] std::string authority_of(std::string_view address, std::uint16_t port);

}  // namespace evergate::app
