// check(): an invariant of our own code. Stays on in release and ends the process, since recovery is the
// tested path. Never used on what a socket or a file says.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

namespace evergate::base {

inline void check(bool holds, const char* what = "invariant broken",
                  std::source_location where = std::source_location::current()) noexcept {
  if (holds) [[likely]]
    return;
  std::fprintf(stderr, "evergate: check failed: %s at %s:%u\n", what, where.file_name(), where.line());
  std::abort();
}

}  // namespace evergate::base
