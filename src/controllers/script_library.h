// What a script can use: Lua's base, string, table, math and utf8 without the parts that reach outside, that
// could catch a limit, or that could run on unseen; and the table `evergate`. One machine's, on its thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "controllers/script_json.h"

struct lua_State;

namespace evergate::decide {

class script_library {
 public:
  /// Makes the globals of a new state; the functions use this object, which outlives it. May raise.
  void open(lua_State* L);

 private:
  static int log(lua_State* L);
  [[nodiscard]] bool may_log() noexcept;

  script_json json_;
  std::chrono::steady_clock::time_point logged_since_{};
  std::uint32_t logged_ = 0;
};

}  // namespace evergate::decide
