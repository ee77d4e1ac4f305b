// Matches Lua's patterns (Lua 5.4 reference manual, 6.4.1) and counts each step against the call's limit. For
// use below a protected call: malformed patterns and limits raise. Without a destructor, so that raising may
// skip it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

struct lua_State;

namespace evergate::decide {

class script_machine;

class pattern_matcher {
 public:
  /// Both texts are Lua strings on the stack. `pattern` without its anchor.
  pattern_matcher(lua_State* L, std::string_view subject, std::string_view pattern) noexcept;

  /// The end of the match that begins at `from`, or null.
  [[nodiscard]] const char* match(const char* from);
  /// Charges the steps taken since the last time.
  void settle();

  [[nodiscard]] int captures() const noexcept { return level_; }
  /// Pushes capture `which` of the match [from, to); the whole match when there are none.
  void push_capture(int which, const char* from, const char* to) const;
  /// Pushes all captures, or the whole match when there are none and `from` is given. Returns how many.
  int push_captures(const char* from, const char* to) const;

 private:
  static constexpr int captures_max = 32;
  static constexpr int depth_max = 200;
  static constexpr std::ptrdiff_t open = -1;
  static constexpr std::ptrdiff_t position = -2;
  struct capture {
    const char* begin;
    std::ptrdiff_t size;
  };

  const char* match_rest(const char* s, const char* p);
  const char* match_here(const char* s, const char* p);
  const char* match_item(const char* s, const char* p, const char*& next, bool& decided);
  const char* most(const char* s, const char* p, const char* end);
  const char* least(const char* s, const char* p, const char* end);
  const char* begin_capture(const char* s, const char* p, std::ptrdiff_t kind);
  const char* end_capture(const char* s, const char* p);
  const char* balanced(const char* s, const char* p);
  const char* repeated(const char* s, char which);
  bool frontier(const char* s, const char* set, const char* set_end);
  const char* item_end(const char* p) const;
  bool single(const char* s, const char* p, const char* end);
  bool in_set(unsigned char c, const char* p, const char* last);
  void spend(std::uint64_t steps);

  lua_State* const L_;
  script_machine* const machine_;
  const char* const begin_;
  const char* const end_;
  const char* const pattern_;
  const char* const pattern_end_;
  std::uint64_t steps_ = 0;
  std::uint64_t steps_max_ = 0;
  int level_ = 0;
  int depth_ = 0;
  std::array<capture, captures_max> captures_;
};

}  // namespace evergate::decide
