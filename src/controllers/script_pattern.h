// string.find, match, gmatch and gsub for scripts: Lua's patterns, matched with a count of steps. Lua's own
// matcher can run for hours without one instruction that a limit would see.
#pragma once

struct lua_State;

namespace evergate::decide {

/// Sets the four functions in the table at the top. May raise.
void set_pattern_functions(lua_State* L);

}  // namespace evergate::decide
