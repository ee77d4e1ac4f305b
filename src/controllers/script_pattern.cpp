#include "controllers/script_pattern.h"

#include <algorithm>
#include <cstring>
#include <lua.hpp>
#include <string_view>
#include <utility>

#include "controllers/pattern_matcher.h"
#include "controllers/script_machine.h"

namespace evergate::decide {
namespace {

std::string_view text_at(lua_State* L, int at) {
  std::size_t size = 0;
  const char* const text = luaL_checklstring(L, at, &size);
  return {text, size};
}

bool anchored(std::string_view& pattern) noexcept {
  if (!pattern.starts_with('^')) return false;
  pattern.remove_prefix(1);
  return true;
}

/// Offset of a position that counts from 1, or from the end when negative; size + 1 when it is past the end.
std::size_t offset_at(lua_State* L, int at, std::size_t size) {
  const lua_Integer given = luaL_optinteger(L, at, 1);
  if (given > 0) return std::min<std::size_t>(static_cast<std::size_t>(given) - 1, size + 1);
  if (given == 0 || given < -static_cast<lua_Integer>(size)) return 0;
  return size - static_cast<std::size_t>(-given);
}

int find_plain(lua_State* L, std::string_view subject, std::string_view wanted, std::size_t from) {
  script_machine::of(L).charge((subject.size() - from) / 16);
  const void* const found =
      ::memmem(subject.data() + from, subject.size() - from, wanted.data(), wanted.size());
  if (found == nullptr) {
    lua_pushnil(L);
    return 1;
  }
  const auto at = static_cast<const char*>(found) - subject.data();
  lua_pushinteger(L, at + 1);
  lua_pushinteger(L, at + static_cast<lua_Integer>(wanted.size()));
  return 2;
}

int look_for(lua_State* L, bool places) {
  const auto subject = text_at(L, 1);
  auto pattern = text_at(L, 2);
  const auto from = offset_at(L, 3, subject.size());
  if (from > subject.size()) {
    lua_pushnil(L);
    return 1;
  }
  if (places && (lua_toboolean(L, 4) != 0 || pattern.find_first_of("^$*+?.([%-") == std::string_view::npos)) {
    return find_plain(L, subject, pattern, from);
  }
  const bool here_only = anchored(pattern);
  pattern_matcher matcher(L, subject, pattern);
  const char* const end = subject.data() + subject.size();
  const char* s = subject.data() + from;
  do {
    const char* const to = matcher.match(s);
    if (to == nullptr) continue;
    matcher.settle();
    if (!places) return matcher.push_captures(s, to);
    lua_pushinteger(L, s - subject.data() + 1);
    lua_pushinteger(L, to - subject.data());
    return matcher.push_captures(nullptr, nullptr) + 2;
  } while (!here_only && s++ < end);
  matcher.settle();
  lua_pushnil(L);
  return 1;
}

int find(lua_State* L) {
  return look_for(L, true);
}

int match(lua_State* L) {
  return look_for(L, false);
}

/// Upvalues: subject, pattern, offset to go on from, end of the last match or -1.
int next_match(lua_State* L) {
  const auto subject = text_at(L, lua_upvalueindex(1));
  const auto pattern = text_at(L, lua_upvalueindex(2));
  pattern_matcher matcher(L, subject, pattern);
  const char* const end = subject.data() + subject.size();
  const auto last = lua_tointeger(L, lua_upvalueindex(4));
  for (const char* s = subject.data() + lua_tointeger(L, lua_upvalueindex(3)); s <= end; ++s) {
    const char* const to = matcher.match(s);
    if (to == nullptr || to - subject.data() == last) continue;
    matcher.settle();
    lua_pushinteger(L, to - subject.data());
    lua_copy(L, -1, lua_upvalueindex(3));
    lua_replace(L, lua_upvalueindex(4));
    return matcher.push_captures(s, to);
  }
  matcher.settle();
  return 0;
}

int gmatch(lua_State* L) {
  const auto subject = text_at(L, 1);
  text_at(L, 2);
  const auto from = offset_at(L, 3, subject.size());
  lua_settop(L, 2);
  lua_pushinteger(L, static_cast<lua_Integer>(from));
  lua_pushinteger(L, -1);
  lua_pushcclosure(L, &next_match, 4);
  return 1;
}

/// The replacement text at index 3, with its %0 to %9.
void add_text(lua_State* L, luaL_Buffer& to, const pattern_matcher& matcher, const char* s, const char* e) {
  const auto with = text_at(L, 3);
  for (std::size_t i = 0; i < with.size(); ++i) {
    if (with[i] != '%') {
      luaL_addchar(&to, with[i]);
      continue;
    }
    const char which = ++i < with.size() ? with[i] : '\0';
    if (which == '%') {
      luaL_addchar(&to, '%');
    } else if (which == '0') {
      luaL_addlstring(&to, s, static_cast<std::size_t>(e - s));
    } else if (which >= '1' && which <= '9') {
      matcher.push_capture(which - '1', s, e);
      luaL_tolstring(L, -1, nullptr);
      lua_remove(L, -2);
      luaL_addvalue(&to);
    } else {
      luaL_error(L, "invalid use of '%%' in replacement string");
    }
  }
}

void add_replacement(lua_State* L, luaL_Buffer& to, const pattern_matcher& matcher, const char* s,
                     const char* e) {
  const int kind = lua_type(L, 3);
  if (kind == LUA_TFUNCTION) {
    lua_pushvalue(L, 3);
    lua_call(L, matcher.push_captures(s, e), 1);
  } else if (kind == LUA_TTABLE) {
    matcher.push_capture(0, s, e);
    lua_gettable(L, 3);
  } else {
    return add_text(L, to, matcher, s, e);
  }
  if (lua_toboolean(L, -1) == 0) {
    lua_pop(L, 1);
    luaL_addlstring(&to, s, static_cast<std::size_t>(e - s));
  } else if (lua_isstring(L, -1) == 0) {
    luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  } else {
    luaL_addvalue(&to);
  }
}

int gsub(lua_State* L) {
  const auto subject = text_at(L, 1);
  auto pattern = text_at(L, 2);
  const int kind = lua_type(L, 3);
  luaL_argexpected(L,
                   kind == LUA_TNUMBER || kind == LUA_TSTRING || kind == LUA_TFUNCTION || kind == LUA_TTABLE,
                   3, "string/function/table");
  if (kind == LUA_TNUMBER) lua_tolstring(L, 3, nullptr);
  const auto most = luaL_optinteger(L, 4, static_cast<lua_Integer>(subject.size()) + 1);
  const bool once = anchored(pattern);
  pattern_matcher matcher(L, subject, pattern);
  const char* const end = subject.data() + subject.size();
  const char* s = subject.data();
  const char* last = nullptr;
  lua_Integer times = 0;
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  while (times < most) {
    const char* const to = matcher.match(s);
    if (to != nullptr && to != last) {
      ++times;
      matcher.settle();
      add_replacement(L, out, matcher, s, to);
      s = last = to;
    } else if (s < end) {
      luaL_addchar(&out, *s++);
    } else {
      break;
    }
    if (once) break;
  }
  matcher.settle();
  luaL_addlstring(&out, s, static_cast<std::size_t>(end - s));
  luaL_pushresult(&out);
  lua_pushinteger(L, times);
  return 2;
}

}  // namespace

void set_pattern_functions(lua_State* L) {
  constexpr std::pair<const char*, lua_CFunction> functions[] = {
      {"find", &find}, {"match", &match}, {"gmatch", &gmatch}, {"gsub", &gsub}};
  for (const auto& [name, function] : functions) {
    lua_pushcfunction(L, function);
    lua_setfield(L, -2, name);
  }
}

}  // namespace evergate::decide
