#include "controllers/pattern_matcher.h"

#include <cctype>
#include <cstring>
#include <lua.hpp>

#include "controllers/script_machine.h"

namespace evergate::decide {
namespace {

constexpr std::uint64_t steps_an_instruction = 2;
constexpr char escape = '%';

bool in_class(unsigned char c, unsigned char named) noexcept {
  const auto is = [c, named]() -> bool {
    switch (std::tolower(named)) {
      case 'a':
        return std::isalpha(c) != 0;
      case 'c':
        return std::iscntrl(c) != 0;
      case 'd':
        return std::isdigit(c) != 0;
      case 'g':
        return std::isgraph(c) != 0;
      case 'l':
        return std::islower(c) != 0;
      case 'p':
        return std::ispunct(c) != 0;
      case 's':
        return std::isspace(c) != 0;
      case 'u':
        return std::isupper(c) != 0;
      case 'w':
        return std::isalnum(c) != 0;
      default:
        return std::isxdigit(c) != 0;
    }
  };
  if (std::strchr("acdglpsuwx", std::tolower(named)) == nullptr || named == 0) return named == c;
  return (std::isupper(named) != 0) != is();
}

unsigned char octet(const char* at) noexcept {
  return static_cast<unsigned char>(*at);
}

}  // namespace

pattern_matcher::pattern_matcher(lua_State* L, std::string_view subject, std::string_view pattern) noexcept
    : L_(L),
      machine_(&script_machine::of(L)),
      begin_(subject.data()),
      end_(subject.data() + subject.size()),
      pattern_(pattern.data()),
      pattern_end_(pattern.data() + pattern.size()) {
  steps_max_ = machine_->instructions_left() * steps_an_instruction;
}

void pattern_matcher::spend(std::uint64_t steps) {
  steps_ += steps;
  if (steps_ > steps_max_) machine_->charge(steps_);
}

void pattern_matcher::settle() {
  machine_->charge(steps_ / steps_an_instruction);
  steps_ = 0;
  steps_max_ = machine_->instructions_left() * steps_an_instruction;
}

const char* pattern_matcher::match(const char* from) {
  level_ = 0;
  depth_ = 0;
  return match_rest(from, pattern_);
}

const char* pattern_matcher::match_rest(const char* s, const char* p) {
  if (++depth_ > depth_max) luaL_error(L_, "pattern too complex");
  const char* const out = match_here(s, p);
  --depth_;
  return out;
}

/// One item that is no plain character class. Returns where the subject goes on (null: no match) and sets
/// `next`; `decided`: what is returned is the end of the whole match. `next` stays null when it is none of
/// these.
const char* pattern_matcher::match_item(const char* s, const char* p, const char*& next, bool& decided) {
  const bool last = p + 1 == pattern_end_;
  decided = *p == '(' || *p == ')' || (*p == '$' && last);
  if (*p == '(')
    return !last && p[1] == ')' ? begin_capture(s, p + 2, position) : begin_capture(s, p + 1, open);
  if (*p == ')') return end_capture(s, p + 1);
  if (decided) return s == end_ ? s : nullptr;
  if (*p != escape || last) return s;
  if (p[1] == 'b') {
    next = p + 4;
    return balanced(s, p + 2);
  }
  if (p[1] == 'f') {
    const char* const set = p + 2;
    if (set == pattern_end_ || *set != '[') luaL_error(L_, "missing '[' after '%%f' in pattern");
    next = item_end(set);
    return frontier(s, set, next) ? s : nullptr;
  }
  if (std::isdigit(octet(p + 1)) == 0) return s;
  next = p + 2;
  return repeated(s, p[1]);
}

const char* pattern_matcher::match_here(const char* s, const char* p) {
  while (p != pattern_end_) {
    spend(1);
    const char* next = nullptr;
    bool decided = false;
    const char* const after = match_item(s, p, next, decided);
    if (decided || after == nullptr) return after;
    if (next != nullptr) {
      s = after;
      p = next;
      continue;
    }
    const char* const end = item_end(p);
    const char suffix = end == pattern_end_ ? '\0' : *end;
    if (suffix == '*') return most(s, p, end);
    if (suffix == '-') return least(s, p, end);
    if (suffix == '+') return single(s, p, end) ? most(s + 1, p, end) : nullptr;
    if (suffix == '?') {
      if (single(s, p, end)) {
        if (const char* const whole = match_rest(s + 1, end + 1)) return whole;
      }
      p = end + 1;
      continue;
    }
    if (!single(s, p, end)) return nullptr;
    ++s;
    p = end;
  }
  return s;
}

const char* pattern_matcher::most(const char* s, const char* p, const char* end) {
  std::ptrdiff_t times = 0;
  while (single(s + times, p, end)) ++times;
  for (; times >= 0; --times) {
    if (const char* const whole = match_rest(s + times, end + 1)) return whole;
  }
  return nullptr;
}

const char* pattern_matcher::least(const char* s, const char* p, const char* end) {
  while (true) {
    if (const char* const whole = match_rest(s, end + 1)) return whole;
    if (!single(s, p, end)) return nullptr;
    ++s;
  }
}

const char* pattern_matcher::begin_capture(const char* s, const char* p, std::ptrdiff_t kind) {
  if (level_ >= captures_max) luaL_error(L_, "too many captures");
  captures_[static_cast<std::size_t>(level_)] = {s, kind};
  ++level_;
  const char* const whole = match_rest(s, p);
  if (whole == nullptr) --level_;
  return whole;
}

const char* pattern_matcher::end_capture(const char* s, const char* p) {
  int which = level_ - 1;
  while (which >= 0 && captures_[static_cast<std::size_t>(which)].size != open) --which;
  if (which < 0) luaL_error(L_, "invalid pattern capture");
  auto& ended = captures_[static_cast<std::size_t>(which)];
  ended.size = s - ended.begin;
  const char* const whole = match_rest(s, p);
  if (whole == nullptr) ended.size = open;
  return whole;
}

const char* pattern_matcher::balanced(const char* s, const char* p) {
  if (pattern_end_ - p < 2) luaL_error(L_, "malformed pattern (missing arguments to '%%b')");
  if (s == end_ || *s != p[0]) return nullptr;
  int inside = 1;
  while (++s < end_) {
    spend(1);
    if (*s == p[1]) {
      if (--inside == 0) return s + 1;
    } else if (*s == p[0]) {
      ++inside;
    }
  }
  return nullptr;
}

const char* pattern_matcher::repeated(const char* s, char which) {
  const int number = which - '1';
  if (number < 0 || number >= level_ || captures_[static_cast<std::size_t>(number)].size == open) {
    luaL_error(L_, "invalid capture index %%%d", number + 1);
  }
  const auto& before = captures_[static_cast<std::size_t>(number)];
  const auto size = before.size == position ? 0 : before.size;
  spend(1 + static_cast<std::uint64_t>(size) / 16);
  if (end_ - s < size || std::memcmp(before.begin, s, static_cast<std::size_t>(size)) != 0) return nullptr;
  return s + size;
}

bool pattern_matcher::frontier(const char* s, const char* set, const char* set_end) {
  const unsigned char before = s == begin_ ? 0 : octet(s - 1);
  const unsigned char here = s == end_ ? 0 : octet(s);
  return !in_set(before, set, set_end - 1) && in_set(here, set, set_end - 1);
}

/// Past the single character class at `p`.
const char* pattern_matcher::item_end(const char* p) const {
  const char first = *p++;
  if (first == escape) {
    if (p == pattern_end_) luaL_error(L_, "malformed pattern (ends with '%%')");
    return p + 1;
  }
  if (first != '[') return p;
  if (p != pattern_end_ && *p == '^') ++p;
  do {  // a ] that comes first stands for itself
    if (p == pattern_end_) luaL_error(L_, "malformed pattern (missing ']')");
    if (*p++ == escape && p != pattern_end_) ++p;
  } while (p == pattern_end_ || *p != ']');
  return p + 1;
}

bool pattern_matcher::single(const char* s, const char* p, const char* end) {
  spend(1);
  if (s >= end_) return false;
  switch (*p) {
    case '.':
      return true;
    case escape:
      return in_class(octet(s), octet(p + 1));
    case '[':
      return in_set(octet(s), p, end - 1);
    default:
      return *p == *s;
  }
}

/// `p` at the [ and `last` at the ] of a set.
bool pattern_matcher::in_set(unsigned char c, const char* p, const char* last) {
  ++p;
  const bool meant = *p != '^';
  if (!meant) ++p;
  for (; p < last; ++p) {
    spend(1);
    if (*p == escape) {
      ++p;
      if (in_class(c, octet(p))) return meant;
    } else if (p + 2 < last && p[1] == '-') {
      if (octet(p) <= c && c <= octet(p + 2)) return meant;
      p += 2;
    } else if (octet(p) == c) {
      return meant;
    }
  }
  return !meant;
}

void pattern_matcher::push_capture(int which, const char* from, const char* to) const {
  if (which >= level_) {
    if (which != 0) luaL_error(L_, "invalid capture index %%%d", which + 1);
    lua_pushlstring(L_, from, static_cast<std::size_t>(to - from));
    return;
  }
  const auto& one = captures_[static_cast<std::size_t>(which)];
  if (one.size == open) luaL_error(L_, "unfinished capture");
  if (one.size == position) {
    lua_pushinteger(L_, one.begin - begin_ + 1);
  } else {
    lua_pushlstring(L_, one.begin, static_cast<std::size_t>(one.size));
  }
}

int pattern_matcher::push_captures(const char* from, const char* to) const {
  const int count = level_ == 0 && from != nullptr ? 1 : level_;
  luaL_checkstack(L_, count, "too many captures");
  for (int i = 0; i < count; ++i) push_capture(i, from, to);
  return count;
}

}  // namespace evergate::decide
