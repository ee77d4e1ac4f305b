// One call of the admin API from a command, waited for. Has a loop and a thread for as long as it takes.
#pragma once

#include <string>

#include "app/admin_access.h"
#include "base/clock.h"
#include "base/result.h"

namespace evergate::daemon {

struct admin_answer {
  unsigned status = 0;
  std::string body;
};

/// `path` with its query. An error means that nothing answered.
[[nodiscard]] base::result<admin_answer> call_admin(const app::admin_access& where, const std::string& method,
                                                    const std::string& path, const std::string& body,
                                                    base::milliseconds patience);

}  // namespace evergate::daemon
