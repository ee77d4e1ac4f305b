#include "proto/envelope.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "proto/errc.h"
#include "proto/json_view.h"
#include "proto/json_walk.h"

namespace evergate::proto {
namespace {

constexpr std::size_t name_bytes_max = 64;

[[gnu::cold]] std::unexpected<base::error> bad(std::string_view what, std::size_t at) {
  return base::fail(errc::bad_json, fmt::format("gateway payload: {} at byte {}", what, at));
}

constexpr std::int64_t number_max = std::numeric_limits<std::int64_t>::max();

/// Reads the members of the envelope one after the other.
class scanner {
 public:
  explicit scanner(std::string_view json) noexcept : json_(json) {}

  base::result<envelope> run() {
    at_ = skip_space(json_, 0);
    if (at_ >= json_.size() || json_[at_] != '{') return bad("no object", at_);
    at_ = skip_space(json_, at_ + 1);
    if (at_ < json_.size() && json_[at_] == '}') return finish();
    for (;;) {
      if (const char* const wrong = one_member()) [[unlikely]]
        return bad(wrong, at_);
      at_ = skip_space(json_, at_);
      if (at_ >= json_.size()) return bad("object not closed", at_);
      if (json_[at_] == '}') return finish();
      if (json_[at_] != ',') return bad("no comma between members", at_);
      at_ = skip_space(json_, at_ + 1);
    }
  }

 private:
  enum seen_bit : unsigned { seen_op = 1, seen_s = 2, seen_t = 4, seen_d = 8 };

  /// Null when the member was read whole, otherwise what is wrong with it.
  const char* one_member() noexcept {
    if (at_ >= json_.size() || json_[at_] != '"') return "no key";
    const std::size_t key_at = at_ + 1;
    // The keys are one or two letters: look before calling for help.
    std::size_t key_end = key_at;
    while (key_end < json_.size() && key_end < key_at + 2 && json_[key_end] != '"' &&
           json_[key_end] != '\\') {
      ++key_end;
    }
    if (key_end >= json_.size() || json_[key_end] != '"') {
      key_end = walk_string(json_, at_);
      if (key_end == std::string_view::npos) return "key not closed";
      --key_end;
    }
    const std::string_view key = json_.substr(key_at, key_end - key_at);
    at_ = skip_space(json_, key_end + 1);
    if (at_ >= json_.size() || json_[at_] != ':') return "no colon after the key";
    at_ = skip_space(json_, at_ + 1);
    if (at_ >= json_.size()) return "no value";
    if (key == "d" && first(seen_d)) return payload();
    if (key == "t" && first(seen_t)) return name();
    if (key == "s" && first(seen_s)) {
      return null() || number(out_.s, number_max) ? nullptr : "s is neither null nor a sequence number";
    }
    if (key == "op" && first(seen_op)) {
      std::int64_t op = 0;
      if (!number(op, std::numeric_limits<int>::max())) return "op is no opcode";
      out_.op = static_cast<int>(op);
      return nullptr;
    }
    const std::size_t end = value_end(nullptr);
    if (end == std::string_view::npos) return "no JSON value";
    at_ = end;
    return nullptr;
  }

  const char* payload() noexcept {
    const std::size_t end = value_end(&ids_);
    if (end == std::string_view::npos) return "d is no JSON value";
    out_.d = json_.substr(at_, end - at_);
    at_ = end;
    return nullptr;
  }

  /// An event name as Discord spells them: printable ASCII without escapes, bounded, since it goes into
  /// frames, journals and logs as it is.
  const char* name() noexcept {
    if (null()) return nullptr;
    if (json_[at_] != '"') return "t is neither null nor a string";
    const std::size_t begin = at_ + 1;
    const std::size_t stop = std::min(json_.size(), begin + name_bytes_max + 1);
    for (std::size_t i = begin; i < stop; ++i) {
      const char c = json_[i];
      if (c == '"') {
        out_.t = json_.substr(begin, i - begin);
        at_ = i + 1;
        return nullptr;
      }
      if (c < 0x20 || c > 0x7e || c == '\\') break;
    }
    return "t is no event name (at most 64 printable ASCII characters)";
  }

  bool null() noexcept {
    if (json_.substr(at_, 4) != "null") return false;
    at_ += 4;
    return true;
  }

  /// A number without sign, fraction, exponent or leading zeros, of `most` at most.
  bool number(std::int64_t& out, std::int64_t most) noexcept {
    const std::size_t begin = at_;
    std::int64_t value = 0;
    for (; at_ < json_.size() && json_[at_] >= '0' && json_[at_] <= '9'; ++at_) {
      const int digit = json_[at_] - '0';
      if (value > (most - digit) / 10) return false;
      value = value * 10 + digit;
    }
    if (at_ == begin || (json_[begin] == '0' && at_ != begin + 1)) return false;
    out = value;
    return true;  // what follows must be a comma or a bracket, which the caller sees to
  }

  /// True the first time; the first of repeated keys counts.
  bool first(seen_bit bit) noexcept {
    const bool is_first = (seen_ & bit) == 0;
    seen_ |= bit;
    return is_first;
  }

  std::size_t value_end(member_ids* ids) const noexcept {
    const char c = json_[at_];
    if (c == '{') return walk_container(json_, at_, json_depth_max - 1, ids);
    if (c == '[') return walk_container(json_, at_, json_depth_max - 1);
    return skip_value(json_, at_);
  }

  base::result<envelope> finish() {
    const std::size_t rest = skip_space(json_, at_ + 1);
    if (rest != json_.size()) return bad("something after the object", rest);
    out_.type = event_type_of(out_.t);
    out_.id = ids_.id;
    out_.channel = ids_.channel;
    switch (info_of(out_.type).place) {
      case guild_place::none:
        break;
      case guild_place::guild:
        out_.guild = ids_.guild;
        break;
      case guild_place::id:
        out_.guild = ids_.id;
        break;
      case guild_place::meta:
        out_.guild = snowflake_of(member(member(out_.d, "meta"), "guild_id"));
        break;
    }
    return out_;
  }

  std::string_view json_;
  std::size_t at_ = 0;
  unsigned seen_ = 0;
  member_ids ids_;
  envelope out_;
};

}  // namespace

base::result<envelope> scan_envelope(std::string_view json) {
  return scanner(json).run();
}

}  // namespace evergate::proto
