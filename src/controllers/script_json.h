// evergate.json for scripts: decode(text), encode(value), null, array(table). What is read into is of the
// state and so within its limits; the parser's own memory counts towards them. One machine's, on its thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct lua_State;

namespace simdjson::dom {
class parser;
class element;
}  // namespace simdjson::dom

namespace evergate::decide {

class script_machine;

class script_json {
 public:
  script_json();
  ~script_json();

  /// Pushes the table of functions; they use this object. May raise.
  void push(lua_State* L);

 private:
  static int decode(lua_State* L);
  static int encode(lua_State* L);
  static int mark_array(lua_State* L);

  void read(lua_State* L, std::string_view text);
  void push_element(lua_State* L, const void* element, int depth) const;
  void append(lua_State* L, int at, int depth);
  void append_table(lua_State* L, int at, int depth);
  void append_number(lua_State* L, int at);
  void append_string(lua_State* L, std::string_view text);
  void add(lua_State* L, std::string_view text);
  [[nodiscard]] const char* parse(std::string_view text, void* element) noexcept;
  void give_back(script_machine& machine) noexcept;

  std::unique_ptr<simdjson::dom::parser> parser_;
  std::uint64_t capacity_ = 0;  ///< bytes of text that the parser has memory for
  std::uint64_t reserved_ = 0;  ///< of the machine's memory, for that
  std::string out_;
  int array_kind_ = 0;  ///< reference of the metatable of arrays
};

}  // namespace evergate::decide
