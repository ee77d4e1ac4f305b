#include "controllers/script_worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <lua.hpp>

#include "controllers/errc.h"

namespace evergate::decide {

base::result<void> script_worker::become(const std::shared_ptr<const script_source>& source) {
  if (busy()) return base::fail(errc::script_failed, "the script failed inside its own call");
  if (failed_ && source_ == source) return std::unexpected(*failed_);
  source_ = source;
  failed_.reset();
  overrides_ = {};
  machine_.reset();  // before what its functions use
  library_ = std::make_unique<script_library>();
  machine_ = std::make_unique<script_machine>(limits_, log_);
  if (machine_->run(&script_worker::set_up, this, 0)) return {};
  auto why = machine_->problem();
  overrides_ = {};
  if (!why.starts_with(source->name)) why = fmt::format("{}: {}", source->name, why);
  machine_.reset();
  failed_ = error{make_error_code(errc::bad_script), std::move(why)};
  return std::unexpected(*failed_);
}

script_host::names_defined script_worker::defined() const noexcept {
  script_host::names_defined out;
  for (std::size_t i = 0; i < names_.size(); ++i) out[i] = overrides_[i] != 0;
  return out;
}

/// 1: the worker.
int script_worker::set_up(lua_State* L) {
  auto& here = *static_cast<script_worker*>(lua_touserdata(L, 1));
  const auto& source = *here.source_;
  here.library_->open(L);
  char chunk[120];
  std::snprintf(chunk, sizeof chunk, "@%s", source.name.c_str());
  if (luaL_loadbufferx(L, source.text.data(), source.text.size(), chunk, "t") != LUA_OK) return lua_error(L);
  lua_call(L, 0, 0);
  here.take_overrides(L);
  return 0;
}

void script_worker::take_overrides(lua_State* L) {
  lua_settop(L, 0);
  lua_pushglobaltable(L);
  lua_pushnil(L);
  while (lua_next(L, 1) != 0) {  // stack: globals, name, value
    if (lua_type(L, 2) == LUA_TSTRING) take_global(L);
    lua_settop(L, 2);
  }
}

/// The global whose name and value are at 2 and 3.
void script_worker::take_global(lua_State* L) {
  std::size_t size = 0;
  const char* const text = lua_tolstring(L, 2, &size);
  const auto found = std::ranges::find(names_, std::string_view(text, size));
  const bool function = lua_isfunction(L, 3);
  if (found != names_.end()) {
    if (!function) luaL_error(L, "%s is a controller's name, so it must be a function", text);
    lua_pushvalue(L, 3);
    overrides_[static_cast<std::size_t>(found - names_.begin())] = luaL_ref(L, LUA_REGISTRYINDEX);
    return;
  }
  if (!function) return;
  lua_Debug where{};
  lua_pushvalue(L, 3);
  lua_getinfo(L, ">S", &where);
  luaL_Buffer list;
  luaL_buffinit(L, &list);
  for (const auto name : names_) {
    luaL_addlstring(&list, name.data(), name.size());
    if (name.data() != names_.back().data()) luaL_addstring(&list, ", ");
  }
  luaL_pushresult(&list);
  luaL_error(L, "%s:%d: the global function %s is no controller: make it local, or name it as one of %s",
             where.short_src, where.linedefined, text, lua_tostring(L, -1));
}

}  // namespace evergate::decide
