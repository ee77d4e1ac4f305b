#include "proto/presence.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "proto/errc.h"
#include "proto/json_view.h"

namespace evergate::proto {
namespace {

constexpr std::array<std::string_view, 5> statuses{"online", "dnd", "idle", "invisible", "offline"};

bool is_number(std::string_view value) noexcept {
  return !value.empty() && (value.front() == '-' || (value.front() >= '0' && value.front() <= '9'));
}

/// Objects with a name, and with a type that is a number if there is one.
bool are_activities(std::string_view value) {
  if (!value.starts_with('[')) return false;
  array_cursor all(value);
  while (all.next()) {
    if (!all.value().starts_with('{') || !member(all.value(), "name").starts_with('"')) return false;
    const auto type = member(all.value(), "type");
    if (!type.empty() && !integer_of(type)) return false;
  }
  return all.ok();
}

}  // namespace

base::result<std::string> whole_presence(std::string_view d) {
  if (!d.starts_with('{') || skip_value(d, 0) != d.size()) {
    return base::fail(errc::bad_json, "presence: is not one object");
  }
  const auto given = [d](std::string_view name, std::string_view standard) {
    const auto value = member(d, name);
    return value.empty() || value == "null" ? standard : value;
  };
  const auto since = given("since", "null");
  if (since != "null" && !is_number(since)) {
    return base::fail(errc::bad_json, "presence: since is neither a number nor null");
  }
  const auto activities = given("activities", "[]");
  if (!are_activities(activities)) {
    return base::fail(errc::bad_json, "presence: activities is no array of objects with a name and a type");
  }
  const auto status = given("status", R"("online")");
  if (std::ranges::find(statuses, plain_string(status).value_or("")) == statuses.end()) {
    return base::fail(errc::bad_json, "presence: status is none of online, dnd, idle, invisible, offline");
  }
  const auto afk = given("afk", "false");
  if (afk != "true" && afk != "false") return base::fail(errc::bad_json, "presence: afk is no boolean");
  auto out =
      fmt::format(R"({{"since":{},"activities":{},"status":{},"afk":{}}})", since, activities, status, afk);
  if (out.size() > presence_bytes_max) {
    return base::fail(errc::too_large,
                      fmt::format("presence: has {} bytes, allowed are {}", out.size(), presence_bytes_max));
  }
  return out;
}

}  // namespace evergate::proto
