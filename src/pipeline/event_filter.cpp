#include "pipeline/event_filter.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/errc.h"

namespace evergate::pipeline {
namespace {

constexpr bool needed(proto::event_type type) noexcept {
  using enum proto::event_type;
  return type == ready || type == resumed || type == guild_create || type == guild_delete;
}

/// As Discord spells event names.
bool valid_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

base::result<event_filter> event_filter::make(const filter_options& options) {
  event_filter out;
  for (const std::string& name : options.dropped_events) {
    if (!valid_name(name)) {
      return base::fail(errc::bad_option, fmt::format("\"{}\" is no event name; allowed are 1 to "
                                                      "64 of A-Z, 0-9 and _, for example TYPING_START",
                                                      name.substr(0, 80)));
    }
    const proto::event_type type = proto::event_type_of(name);
    if (needed(type)) {
      return base::fail(errc::bad_option,
                        fmt::format("{} cannot be dropped, sessions and the mirror need it; "
                                    "anything but READY, RESUMED, GUILD_CREATE and GUILD_DELETE is allowed",
                                    name));
    }
    if (type == proto::event_type::unknown) {
      out.names_.push_back(name);
    } else {
      out.types_.set(static_cast<std::size_t>(type));
    }
  }
  out.allowed_ = options.guilds_allowed;
  out.denied_ = options.guilds_denied;
  std::ranges::sort(out.names_);
  std::ranges::sort(out.allowed_);
  std::ranges::sort(out.denied_);
  return out;
}

bool event_filter::drops_name(std::string_view name) const noexcept {
  return std::ranges::binary_search(names_, name, std::less<>{},
                                    [](const auto& n) { return std::string_view(n); });
}

bool event_filter::judges_out(proto::snowflake guild) const noexcept {
  if (std::ranges::binary_search(denied_, guild)) return true;
  return !allowed_.empty() && !std::ranges::binary_search(allowed_, guild);
}

}  // namespace evergate::pipeline
