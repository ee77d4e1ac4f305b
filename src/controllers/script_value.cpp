#include "controllers/script_value.h"

#include <array>
#include <charconv>
#include <cmath>

namespace evergate::decide::script_value {
namespace {

constexpr std::array<std::string_view, 5> verdict_names{"resume", "resume_later", "resume_once", "identify",
                                                        "fatal"};
constexpr std::array<std::string_view, 3> group_names{"ephemeral", "message", "state"};
constexpr double milliseconds_most = 1e15;

template <class Name>
bool named(lua_State* L, int at, const auto& names, Name& out) noexcept {
  std::string_view text;
  if (!take(L, at, text)) return false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != text) continue;
    out = static_cast<Name>(i);
    return true;
  }
  return false;
}

/// keep or pass come first in both answers, then drop, then rewrite.
template <class Answer>
void push_fate(lua_State* L, const Answer& answer) {
  using verdict = typename Answer::verdict;
  if (answer.what == verdict::rewrite) return push(L, answer.d);
  lua_pushboolean(L, answer.what == verdict::drop ? 0 : 1);
}

template <class Answer>
bool take_fate(lua_State* L, int at, Answer& out) {
  using verdict = typename Answer::verdict;
  if (take(L, at, out.d)) {
    out.what = verdict::rewrite;
    return true;
  }
  bool kept = true;
  if (!lua_isnil(L, at) && !take(L, at, kept)) return false;
  out.what = kept ? verdict{} : verdict::drop;
  return true;
}

}  // namespace

std::string_view name_of(close_verdict verdict) noexcept {
  return verdict_names[static_cast<std::size_t>(verdict)];
}

std::string_view name_of(event_group group) noexcept {
  return group_names[static_cast<std::size_t>(group)];
}

void push(lua_State* L, std::string_view text) {
  lua_pushlstring(L, text.data(), text.size());
}

void push(lua_State* L, std::chrono::milliseconds span) {
  lua_pushinteger(L, span.count());
}

void push(lua_State* L, const decltype(overflow_question::groups)& groups) {
  lua_createtable(L, 0, static_cast<int>(groups.size()));
  for (std::size_t i = 0; i < groups.size(); ++i) {
    push(L, group_names[i]);
    lua_createtable(L, 0, 4);
    fill(L, groups[i]);
    lua_rawset(L, -3);
  }
}

void push(lua_State* L, const event_answer& answer) {
  push_fate(L, answer);
}

void push(lua_State* L, const command_answer& answer) {
  push_fate(L, answer);
}

void push_id(lua_State* L, std::uint64_t id) {
  if (id == 0) return lua_pushnil(L);
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.begin(), digits.end(), id).ptr;
  lua_pushlstring(L, digits.data(), static_cast<std::size_t>(end - digits.data()));
}

bool take(lua_State* L, int at, std::string_view& out) noexcept {
  if (lua_type(L, at) != LUA_TSTRING) return false;
  std::size_t size = 0;
  const char* const text = lua_tolstring(L, at, &size);
  out = {text, size};
  return true;
}

bool take(lua_State* L, int at, std::chrono::milliseconds& out) noexcept {
  if (lua_type(L, at) != LUA_TNUMBER) return false;
  const double given = lua_tonumber(L, at);
  if (!std::isfinite(given) || std::abs(given) > milliseconds_most) return false;
  out = std::chrono::milliseconds(static_cast<std::int64_t>(given));
  return true;
}

bool take(lua_State* L, int at, close_verdict& out) noexcept {
  return named(L, at, verdict_names, out);
}

bool take(lua_State* L, int at, event_group& out) noexcept {
  return named(L, at, group_names, out);
}

bool take(lua_State* L, int at, bool& out) noexcept {
  if (lua_type(L, at) != LUA_TBOOLEAN) return false;
  out = lua_toboolean(L, at) != 0;
  return true;
}

bool take_id(lua_State* L, int at, std::uint64_t& out) noexcept {
  std::string_view text;
  if (!take(L, at, text)) return take(L, at, out);
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failed == std::errc{} && end == text.data() + text.size();
}

bool take(lua_State* L, int at, std::string& out) {
  std::string_view text;
  if (!take(L, at, text)) return false;
  out = text;
  return true;
}

bool take(lua_State* L, int at, event_answer& out) {
  return take_fate(L, at, out);
}

bool take(lua_State* L, int at, command_answer& out) {
  return take_fate(L, at, out);
}

}  // namespace evergate::decide::script_value
