// A slot's door to the script: puts a question into Lua and reads the answer.
#pragma once

#include <fmt/format.h>
#include <exception>
#include <optional>
#include <string_view>

#include "controllers/script_door.h"
#include "controllers/script_value.h"
#include "controllers/script_worker.h"

namespace evergate::decide {

template <class Question, class Answer>
class script_seat final : public script_door<Question, Answer> {
 public:
  using standard = standard_answer<Question, Answer>;

  script_seat(script_host& host, std::size_t number) noexcept : host_(host), number_(number) {}

  [[nodiscard]] Answer ask(std::string_view, const Question& asked, const standard& plain) override {
    auto& worker = host_.mine();
    call one{};
    one.function = worker.override_of(number_);
    if (one.function == 0) return plain(asked);  // a reload is just taking it away
    one.asked = &asked;
    one.push_field = &push_field;
    one.fill = &fill;
    one.ask_standard = &ask_standard;
    one.plain = &plain;
    auto& machine = worker.machine();
    const bool done = machine.ask(one);
    if (!done && one.thrown) std::rethrow_exception(one.thrown);
    if (!done) throw script_failure(machine.problem(), machine.past_limit());
    return answer_of(machine.state());
  }

 private:
  /// Above every frame that an error in Lua skips, so that what needs a destructor is kept here.
  struct call : script_frame {
    const standard* plain = nullptr;
    std::optional<Answer> said;
    std::exception_ptr thrown;
  };

  /// Takes the value at the top of the stack off it, whatever happens.
  static Answer answer_of(lua_State* L) {
    struct popper {
      lua_State* L;
      ~popper() { lua_pop(L, 1); }
    } const popped{L};
    Answer out{};
    if (script_value::take(L, -1, out)) return out;
    const auto* const kind = lua_typename(L, lua_type(L, -1));
    throw script_failure(fmt::format("answered {}, allowed {}", kind, script_value::allowed<Answer>()));
  }

  static bool push_field(lua_State* L, const script_frame& frame, std::string_view key) {
    return script_value::push_named(L, *static_cast<const Question*>(frame.asked), key);
  }

  static void fill(lua_State* L, const script_frame& frame) {
    script_value::fill(L, *static_cast<const Question*>(frame.asked));
  }

  static void ask_standard(lua_State* L, script_frame& frame) {
    auto& one = static_cast<call&>(frame);
    Question other = *static_cast<const Question*>(frame.asked);
    if (lua_istable(L, 1)) script_value::read_changes(L, 1, other);
    if (!answer_into(one, other)) luaL_error(L, "the standard answer failed");
    script_value::push(L, *one.said);
  }

  /// No exception leaves it.
  static bool answer_into(call& one, const Question& other) noexcept {
    try {
      one.said = (*one.plain)(other);
      return true;
    } catch (...) {
      one.thrown = std::current_exception();
      return false;
    }
  }

  script_host& host_;
  const std::size_t number_;
};

}  // namespace evergate::decide
