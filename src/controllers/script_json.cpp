#include "controllers/script_json.h"

#include <simdjson.h>

#include <array>
#include <charconv>
#include <cmath>
#include <lua.hpp>
#include <type_traits>

#include "controllers/lone_surrogates.h"
#include "controllers/script_machine.h"

namespace evergate::decide {
namespace {

constexpr int depth_max = 64;
/// What simdjson needs for a text: 8 bytes of tape and 5/3 of strings a byte, two copies, some room.
constexpr std::uint64_t parser_bytes_a_byte = 13;
constexpr std::uint64_t parser_bytes_least = 1'024;
constexpr std::uint64_t kept_max = 64 << 10;  ///< memory that is not given back after each use
constexpr std::uint64_t bytes_an_instruction = 16;

static_assert(std::is_trivially_destructible_v<simdjson::dom::element>, "an error in Lua skips destructors");

script_json& self(lua_State* L) noexcept {
  return *static_cast<script_json*>(lua_touserdata(L, lua_upvalueindex(1)));
}

bool try_append(std::string& to, std::string_view text) noexcept {
  try {
    to.append(text);
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace

script_json::script_json() : parser_(std::make_unique<simdjson::dom::parser>()) {}

script_json::~script_json() = default;

void script_json::push(lua_State* L) {
  lua_createtable(L, 0, 4);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "array");
  lua_setfield(L, -2, "__metatable");
  array_kind_ = luaL_ref(L, LUA_REGISTRYINDEX);
  constexpr std::pair<const char*, lua_CFunction> functions[] = {{"decode", &script_json::decode},
                                                                 {"encode", &script_json::encode},
                                                                 {"array", &script_json::mark_array}};
  for (const auto& [name, function] : functions) {
    lua_pushlightuserdata(L, this);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
  }
  lua_pushlightuserdata(L, nullptr);
  lua_setfield(L, -2, "null");
}

int script_json::mark_array(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, self(L).array_kind_);
  lua_setmetatable(L, 1);
  return 1;
}

// --- decode ---------------------------------------------------------------------------------------------

void script_json::give_back(script_machine& machine) noexcept {
  machine.release(reserved_);
  reserved_ = capacity_ = 0;
  *parser_ = simdjson::dom::parser();
}

/// Null, or what is wrong.
const char* script_json::parse(std::string_view text, void* element) noexcept {
  try {
    auto parsed = parser_->parse(text.data(), text.size(), true);
    if (parsed.error() == simdjson::STRING_ERROR) parsed = parser_->parse(without_lone_surrogates(text));
    if (parsed.error() != simdjson::SUCCESS) return simdjson::error_message(parsed.error());
    *static_cast<simdjson::dom::element*>(element) = parsed.value_unsafe();
    return nullptr;
  } catch (...) {
    return "no memory";
  }
}

int script_json::decode(lua_State* L) {
  auto& here = self(L);
  std::size_t size = 0;
  const char* const text = luaL_checklstring(L, 1, &size);
  here.read(L, {text, size});
  return 1;
}

void script_json::read(lua_State* L, std::string_view text) {
  auto& machine = script_machine::of(L);
  machine.charge(text.size() / bytes_an_instruction);
  if (text.size() > capacity_) {
    give_back(machine);
    const auto wanted = parser_bytes_least + text.size() * parser_bytes_a_byte;
    if (!machine.reserve(wanted)) {
      luaL_error(L, "json: %d bytes are too many to decode within controllers.memory_max",
                 static_cast<int>(text.size()));
    }
    reserved_ = wanted;
    capacity_ = text.size();
  }
  simdjson::dom::element root;
  if (const char* const problem = parse(text, &root)) luaL_error(L, "json: %s", problem);
  push_element(L, &root, 0);
  if (reserved_ > kept_max) give_back(machine);
}

void script_json::push_element(lua_State* L, const void* element, int depth) const {
  using simdjson::dom::element_type;
  if (depth > depth_max) luaL_error(L, "json: more than %d levels", depth_max);
  luaL_checkstack(L, 6, "json");
  const auto& one = *static_cast<const simdjson::dom::element*>(element);
  switch (one.type()) {
    case element_type::OBJECT: {
      const auto members = one.get_object().value_unsafe();
      lua_createtable(L, 0, static_cast<int>(members.size()));
      for (const auto member : members) {
        lua_pushlstring(L, member.key.data(), member.key.size());
        push_element(L, &member.value, depth + 1);
        lua_rawset(L, -3);
      }
      return;
    }
    case element_type::ARRAY: {
      const auto elements = one.get_array().value_unsafe();
      lua_createtable(L, static_cast<int>(elements.size()), 0);
      lua_Integer index = 0;
      for (const auto inner : elements) {
        push_element(L, &inner, depth + 1);
        lua_rawseti(L, -2, ++index);
      }
      lua_rawgeti(L, LUA_REGISTRYINDEX, array_kind_);
      lua_setmetatable(L, -2);
      return;
    }
    case element_type::STRING: {
      const auto text = one.get_string().value_unsafe();
      lua_pushlstring(L, text.data(), text.size());
      return;
    }
    case element_type::INT64:
      return lua_pushinteger(L, one.get_int64().value_unsafe());
    case element_type::UINT64:
      return lua_pushnumber(L, static_cast<lua_Number>(one.get_uint64().value_unsafe()));
    case element_type::DOUBLE:
      return lua_pushnumber(L, one.get_double().value_unsafe());
    case element_type::BOOL:
      return lua_pushboolean(L, one.get_bool().value_unsafe() ? 1 : 0);
    case element_type::NULL_VALUE:
      return lua_pushlightuserdata(L, nullptr);
  }
}

// --- encode ---------------------------------------------------------------------------------------------

int script_json::encode(lua_State* L) {
  auto& here = self(L);
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  here.out_.clear();
  here.append(L, 1, 0);
  lua_pushlstring(L, here.out_.data(), here.out_.size());
  if (here.out_.capacity() > kept_max) here.out_ = std::string();
  return 1;
}

void script_json::add(lua_State* L, std::string_view text) {
  auto& machine = script_machine::of(L);
  machine.charge(1 + text.size() / bytes_an_instruction);
  if (out_.size() + text.size() > machine.memory_left() || !try_append(out_, text)) {
    out_.clear();
    luaL_error(L, "json: too long to encode within controllers.memory_max");
  }
}

void script_json::append(lua_State* L, int at, int depth) {
  if (depth > depth_max) luaL_error(L, "json: more than %d levels", depth_max);
  luaL_checkstack(L, 6, "json");
  std::size_t size = 0;
  switch (lua_type(L, at)) {
    case LUA_TNIL:
      return add(L, "null");
    case LUA_TBOOLEAN:
      return add(L, lua_toboolean(L, at) != 0 ? "true" : "false");
    case LUA_TNUMBER:
      return append_number(L, at);
    case LUA_TSTRING: {
      const char* const text = lua_tolstring(L, at, &size);
      return append_string(L, {text, size});
    }
    case LUA_TTABLE:
      return append_table(L, at, depth);
    case LUA_TLIGHTUSERDATA:
      if (lua_touserdata(L, at) == nullptr) return add(L, "null");
      break;
    default:
      break;
  }
  luaL_error(L, "json: a %s cannot be encoded", luaL_typename(L, at));
}

void script_json::append_number(lua_State* L, int at) {
  std::array<char, 40> digits{};
  if (lua_isinteger(L, at) != 0) {
    const auto end = std::to_chars(digits.begin(), digits.end(), lua_tointeger(L, at)).ptr;
    return add(L, {digits.data(), static_cast<std::size_t>(end - digits.data())});
  }
  const double value = lua_tonumber(L, at);
  if (!std::isfinite(value)) luaL_error(L, "json: a number that is not finite cannot be encoded");
  const auto end = std::to_chars(digits.begin(), digits.end(), value).ptr;
  add(L, {digits.data(), static_cast<std::size_t>(end - digits.data())});
}

void script_json::append_string(lua_State* L, std::string_view text) {
  add(L, "\"");
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    add(L, text.substr(plain, i - plain));
    constexpr char hex[] = "0123456789abcdef";
    const char escaped[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    const char pair[] = {'\\', static_cast<char>(c)};
    add(L, c < 0x20 ? std::string_view(escaped, 6) : std::string_view(pair, 2));
    plain = i + 1;
  }
  add(L, text.substr(plain));
  add(L, "\"");
}

/// A table with elements, or one marked as an array, is an array; any other an object.
void script_json::append_table(lua_State* L, int at, int depth) {
  bool array = lua_rawlen(L, at) > 0;
  if (lua_getmetatable(L, at) != 0) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, array_kind_);
    array = array || lua_rawequal(L, -1, -2) != 0;
    lua_pop(L, 2);
  }
  add(L, array ? "[" : "{");
  if (array) {
    const auto size = static_cast<lua_Integer>(lua_rawlen(L, at));
    for (lua_Integer i = 1; i <= size; ++i) {
      if (i > 1) add(L, ",");
      lua_rawgeti(L, at, i);
      append(L, lua_gettop(L), depth + 1);
      lua_pop(L, 1);
    }
    return add(L, "]");
  }
  bool first = true;
  lua_pushnil(L);
  while (lua_next(L, at) != 0) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "json: a member's name must be a string");
    if (!first) add(L, ",");
    first = false;
    append(L, lua_gettop(L) - 1, depth + 1);
    add(L, ":");
    append(L, lua_gettop(L), depth + 1);
    lua_pop(L, 1);
  }
  add(L, "}");
}

}  // namespace evergate::decide
