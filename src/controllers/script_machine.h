// One thread's Lua machine: a state with its limits, and protected calls into it. What runs past a limit
// cannot be caught by the script: every further instruction raises again until the call has ended. Lua raises
// by longjmp: a function that can raise (it says so) is called only below run(), and no frame between holds
// anything with a destructor; no C++ exception leaves a function that Lua calls. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"

struct lua_State;
struct lua_Debug;

namespace evergate::decide {

struct script_limits {
  std::uint64_t instructions_max = 1'000'000;                                 ///< of one call
  std::uint64_t memory_max = std::uint64_t{16} << 20;                         ///< bytes of the state
  std::uint64_t allocations_max = std::numeric_limits<std::uint64_t>::max();  ///< of the state; for tests
};

/// What a call in progress offers the script: its question, and the standard answer. Made by whoever asks.
struct script_frame {
  int function = 0;  ///< reference of the override
  const void* asked = nullptr;
  /// Pushes the field `key` of what is asked, or nothing and returns false. May raise.
  bool (*push_field)(lua_State*, const script_frame&, std::string_view key) = nullptr;
  /// Sets every field in the table at the top. May raise.
  void (*fill)(lua_State*, const script_frame&) = nullptr;
  /// The table at index 1 has changed fields or is nil; pushes the answer. May raise.
  void (*ask_standard)(lua_State*, script_frame&) = nullptr;
  // Of the machine:
  const void* table = nullptr;  ///< identity of the question in Lua
  script_frame* outer = nullptr;
};

class script_machine {
 public:
  enum class limit : std::uint8_t { none, instructions, memory, time };

  /// `log` may be null and outlives the machine.
  script_machine(const script_limits& limits, base::logger* log) noexcept;
  ~script_machine();
  script_machine(const script_machine&) = delete;
  script_machine& operator=(const script_machine&) = delete;

  /// The machine that a state belongs to.
  [[nodiscard]] static script_machine& of(lua_State* L) noexcept;

  /// Calls `work` with `data` as its light userdata, protected and within the limits; `work` may raise. True,
  /// and its `results` are on the stack; else the stack is as before and problem() says why.
  [[nodiscard]] bool run(int (*work)(lua_State*), void* data, int results);
  /// Runs the override of `frame`; its answer is on the stack then.
  [[nodiscard]] bool ask(script_frame& frame);

  [[nodiscard]] lua_State* state() const noexcept { return state_; }
  /// In words, with the place in the script when it is known.
  [[nodiscard]] std::string problem() const;
  /// What problem() says is one of the limits.
  [[nodiscard]] bool past_limit() const noexcept { return stopped_ != limit::none; }
  /// Memory ran out: what the script keeps may be half done, so the machine is not used again.
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  /// A call is in progress, so that this one is inside it and shares its limits.
  [[nodiscard]] bool busy() const noexcept { return depth_ != 0; }
  [[nodiscard]] std::uint64_t memory_left() const noexcept;
  [[nodiscard]] const script_limits& limits() const noexcept { return limits_; }
  [[nodiscard]] base::logger* log() const noexcept { return log_; }
  [[nodiscard]] script_frame* frame() const noexcept { return frame_; }
  /// Reference of the metatable of questions.
  void set_question_kind(int reference) noexcept { question_kind_ = reference; }
  [[nodiscard]] int question_kind() const noexcept { return question_kind_; }

  // For functions that scripts call.
  /// Counts work that no instruction stands for. May raise.
  void charge(std::uint64_t instructions);
  [[nodiscard]] std::uint64_t instructions_left() const noexcept {
    return left_ > 0 ? static_cast<std::uint64_t>(left_) : 0;
  }
  /// After a protected call inside a script: raises again what scripts cannot catch.
  void pass_on(int status);
  /// Counts memory outside the state that stands for it. Null: there is not so much.
  [[nodiscard]] bool reserve(std::uint64_t bytes) noexcept;
  void release(std::uint64_t bytes) noexcept { used_ -= bytes; }

 private:
  static void* allocate(void* self, void* block, std::size_t before, std::size_t wanted) noexcept;
  static void on_count(lua_State* L, lua_Debug* at);
  [[noreturn]] void stop(limit which, lua_Debug* at);
  void note_place(lua_Debug* at) noexcept;
  void begin() noexcept;
  void watch(int instructions) noexcept;
  void note_failure(int status) noexcept;
  [[nodiscard]] bool out_of_time() const noexcept;

  const script_limits limits_;
  base::logger* const log_;
  lua_State* state_ = nullptr;
  std::uint64_t used_ = 0;
  std::uint64_t allocations_ = 0;
  std::int64_t left_ = std::numeric_limits<std::int64_t>::max();  ///< instructions of the call
  int step_ = 1;                                                  ///< instructions between two looks
  std::int64_t time_end_ = 0;                                     ///< processor time of the thread, ns
  int depth_ = 0;
  script_frame* frame_ = nullptr;
  int question_kind_ = 0;
  limit stopped_ = limit::none;
  bool broken_ = false;
  std::array<char, 96> place_{};     ///< "file:line" where it was stopped
  std::array<char, 400> problem_{};  ///< the script's own error; without allocating
};

}  // namespace evergate::decide
