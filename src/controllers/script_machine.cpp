#include "controllers/script_machine.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <lua.hpp>

namespace evergate::decide {
namespace {

/// Behind the count of instructions, for what few of them can make long (comparing long texts).
constexpr std::int64_t processor_time_max = 1'000'000'000;
constexpr std::int64_t steps_between_looks = 1'000;
/// Bytes asked of the allocator that count as one instruction: copying is work too.
constexpr int bytes_an_instruction = 64;

std::int64_t processor_time() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// What is raised at a limit: no allocation, no text that a script could make.
void* limit_mark() noexcept {
  static char mark = 0;
  return &mark;
}

/// standard(question?): 1: a table with the fields that differ from what is asked, or nothing.
int ask_standard(lua_State* L) {
  auto* const frame = script_machine::of(L).frame();
  if (frame == nullptr) return luaL_error(L, "standard answers during the call of a controller only");
  if (!lua_isnoneornil(L, 1)) luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  frame->ask_standard(L, *frame);
  return 1;
}

/// 1: the frame.
int call_override(lua_State* L) {
  auto& frame = *static_cast<script_frame*>(lua_touserdata(L, 1));
  lua_settop(L, 0);
  lua_rawgeti(L, LUA_REGISTRYINDEX, frame.function);
  lua_createtable(L, 0, 0);
  frame.table = lua_topointer(L, -1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, script_machine::of(L).question_kind());
  lua_setmetatable(L, -2);
  lua_pushcfunction(L, &ask_standard);
  lua_call(L, 2, 1);
  return 1;
}

}  // namespace

script_machine::script_machine(const script_limits& limits, base::logger* log) noexcept
    : limits_(limits), log_(log) {
  const auto most = static_cast<std::int64_t>(std::min<std::uint64_t>(limits.instructions_max, 1ull << 62));
  step_ = static_cast<int>(std::clamp<std::int64_t>(most / 8, 1, steps_between_looks));
  state_ = lua_newstate(&script_machine::allocate, this);
  if (state_ == nullptr) {
    broken_ = true;
    stopped_ = limit::memory;
    return;
  }
  *static_cast<script_machine**>(lua_getextraspace(state_)) = this;
}

script_machine::~script_machine() {
  if (state_ != nullptr) lua_close(state_);
}

script_machine& script_machine::of(lua_State* L) noexcept {
  return **static_cast<script_machine**>(lua_getextraspace(L));
}

void* script_machine::allocate(void* self, void* block, std::size_t before, std::size_t wanted) noexcept {
  auto& here = *static_cast<script_machine*>(self);
  const std::size_t had = block == nullptr ? 0 : before;  // without a block it tells the kind of object
  if (wanted == 0) {
    std::free(block);
    here.used_ -= had;
    return nullptr;
  }
  if (wanted > had) {
    if (here.used_ - had + wanted > here.limits_.memory_max) return nullptr;
    if (here.allocations_ >= here.limits_.allocations_max) return nullptr;
    ++here.allocations_;
    if (here.depth_ != 0) {
      here.left_ -= static_cast<std::int64_t>(wanted / bytes_an_instruction);
      if (here.left_ <= 0) here.watch(1);
    }
  }
  void* const out = std::realloc(block, wanted);
  if (out != nullptr) here.used_ += wanted - had;
  return out;
}

std::uint64_t script_machine::memory_left() const noexcept {
  return limits_.memory_max - std::min(used_, limits_.memory_max);
}

bool script_machine::reserve(std::uint64_t bytes) noexcept {
  if (bytes > memory_left()) return false;
  used_ += bytes;
  return true;
}

void script_machine::watch(int instructions) noexcept {
  lua_sethook(state_, &script_machine::on_count, LUA_MASKCOUNT, instructions);
}

void script_machine::begin() noexcept {
  left_ = static_cast<std::int64_t>(std::min<std::uint64_t>(limits_.instructions_max, 1ull << 62));
  stopped_ = limit::none;
  time_end_ = 0;
  watch(step_);
}

bool script_machine::out_of_time() const noexcept {
  return time_end_ != 0 && processor_time() > time_end_;
}

void script_machine::on_count(lua_State* L, lua_Debug* at) {
  auto& here = of(L);
  if (here.stopped_ != limit::none) here.stop(here.stopped_, nullptr);
  here.left_ -= here.step_;
  if (here.left_ <= 0) here.stop(limit::instructions, at);
  if (here.out_of_time()) here.stop(limit::time, at);
  // Few calls come this far, so that the rest need not look at a clock.
  if (here.time_end_ == 0) here.time_end_ = processor_time() + processor_time_max;
}

void script_machine::note_place(lua_Debug* at) noexcept {
  lua_Debug caller{};
  if (at == nullptr) {
    for (int level = 0; lua_getstack(state_, level, &caller) != 0; ++level) {
      lua_getinfo(state_, "Sl", &caller);
      if (caller.currentline > 0) break;
    }
    at = &caller;
  } else {
    lua_getinfo(state_, "Sl", at);
  }
  if (at->currentline > 0)
    std::snprintf(place_.data(), place_.size(), "%s:%d", at->short_src, at->currentline);
}

void script_machine::stop(limit which, lua_Debug* at) {
  if (stopped_ == limit::none) {
    stopped_ = which;
    note_place(at);
  }
  watch(1);
  lua_pushlightuserdata(state_, limit_mark());
  lua_error(state_);
  std::abort();  // not reached
}

void script_machine::charge(std::uint64_t instructions) {
  if (depth_ == 0) return;
  left_ -= static_cast<std::int64_t>(std::min<std::uint64_t>(instructions, 1ull << 62));
  if (left_ <= 0) stop(limit::instructions, nullptr);
}

void script_machine::pass_on(int status) {
  if (stopped_ != limit::none) stop(stopped_, nullptr);
  if (status == LUA_ERRMEM) stop(limit::memory, nullptr);
}

bool script_machine::run(int (*work)(lua_State*), void* data, int results) {
  place_[0] = problem_[0] = '\0';
  if (state_ == nullptr || broken_) return false;
  if (depth_ == 0) begin();
  if (lua_checkstack(state_, results + 4) == 0) {
    note_failure(LUA_ERRMEM);
    return false;
  }
  ++depth_;
  lua_pushcfunction(state_, work);
  lua_pushlightuserdata(state_, data);
  const int status = lua_pcall(state_, 1, results, 0);
  --depth_;
  // A call that has ended well after a limit has not: nothing may hide one.
  if (status == LUA_OK && stopped_ != limit::none) {
    lua_pop(state_, results);
    return false;
  }
  if (status != LUA_OK) {
    note_failure(status);
    lua_pop(state_, 1);
  }
  if (depth_ == 0) left_ = std::numeric_limits<std::int64_t>::max();
  return status == LUA_OK;
}

/// Reads the error at the top without anything that could raise.
void script_machine::note_failure(int status) noexcept {
  if (status == LUA_ERRMEM && stopped_ == limit::none) stopped_ = limit::memory;
  if (stopped_ == limit::memory) broken_ = true;
  if (stopped_ != limit::none) return;
  const char* text = "an error that is no text";
  if (lua_type(state_, -1) == LUA_TSTRING) text = lua_tolstring(state_, -1, nullptr);
  std::snprintf(problem_.data(), problem_.size(), "%s", text);
}

bool script_machine::ask(script_frame& frame) {
  frame.outer = frame_;
  frame_ = &frame;
  const bool done = run(&call_override, &frame, 1);
  frame_ = frame.outer;
  return done;
}

std::string script_machine::problem() const {
  const auto at = place_[0] != '\0' ? fmt::format(" at {}", place_.data()) : std::string();
  switch (stopped_) {
    case limit::none:
      return problem_.data();
    case limit::instructions:
      return fmt::format("ran past controllers.instructions_max = {}{}", limits_.instructions_max, at);
    case limit::memory:
      return fmt::format("ran past controllers.memory_max = {}{}", limits_.memory_max, at);
    case limit::time:
      return fmt::format("took more than {} s of processor time{}", processor_time_max / 1'000'000'000, at);
  }
  return {};
}

}  // namespace evergate::decide
