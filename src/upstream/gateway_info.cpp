#include "upstream/gateway_info.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "upstream/errc.h"

namespace evergate::upstream {
namespace {

constexpr std::int64_t limit_max = 65'535;
constexpr std::int64_t counter_max = 1'000'000'000;
constexpr std::int64_t reset_after_ms_max = std::int64_t{31} * 24 * 3'600 * 1'000;

base::result<std::int64_t> number(const simdjson::dom::object& from, const char* key, std::int64_t least,
                                  std::int64_t most) {
  std::int64_t value = 0;
  if (from[key].get(value) != simdjson::SUCCESS) {
    return base::fail(errc::bad_gateway_info,
                      fmt::format("/gateway/bot: `{}` is missing or no integer", key));
  }
  if (value < least || value > most) {
    return base::fail(errc::bad_gateway_info,
                      fmt::format("/gateway/bot: `{}` is {}, allowed are {} to {}", key, value, least, most));
  }
  return value;
}

base::result<void> read_limit(const simdjson::dom::object& limit, gateway_info& out) {
  const auto total = number(limit, "total", 0, counter_max);
  if (!total) return base::fail(total.error(), "session_start_limit");
  const auto remaining = number(limit, "remaining", 0, counter_max);
  if (!remaining) return base::fail(remaining.error(), "session_start_limit");
  const auto reset_after = number(limit, "reset_after", 0, reset_after_ms_max);
  if (!reset_after) return base::fail(reset_after.error(), "session_start_limit");
  const auto concurrency = number(limit, "max_concurrency", 1, limit_max);
  if (!concurrency) return base::fail(concurrency.error(), "session_start_limit");
  out.total = static_cast<std::uint32_t>(*total);
  out.remaining = static_cast<std::uint32_t>(*remaining);
  out.reset_after = base::milliseconds(*reset_after);
  out.max_concurrency = static_cast<std::uint32_t>(*concurrency);
  return {};
}

}  // namespace

base::result<gateway_info> parse_gateway_info(std::string_view body) {
  simdjson::dom::parser parser;
  simdjson::dom::object root;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS) {
    return base::fail(errc::bad_gateway_info, "/gateway/bot: the answer is no JSON object");
  }
  gateway_info out;
  std::string_view url;
  if (root["url"].get(url) != simdjson::SUCCESS || url.empty()) {
    return base::fail(errc::bad_gateway_info, "/gateway/bot: `url` is missing or no string");
  }
  out.url = url;
  const auto shards = number(root, "shards", 1, limit_max);
  if (!shards) return std::unexpected(shards.error());
  out.shards = static_cast<std::uint32_t>(*shards);
  simdjson::dom::object limit;
  if (root["session_start_limit"].get(limit) != simdjson::SUCCESS) {
    return base::fail(errc::bad_gateway_info, "/gateway/bot: `session_start_limit` is missing or no object");
  }
  if (auto read = read_limit(limit, out); !read) return std::unexpected(read.error());
  return out;
}

}  // namespace evergate::upstream
