#include "controllers/script_library.h"

#include <algorithm>
#include <array>
#include <lua.hpp>
#include <utility>

#include "controllers/script_machine.h"
#include "controllers/script_pattern.h"

namespace evergate::decide {
namespace {

using entry = std::pair<const char*, lua_CFunction>;

constexpr std::uint32_t logged_a_second_max = 100;
constexpr std::size_t logged_bytes_max = 4'096;

// --- base -----------------------------------------------------------------------------------------------

int protected_call(lua_State* L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, 1);
  lua_insert(L, 1);
  const int status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
  script_machine::of(L).pass_on(status);
  if (status == LUA_OK) return lua_gettop(L);
  lua_pushboolean(L, 0);
  lua_insert(L, -2);
  return 2;
}

/// The handler is called after the error has unwound: Lua's own would call it where no limit is looked at.
int protected_call_handled(lua_State* L) {
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2);
  const int status = lua_pcall(L, lua_gettop(L) - 4, LUA_MULTRET, 0);
  script_machine::of(L).pass_on(status);
  if (status == LUA_OK) return lua_gettop(L) - 2;
  lua_pushvalue(L, 2);
  lua_insert(L, -2);
  lua_call(L, 1, 1);
  lua_pushboolean(L, 0);
  lua_insert(L, -2);
  return 2;
}

/// Finalizers run where no limit is looked at, so there are none.
int set_metatable(lua_State* L) {
  const int kind = lua_type(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argexpected(L, kind == LUA_TNIL || kind == LUA_TTABLE, 2, "nil or table");
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
    return luaL_error(L, "cannot change a protected metatable");
  lua_settop(L, 2);
  if (kind == LUA_TTABLE) {
    lua_pushliteral(L, "__gc");
    if (lua_rawget(L, 2) != LUA_TNIL) return luaL_error(L, "a script has no finalizers (__gc)");
    lua_pop(L, 1);
  }
  lua_setmetatable(L, 1);
  return 1;
}

/// Only "count": a collection is long work for one instruction.
int collect_garbage(lua_State* L) {
  constexpr const char* const options[] = {"count", nullptr};
  luaL_checkoption(L, 1, nullptr, options);
  lua_pushnumber(L, lua_gc(L, LUA_GCCOUNT) + lua_gc(L, LUA_GCCOUNTB) / 1024.0);
  return 1;
}

// --- what is long work for one instruction ----------------------------------------------------------------

using work = std::uint64_t (*)(lua_State* L);

std::uint64_t span(lua_Integer from, lua_Integer to) noexcept {
  return to < from ? 0 : static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from) + 1;
}

/// A length that a script computes may be another one when the function itself asks for it.
lua_Integer length(lua_State* L) {
  if (!lua_istable(L, 1)) return 0;
  if (luaL_getmetafield(L, 1, "__len") != LUA_TNIL) luaL_error(L, "a table with __len is not allowed here");
  return luaL_len(L, 1);
}

std::uint64_t of_text(lua_State* L) {
  return lua_type(L, 1) == LUA_TSTRING ? lua_rawlen(L, 1) / 16 : 0;
}
std::uint64_t of_rep(lua_State* L) {
  const bool empty = lua_rawlen(L, 1) == 0 && (lua_type(L, 3) != LUA_TSTRING || lua_rawlen(L, 3) == 0);
  const auto times = luaL_optinteger(L, 2, 0);
  return times < 0 || !empty ? 0 : static_cast<std::uint64_t>(times) / 4;  // what is long asks for memory
}
std::uint64_t of_byte(lua_State* L) {
  return lua_isnoneornil(L, 3) ? 0 : of_text(L) * 4;
}
std::uint64_t of_move(lua_State* L) {
  return span(luaL_optinteger(L, 2, 1), luaL_optinteger(L, 3, 0));
}
std::uint64_t of_insert(lua_State* L) {
  return lua_gettop(L) < 3 ? 0 : span(luaL_optinteger(L, 2, 1), length(L));
}
std::uint64_t of_remove(lua_State* L) {
  return lua_gettop(L) < 2 ? 0 : span(luaL_optinteger(L, 2, 1), length(L));
}
std::uint64_t of_sort(lua_State* L) {
  return span(1, length(L)) * 16;
}
std::uint64_t of_concat(lua_State* L) {
  return span(luaL_optinteger(L, 3, 1), lua_isnoneornil(L, 4) ? length(L) : luaL_optinteger(L, 4, 0));
}
std::uint64_t of_unpack(lua_State* L) {
  return span(luaL_optinteger(L, 2, 1), lua_isnoneornil(L, 3) ? length(L) : luaL_optinteger(L, 3, 0));
}

/// Charges for the work, then does it. Wrapped functions have no upvalues.
template <work Estimate>
int charged(lua_State* L) {
  script_machine::of(L).charge(Estimate(L));
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/// Puts it around the function of that name in the table at the top.
template <work Estimate>
void charge(lua_State* L, const char* name) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, &charged<Estimate>, 1);
  lua_setfield(L, -2, name);
}

void restrict_string(lua_State* L) {
  lua_pushnil(L);
  lua_setfield(L, -2, "dump");
  charge<of_rep>(L, "rep");
  charge<of_byte>(L, "byte");
  set_pattern_functions(L);
}

void restrict_table(lua_State* L) {
  charge<of_move>(L, "move");
  charge<of_insert>(L, "insert");
  charge<of_remove>(L, "remove");
  charge<of_sort>(L, "sort");
  charge<of_concat>(L, "concat");
  charge<of_unpack>(L, "unpack");
}

