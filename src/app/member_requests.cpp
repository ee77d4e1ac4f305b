#include "app/member_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include "app/errc.h"
#include "proto/json_view.h"
#include "proto/snowflake.h"

namespace evergate::app {
namespace {

constexpr std::size_t user_ids_max = 100;  // Discord documentation, "Request Guild Members"
constexpr std::uint32_t query_limit_max = 100;

void append_elements(std::string_view array, std::vector<std::string>& out) {
  proto::array_cursor at(array);
  while (at.next()) out.emplace_back(at.value());
}

}  // namespace

base::result<std::string> member_requests::payload(const member_request& what, std::string_view nonce) {
  if (what.guild_id == 0) return base::fail(errc::bad_option, "guild_id: 0 is no guild");
  if (what.user_ids.size() > user_ids_max) {
    return base::fail(errc::bad_option,
                      fmt::format("user_ids: {}, allowed are {}", what.user_ids.size(), user_ids_max));
  }
  std::string out = fmt::format(R"({{"guild_id":"{}","nonce":"{}")", what.guild_id, nonce);
  if (!what.user_ids.empty()) {
    out += R"(,"user_ids":[)";
    for (const auto id : what.user_ids)
      fmt::format_to(std::back_inserter(out), "{}\"{}\"", out.back() == '[' ? "" : ",", id);
    out += ']';
  } else {
    if (!what.query.empty() && (what.limit == 0 || what.limit > query_limit_max)) {
      return base::fail(errc::bad_option, fmt::format("limit: {}, allowed with a query are 1 to {}",
                                                      what.limit, query_limit_max));
    }
    out += R"(,"query":)";
    proto::append_quoted(out, what.query);
  }
  fmt::format_to(std::back_inserter(out), R"(,"limit":{},"presences":{}}})", what.limit, what.presences);
  return out;
}

std::string member_requests::add(const member_request& what, callback done, flow::offset head,
                                 base::instant now) {
  const std::scoped_lock lock(mutex_);
  auto nonce = fmt::format("evergate-{}", next_++);
  waiting one;
  one.found.guild_id = what.guild_id;
  one.done = std::move(done);
  one.patience = what.patience;
  one.since = head;
  one.until = now + what.patience;
  all_.emplace(nonce, std::move(one));
  return nonce;
}

member_requests::waiting member_requests::extract(std::map<std::string, waiting, std::less<>>::iterator at) {
  auto out = std::move(at->second);
  all_.erase(at);
  return out;
}

bool member_requests::take(proto::event_type type, std::string_view d, base::instant now) {
  const bool chunk = type == proto::event_type::guild_members_chunk;
  const auto nonce = proto::decoded_string(proto::member(chunk ? d : proto::member(d, "meta"), "nonce"));
  if (!nonce) return false;
  std::unique_lock lock(mutex_);
  const auto at = all_.find(*nonce);
  if (at == all_.end()) return false;
  if (!chunk) {
    auto refused = extract(at);
    lock.unlock();
    refused.done(base::fail(errc::not_now, fmt::format("Discord limits these requests: again in {} s",
                                                       proto::member(d, "retry_after"))));
    return true;
  }
  auto& one = at->second;
  append_elements(proto::member(d, "members"), one.found.members);
  append_elements(proto::member(d, "presences"), one.found.presences);
  proto::array_cursor missing(proto::member(d, "not_found"));
  while (missing.next()) {
    if (const auto id = proto::snowflake_of(missing.value()); id != 0) one.found.not_found.push_back(id);
  }
  one.until = now + one.patience;
  one.chunks.insert(proto::integer_of(proto::member(d, "chunk_index")).value_or(0));
  const auto count = proto::integer_of(proto::member(d, "chunk_count")).value_or(1);
  if (std::cmp_less(one.chunks.size(), count)) return true;
  auto whole = extract(at);
  lock.unlock();
  whole.done(std::move(whole.found));
  return true;
}

void member_requests::fail(const std::string& nonce, base::error why) {
  std::unique_lock lock(mutex_);
  const auto at = all_.find(nonce);
  if (at == all_.end()) return;
  auto one = extract(at);
  lock.unlock();
  one.done(std::unexpected(std::move(why)));
}

std::optional<base::instant> member_requests::expire(base::instant now) {
  std::vector<waiting> over;
  std::optional<base::instant> next;
  {
    const std::scoped_lock lock(mutex_);
    for (auto at = all_.begin(); at != all_.end();) {
      const auto here = at++;
      if (here->second.until <= now) {
        over.push_back(extract(here));
      } else if (!next || here->second.until < *next) {
        next = here->second.until;
      }
    }
  }
  for (auto& one : over) {
    one.done(base::fail(errc::not_now, fmt::format("guild {}: no further chunk of members came for {} ms",
                                                   one.found.guild_id, one.patience.count())));
  }
  return next;
}

void member_requests::fail_all(const base::error& why) {
  std::map<std::string, waiting, std::less<>> all;
  {
    const std::scoped_lock lock(mutex_);
    all.swap(all_);
  }
  for (auto& [nonce, one] : all) one.done(std::unexpected(why));
}

flow::offset member_requests::needed_after() const {
  const std::scoped_lock lock(mutex_);
  flow::offset out{std::numeric_limits<std::uint64_t>::max()};
  for (const auto& [nonce, one] : all_) out = std::min(out, one.since);
  return out;
}

bool member_requests::full() const {
  const std::scoped_lock lock(mutex_);
  return all_.size() >= requests_max;
}

bool member_requests::empty() const {
  const std::scoped_lock lock(mutex_);
  return all_.empty();
}

}  // namespace evergate::app
