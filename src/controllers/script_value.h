// Values between C++ and Lua: durations are milliseconds, snowflakes text, verdicts and groups their names.
// push() and read_field() may raise; take() neither raises nor allocates in Lua.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <lua.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "controllers/script_fields.h"
#include "evergate/controllers.h"

namespace evergate::decide::script_value {

[[nodiscard]] std::string_view name_of(close_verdict verdict) noexcept;
[[nodiscard]] std::string_view name_of(event_group group) noexcept;

template <class T>
concept number = std::integral<T> && !std::same_as<T, bool>;

void push(lua_State* L, std::string_view text);
void push(lua_State* L, std::chrono::milliseconds span);
void push(lua_State* L, const decltype(overflow_question::groups)& groups);
void push(lua_State* L, const event_answer& answer);
void push(lua_State* L, const command_answer& answer);
void push_id(lua_State* L, std::uint64_t id);
inline void push(lua_State* L, const std::string& text) {
  push(L, std::string_view(text));
}
inline void push(lua_State* L, std::same_as<bool> auto value) {
  lua_pushboolean(L, value ? 1 : 0);
}
inline void push(lua_State* L, number auto value) {
  lua_pushinteger(L, static_cast<lua_Integer>(value));
}
template <class Name>
  requires std::is_enum_v<Name>
void push(lua_State* L, Name name) {
  push(L, name_of(name));
}

/// Reads the value at `at`; false when it is of another kind or out of range. Views are valid while the value
/// is on the stack.
[[nodiscard]] bool take(lua_State* L, int at, std::string_view& out) noexcept;
[[nodiscard]] bool take(lua_State* L, int at, std::chrono::milliseconds& out) noexcept;
[[nodiscard]] bool take(lua_State* L, int at, close_verdict& out) noexcept;
[[nodiscard]] bool take(lua_State* L, int at, event_group& out) noexcept;
[[nodiscard]] bool take_id(lua_State* L, int at, std::uint64_t& out) noexcept;
[[nodiscard]] bool take(lua_State* L, int at, bool& out) noexcept;
template <number T>
[[nodiscard]] bool take(lua_State* L, int at, T& out) noexcept {
  int whole = 0;
  if (lua_type(L, at) != LUA_TNUMBER) return false;
  const auto value = lua_tointegerx(L, at, &whole);
  if (whole == 0 || !std::in_range<T>(value)) return false;
  out = static_cast<T>(value);
  return true;
}
/// These allocate in C++, so not below a call that may raise.
[[nodiscard]] bool take(lua_State* L, int at, std::string& out);
[[nodiscard]] bool take(lua_State* L, int at, event_answer& out);
[[nodiscard]] bool take(lua_State* L, int at, command_answer& out);

/// What is allowed, for the text of a failure.
template <class Answer>
[[nodiscard]] constexpr std::string_view allowed() {
  if constexpr (std::same_as<Answer, bool>) return "true or false";
  if constexpr (number<Answer>) return "a whole number within its range";
  if constexpr (std::same_as<Answer, std::chrono::milliseconds>) return "milliseconds, a number";
  if constexpr (std::same_as<Answer, std::string>) return "a string";
  if constexpr (std::same_as<Answer, close_verdict>)
    return R"("resume", "resume_later", "resume_once", "identify" or "fatal")";
  if constexpr (std::same_as<Answer, event_group>) return R"("ephemeral", "message" or "state")";
  return "true or nil to keep it, false to drop it, a string of JSON to replace it";
}

// --- questions ------------------------------------------------------------------------------------------

template <class Question, class Value>
void push_member(lua_State* L, const Question& asked, const script_field<Question, Value>& field) {
  if constexpr (std::same_as<Value, std::uint64_t>) {
    if (field.id) return push_id(L, asked.*field.member);
  }
  push(L, asked.*field.member);
}

/// Pushes the field of this name; false = there is none. May raise.
template <class Question>
bool push_named(lua_State* L, const Question& asked, std::string_view name) {
  return std::apply(
      [&](const auto&... field) {
        return ((name == field.name && (push_member(L, asked, field), true)) || ...);
      },
      script_fields<Question>::all);
}

/// Sets every field in the table at the top. May raise.
template <class Question>
void fill(lua_State* L, const Question& asked) {
  std::apply(
      [&](const auto&... field) { ((push_member(L, asked, field), lua_setfield(L, -2, field.name)), ...); },
      script_fields<Question>::all);
}

template <class Question>
void read_changes(lua_State* L, int table, Question& out);

/// Reads one field of the table, when it is set. Leaves it on the stack, where views into it stay valid.
template <class Question, class Value>
void read_field(lua_State* L, int table, Question& out, const script_field<Question, Value>& field) {
  lua_pushstring(L, field.name);
  lua_rawget(L, table);
  if (lua_isnil(L, -1)) return;
  bool good = false;
  if constexpr (std::same_as<Value, decltype(overflow_question::groups)>) {
    luaL_checktype(L, -1, LUA_TTABLE);
    const int groups = lua_gettop(L);
    for (std::size_t i = 0; i < out.groups.size(); ++i) {
      push(L, name_of(static_cast<event_group>(i)));
      lua_rawget(L, groups);
      if (lua_istable(L, -1)) read_changes(L, lua_gettop(L), out.groups[i]);
      lua_settop(L, groups);
    }
    good = true;
  } else if constexpr (std::same_as<Value, std::uint64_t>) {
    good = field.id ? take_id(L, -1, out.*field.member) : take(L, -1, out.*field.member);
  } else {
    good = take(L, -1, out.*field.member);
  }
  if (!good) luaL_error(L, "standard: the field %s is of the wrong kind or out of range", field.name);
}

/// Takes over the fields that the table sets itself. May raise.
template <class Question>
void read_changes(lua_State* L, int table, Question& out) {
  static_assert(std::is_trivially_destructible_v<Question>, "an error in Lua skips destructors");
  luaL_checkstack(L, 24, nullptr);
  std::apply([&](const auto&... field) { (read_field(L, table, out, field), ...); },
             script_fields<Question>::all);
}

}  // namespace evergate::decide::script_value
