// Random JSON for tests: nested, with escapes, unicode, white space and the keys that the scan looks for
// at every depth. Deterministic by its rng.
#pragma once

#include <string>

#include "base/rng.h"

namespace evergate::proto::test {

class json_generator {
 public:
  explicit json_generator(std::uint64_t seed) : rng_(seed) {}

  std::string space() {
    static constexpr const char* kinds[] = {"", "", "", "", "", " ", "\n", "\t ", "  \r\n"};
    return kinds[rng_.below(std::size(kinds))];
  }

  std::string snowflake() {
    if (rng_.chance(0.1)) return std::to_string(rng_.below(1000));
    return std::to_string(100'000'000'000'000'000 + rng_.below(1'300'000'000'000'000'000));
  }

  std::string string() {
    static constexpr const char* pieces[] = {
        "a",   "bc",      "guild_id", "id",  "\\\"id\\\":", "\\\\", "\\\"", "{",
        "}",   "[",       "]",        ":",   ",",           "ü",    "日本", "\\ud83d\\ude00",
        "\\n", "\\u0041", "\\\\\\\"", "\\/", "channel_id",  "d",    "😀",   "   "};
    std::string out = "\"";
    for (auto n = rng_.below(rng_.chance(0.05) ? 90 : 7); n > 0; --n)
      out += pieces[rng_.below(std::size(pieces))];
    return out + '"';
  }

  std::string key() {
    static constexpr const char* keys[] = {
        "id",    "guild_id",  "channel_id", "d",       "author", "message_snapshots",
        "my_id", "xguild_id", "content",    "channel", "meta",   "referenced_message"};
    if (rng_.chance(0.7)) return '"' + std::string(keys[rng_.below(std::size(keys))]) + '"';
    return string();
  }

  std::string value(int depth) {
    switch (rng_.below(depth <= 0 ? 5 : 8)) {
      case 0:
        return std::to_string(static_cast<std::int64_t>(rng_()));
      case 1:
        return string();
      case 2:
        return '"' + snowflake() + '"';
      case 3:
        return rng_.chance(0.5) ? "null" : rng_.chance(0.5) ? "true" : "false";
      case 4:
        return rng_.chance(0.5) ? "-1.25e+3" : "0.5";
      case 5:
        return array(depth);
      default:
        return object(depth);
    }
  }

  std::string array(int depth) {
    std::string out = "[";
    for (auto n = rng_.below(5), i = n; i > 0; --i) {
      if (i != n) out += ',';
      out += space() + value(depth - 1) + space();
    }
    return out + ']';
  }

  std::string object(int depth) {
    std::string out = "{" + space();
    for (auto n = rng_.below(9), i = n; i > 0; --i) {
      if (i != n) out += ',' + space();
      const std::string name = key();
      out += name + space() + ':' + space();
      out += name.ends_with("id\"") && rng_.chance(0.7) ? '"' + snowflake() + '"' : value(depth - 1);
      out += space();
    }
    return out + '}';
  }

  /// A whole envelope, its members in any order, sometimes with unknown ones.
  std::string envelope() {
    static constexpr const char* names[] = {"MESSAGE_CREATE", "GUILD_CREATE", "ENTITLEMENT_CREATE",
                                            "RATE_LIMITED",   "READY",        "SOMETHING_NEW"};
    std::string members[6] = {
        R"("op")" + space() + ':' + space() + std::to_string(rng_.below(12)),
        R"("s":)" + space() + (rng_.chance(0.2) ? "null" : std::to_string(rng_.below(1u << 31))),
        R"("t":)" + space() +
            (rng_.chance(0.1) ? "null" : '"' + std::string(names[rng_.below(std::size(names))]) + '"'),
        R"("d":)" + space() + (rng_.chance(0.9) ? object(4) : value(3)),
        R"("extra":)" + value(3),
        R"("guild_id":")" + snowflake() + '"'};
    for (std::size_t i = 5; i > 0; --i) std::swap(members[i], members[rng_.below(i + 1)]);
    std::string out = space() + "{" + space();
    for (std::size_t i = 0; i < 6; ++i) out += (i == 0 ? "" : "," + space()) + members[i] + space();
    return out + '}' + space();
  }

  base::rng& rng() { return rng_; }

 private:
  base::rng rng_;
};

}  // namespace evergate::proto::test
