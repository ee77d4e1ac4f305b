// A fuzz target: one function over any bytes. The same source is linked with libFuzzer (./evergate.sh fuzz)
// and with a small main that replays files (the tests fuzz.*). Must be deterministic and keep nothing between
// calls.
#pragma once

#include <string_view>

namespace evergate::fuzz {

/// Runs the code under test; ends the process (base::check) when it breaks what it promises.
void run(std::string_view bytes);

}  // namespace evergate::fuzz