void restrict_utf8(lua_State* L) {
  charge<of_text>(L, "len");
  charge<of_text>(L, "offset");
  charge<of_text>(L, "codepoint");
}

void restrict_base(lua_State* L) {
  for (const char* const name : {"dofile", "load", "loadfile", "print", "warn", "require"}) {
    lua_pushnil(L);
    lua_setfield(L, -2, name);
  }
  constexpr entry own[] = {{"pcall", &protected_call},
                           {"xpcall", &protected_call_handled},
                           {"setmetatable", &set_metatable},
                           {"collectgarbage", &collect_garbage}};
  for (const auto& [name, function] : own) {
    lua_pushcfunction(L, function);
    lua_setfield(L, -2, name);
  }
}

// --- questions ------------------------------------------------------------------------------------------

/// The call in progress whose question the table at index 1 is, or null.
script_frame* frame_of(lua_State* L) noexcept {
  const void* const table = lua_topointer(L, 1);
  auto* one = script_machine::of(L).frame();
  while (one != nullptr && one->table != table) one = one->outer;
  return one;
}

/// Fields are made when they are asked for; a long text only once.
int question_index(lua_State* L) {
  constexpr std::size_t long_text = 40;
  const auto* const frame = frame_of(L);
  if (frame == nullptr || lua_type(L, 2) != LUA_TSTRING) return 0;
  std::size_t size = 0;
  const char* const key = lua_tolstring(L, 2, &size);
  if (!frame->push_field(L, *frame, {key, size})) return 0;
  if (lua_type(L, -1) == LUA_TSTRING && lua_rawlen(L, -1) > long_text) {
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
  }
  return 1;
}

int next_field(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  return lua_next(L, 1) != 0 ? 2 : 0;
}

/// A copy with every field, so that the walk sees all of them.
int question_pairs(lua_State* L) {
  lua_pushcfunction(L, &next_field);
  lua_createtable(L, 0, 8);
  if (const auto* const frame = frame_of(L)) frame->fill(L, *frame);
  lua_pushnil(L);
  while (lua_next(L, 1) != 0) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
  lua_pushnil(L);
  return 3;
}

void make_question_kind(lua_State* L) {
  lua_createtable(L, 0, 3);
  lua_pushcfunction(L, &question_index);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, &question_pairs);
  lua_setfield(L, -2, "__pairs");
  lua_pushliteral(L, "question");
  lua_setfield(L, -2, "__metatable");
  script_machine::of(L).set_question_kind(luaL_ref(L, LUA_REGISTRYINDEX));
}

// --- log ------------------------------------------------------------------------------------------------

void write_log(base::logger* to, base::log_level level, std::string_view text) noexcept {
  try {
    if (to != nullptr) to->write(level, "script.log", {{"text", text}});
  } catch (...) {  // a line that is not written changes no answer
  }
}

}  // namespace

bool script_library::may_log() noexcept {
  const auto now = std::chrono::steady_clock::now();
  if (now - logged_since_ > std::chrono::seconds(1)) {
    logged_since_ = now;
    logged_ = 0;
  }
  return ++logged_ <= logged_a_second_max;
}

/// log(level, text)
int script_library::log(lua_State* L) {
  constexpr const char* const names[] = {"debug", "info", "warn", "error", nullptr};
  constexpr base::log_level levels[] = {base::log_level::debug, base::log_level::info, base::log_level::warn,
                                        base::log_level::error};
  const int level = luaL_checkoption(L, 1, nullptr, names);
  std::size_t size = 0;
  const char* const text = luaL_checklstring(L, 2, &size);
  auto& here = *static_cast<script_library*>(lua_touserdata(L, lua_upvalueindex(1)));
  if (here.may_log())
    write_log(script_machine::of(L).log(), levels[level], {text, std::min(size, logged_bytes_max)});
  return 0;
}

/// The script's own globals are a table of their own, in front of these.
void script_library::open(lua_State* L) {
  make_question_kind(L);
  luaL_requiref(L, LUA_GNAME, &luaopen_base, 1);
  restrict_base(L);
  lua_pop(L, 1);
  constexpr struct {
    const char* name;
    lua_CFunction open;
    void (*restrict)(lua_State*);
  } libraries[] = {{LUA_STRLIBNAME, &luaopen_string, &restrict_string},
                   {LUA_TABLIBNAME, &luaopen_table, &restrict_table},
                   {LUA_MATHLIBNAME, &luaopen_math, [](lua_State*) {}},
                   {LUA_UTF8LIBNAME, &luaopen_utf8, &restrict_utf8}};
  for (const auto& one : libraries) {
    luaL_requiref(L, one.name, one.open, 1);
    one.restrict(L);
    lua_pop(L, 1);
  }
  lua_createtable(L, 0, 2);
  lua_pushlightuserdata(L, this);
  lua_pushcclosure(L, &script_library::log, 1);
  lua_setfield(L, -2, "log");
  json_.push(L);
  lua_setfield(L, -2, "json");
  lua_setglobal(L, "evergate");

  lua_createtable(L, 0, 16);  // the script's globals
  lua_createtable(L, 0, 2);
  lua_pushglobaltable(L);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "globals");
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_pushglobaltable(L);
  lua_insert(L, -2);
  lua_setfield(L, -2, LUA_GNAME);
  lua_pop(L, 1);
  lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}

}  // namespace evergate::decide
