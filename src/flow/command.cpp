#include "flow/command.h"

#include <fmt/format.h>

#include <charconv>

#include "base/check.h"

namespace evergate::flow {
namespace {

// "eg-", the run in 11 hex digits, "-", the number in up to 16: 31 bytes at most, Discord takes 32.
constexpr std::string_view prefix = "eg-";
constexpr std::size_t run_digits = 11;
constexpr std::uint64_t run_mask = (std::uint64_t{1} << 44) - 1;

struct parsed_nonce {
  std::uint64_t run = 0;
  std::uint64_t number = 0;
};

std::optional<std::uint64_t> hex_number(std::string_view digits) noexcept {
  std::uint64_t out = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
  if (failure != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return out;
}

std::optional<parsed_nonce> parse(std::string_view nonce) noexcept {
  if (nonce.size() < prefix.size() + run_digits + 2 || nonce.size() > prefix.size() + run_digits + 17) {
    return std::nullopt;
  }
  if (!nonce.starts_with(prefix) || nonce[prefix.size() + run_digits] != '-') return std::nullopt;
  const auto run = hex_number(nonce.substr(prefix.size(), run_digits));
  const auto number = hex_number(nonce.substr(prefix.size() + run_digits + 1));
  if (!run || !number) return std::nullopt;
  return parsed_nonce{*run, *number};
}

}  // namespace

std::size_t reply_table::guild_key_hash::operator()(const guild_key& key) const noexcept {
  const std::uint64_t mixed = (key.guild ^ (static_cast<std::uint64_t>(key.op) << 56)) * 0x9e3779b97f4a7c15;
  return static_cast<std::size_t>(mixed ^ (mixed >> 32));
}

reply_table::reply_table(std::size_t entries_max, std::uint64_t run)
    : entries_max_(entries_max), run_(run & run_mask) {
  base::check(entries_max > 0, "a reply table holds at least one request");
}

std::string reply_table::add(asker who, std::string key, base::instant now) {
  const std::lock_guard lock(mutex_);
  while (by_nonce_.size() >= entries_max_) erase(oldest_++);
  const std::uint64_t number = next_++;
  if (!key.empty()) {
    if (const auto older = by_key_.find(key); older != by_key_.end()) by_nonce_.at(older->second).key.clear();
    by_key_[key] = number;
  }
  by_nonce_.emplace(number, request{{std::move(who), {}}, std::move(key), now});
  return fmt::format("{}{:011x}-{:x}", prefix, run_, number);
}

reply_table::request* reply_table::joinable(const std::string& key, base::instant now) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  auto& one = by_nonce_.at(found->second);
  if (now - one.since <= join_within) return &one;
  close_to_others(one);
  return nullptr;
}

void reply_table::close_to_others(request& one) {
  if (!one.key.empty()) by_key_.erase(one.key);
  one.key.clear();
}

void reply_table::erase(std::uint64_t number) {
  const auto found = by_nonce_.find(number);
  if (found == by_nonce_.end()) return;
  close_to_others(found->second);
  by_nonce_.erase(found);
}

std::uint32_t reply_table::under_way(const std::string& key, base::instant now) {
  const std::lock_guard lock(mutex_);
  const auto* one = joinable(key, now);
  return one == nullptr ? 0 : static_cast<std::uint32_t>(one->who.joined.size() + 1);
}

bool reply_table::join(const std::string& key, asker who, base::instant now) {
  const std::lock_guard lock(mutex_);
  auto* one = joinable(key, now);
  if (one == nullptr) return false;
  one->who.joined.push_back(std::move(who));
  return true;
}

void reply_table::forget(std::string_view nonce) {
  const auto parsed = parse(nonce);
  if (!parsed || parsed->run != run_) return;
  const std::lock_guard lock(mutex_);
  erase(parsed->number);
}

std::optional<reply_table::askers> reply_table::find(std::string_view nonce, bool last) {
  const auto parsed = parse(nonce);
  if (!parsed || parsed->run != run_) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = by_nonce_.find(parsed->number);
  if (found == by_nonce_.end()) return std::nullopt;
  close_to_others(found->second);
  if (!last) return found->second.who;
  askers who = std::move(found->second.who);
  by_nonce_.erase(found);
  return who;
}

void reply_table::add_by_guild(int op, proto::snowflake guild, asker who) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() >= entries_max_) {
    const auto key = by_guild_.find({waiting_.front().op, waiting_.front().guild});
    key->second.pop_front();
    if (key->second.empty()) by_guild_.erase(key);
    waiting_.pop_front();
  }
  waiting_.push_back({op, guild, std::move(who)});
  by_guild_[{op, guild}].push_back(std::prev(waiting_.end()));
}

std::optional<reply_table::asker> reply_table::find_by_guild(int op, proto::snowflake guild) {
  const std::lock_guard lock(mutex_);
  const auto key = by_guild_.find({op, guild});
  if (key == by_guild_.end()) return std::nullopt;
  const auto oldest = key->second.front();
  key->second.pop_front();
  if (key->second.empty()) by_guild_.erase(key);
  asker who = std::move(oldest->who);
  waiting_.erase(oldest);
  return who;
}

bool reply_table::ours(std::string_view nonce) noexcept {
  return parse(nonce).has_value();
}

}  // namespace evergate::flow
