#include "journal/json_digest.h"

#include <xxhash.h>

#include <string>

#include "proto/json_view.h"

namespace evergate::journal {
namespace {

constexpr int depth_max = 64;  // below that a value counts by its bytes

json_digest hash(std::string_view text, std::uint64_t seed) {
  const auto both = XXH3_128bits_withSeed(text.data(), text.size(), seed);
  return {both.low64, both.high64};
}

json_digest mixed(json_digest what, std::uint64_t seed) {
  const auto both = XXH3_128bits_withSeed(&what, sizeof(what), seed);
  return {both.low64, both.high64};
}

void add(json_digest& sum, json_digest one) {
  sum.low += one.low;
  sum.high += one.high;
}

json_digest text_digest(std::string_view quoted) {
  if (quoted.find('\\') == std::string_view::npos) return hash(quoted, 1);
  const auto text = proto::decoded_string(quoted);
  return text ? hash('"' + *text + '"', 1) : hash(quoted, 1);
}

json_digest value_digest(std::string_view value, std::string_view ignored, int depth) {
  json_digest sum;
  std::uint64_t count = 0;
  if (depth < depth_max && value.starts_with('{')) {
    for (proto::object_cursor at(value); at.next();) {
      if (!ignored.empty() && at.key() == ignored) continue;
      auto pair = value_digest(at.value(), {}, depth + 1);
      add(pair, hash(at.key(), 2));
      add(sum, mixed(pair, 3));
      ++count;
    }
    return mixed(sum, 4 + (count << 8));
  }
  if (depth < depth_max && value.starts_with('[')) {
    for (proto::array_cursor at(value); at.next();) {
      add(sum, mixed(value_digest(at.value(), {}, depth + 1), 5));
      ++count;
    }
    return mixed(sum, 6 + (count << 8));
  }
  return value.starts_with('"') ? text_digest(value) : hash(value, 7);
}

}  // namespace

json_digest digest_of(std::string_view json, std::string_view ignored) {
  return value_digest(json, ignored, 0);
}

}  // namespace evergate::journal
