#include "downstream/consumer_filter.h"

#include <fmt/format.h>

#include <algorithm>

#include "downstream/errc.h"

namespace evergate::downstream {
namespace {

using proto::event_type;

constexpr bool needed(event_type type) noexcept {
  return type == event_type::ready || type == event_type::resumed || type == event_type::guild_create ||
         type == event_type::guild_delete;
}

/// As Discord spells event names.
bool valid_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::unexpected<base::error> bad_name(std::string_view key, std::string_view name, std::string_view allowed) {
  return base::fail(errc::bad_option,
                    fmt::format("{} = \"{}\": must be {}", key, name.substr(0, 80), allowed));
}

template <class Value>
std::vector<Value> sorted(std::vector<Value> list) {
  std::ranges::sort(list);
  const auto rest = std::ranges::unique(list);
  list.erase(rest.begin(), rest.end());
  return list;
}

/// FNV-1a: kept for as long as sessions are stored, so it may not depend on the library.
class fingerprint {
 public:
  void add(std::string_view text) noexcept {
    for (const auto c : text) add_byte(static_cast<unsigned char>(c));
    add_byte(0xff);  // between two words; in no event name
  }
  void add(std::uint64_t number) noexcept {
    for (int i = 0; i < 8; ++i) add_byte(static_cast<unsigned char>(number >> (8 * i)));
  }
  [[nodiscard]] std::uint32_t value() const noexcept {
    return static_cast<std::uint32_t>(state_ ^ (state_ >> 32));
  }

 private:
  void add_byte(unsigned char byte) noexcept { state_ = (state_ ^ byte) * 0x100'0000'01b3; }
  std::uint64_t state_ = 0xcbf2'9ce4'8422'2325;
};

template <class Value>
void add_list(fingerprint& to, std::string_view title, const std::vector<Value>& list) {
  to.add(title);
  for (const auto& one : list) to.add(one);
}

}  // namespace

base::result<consumer_filter> consumer_filter::make(const filter_lists& lists) {
  consumer_filter out;
  const auto allow = sorted(lists.events_allow);
  const auto deny = sorted(lists.events_deny);
  out.guilds_allow_ = sorted(lists.guilds_allow);
  out.guilds_deny_ = sorted(lists.guilds_deny);
  constexpr std::string_view names = "an event name, 1 to 64 of A-Z, 0-9 and _, for example TYPING_START";
  out.allows_listed_only_ = !allow.empty();
  if (allow.empty()) out.types_.set();
  for (const auto& name : allow) {
    if (!valid_name(name)) return bad_name("events.allow", name, names);
    const auto type = proto::event_type_of(name);
    if (type == event_type::unknown) out.names_allow_.push_back(name);
    out.types_.set(static_cast<std::size_t>(type));
  }
  for (const auto type :
       {event_type::ready, event_type::resumed, event_type::guild_create, event_type::guild_delete}) {
    out.types_.set(static_cast<std::size_t>(type));
  }
  for (const auto& name : deny) {
    if (!valid_name(name)) return bad_name("events.deny", name, names);
    const auto type = proto::event_type_of(name);
    if (needed(type)) {
      return bad_name("events.deny", name,
                      "none of READY, RESUMED, GUILD_CREATE and GUILD_DELETE, which every library needs");
    }
    if (type == event_type::unknown) out.names_deny_.push_back(name);
    if (type != event_type::unknown) out.types_.reset(static_cast<std::size_t>(type));
  }
  out.by_guild_ = !out.guilds_allow_.empty() || !out.guilds_deny_.empty();
  out.set_ = out.by_guild_ || !allow.empty() || !deny.empty();
  if (!out.set_) return out;
  fingerprint print;
  add_list(print, "allow", allow);
  add_list(print, "deny", deny);
  add_list(print, "guilds_allow", out.guilds_allow_);
  add_list(print, "guilds_deny", out.guilds_deny_);
  out.hash_ = std::max<std::uint32_t>(print.value(), 1);
  return out;
}

bool consumer_filter::judge(const flow::event_batch& batch, const flow::event_row& row) const noexcept {
  if ((row.flags & flow::row_flag::reply) != 0) return true;
  if (!passes_guild(row.guild)) return false;
  if (row.type == event_type::unknown) return judge_name(batch.name(row));
  return types_[static_cast<std::size_t>(row.type)];
}

bool consumer_filter::judge_guild(proto::snowflake guild) const noexcept {
  if (std::ranges::binary_search(guilds_deny_, guild)) return false;
  return guilds_allow_.empty() || std::ranges::binary_search(guilds_allow_, guild);
}

bool consumer_filter::judge_name(std::string_view name) const noexcept {
  const auto listed = [name](const std::vector<std::string>& list) {
    return std::ranges::binary_search(list, name, std::less<>{},
                                      [](const std::string& one) { return std::string_view(one); });
  };
  if (listed(names_deny_)) return false;
  return !allows_listed_only_ || listed(names_allow_);
}

}  // namespace evergate::downstream
