#include "proto/identify_ledger.h"

#include <algorithm>
#include <numeric>

namespace evergate::proto {
namespace {

constexpr char format = 1;
constexpr std::int64_t day_ms = std::int64_t{24} * 3'600 * 1'000;
/// Two answers about the same window differ by the time they took.
constexpr std::int64_t same_window_ms = 60'000;

template <class Number>
void put(std::string& out, Number value) {
  for (std::size_t i = 0; i < sizeof value; ++i) {
    out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xff);
  }
}

template <class Number>
void take(std::string_view& from, Number& value) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) {
    bits |= std::uint64_t{static_cast<unsigned char>(from[i])} << (8 * i);
  }
  from.remove_prefix(sizeof value);
  value = static_cast<Number>(bits);
}

constexpr std::size_t book_bytes = 1 + 4 + 4 + 8 + 8 + 4 + identify_cause_count * (4 + 8);

}  // namespace

std::string_view name_of(identify_cause cause) noexcept {
  switch (cause) {
    case identify_cause::start:
      return "start";
    case identify_cause::reidentify:
      return "reidentify";
    case identify_cause::reshard:
      return "reshard";
  }
  return "unknown";
}

void encode(const identify_book& value, std::string& out) {
  out += format;
  put(out, value.total);
  put(out, value.remaining);
  put(out, value.reset_ms);
  put(out, value.told_ms);
  put(out, value.since_told);
  for (const auto count : value.window) put(out, count);
  for (const auto count : value.ever) put(out, count);
}

bool decode(std::string_view bytes, identify_book& value) {
  if (bytes.size() != book_bytes || bytes.front() != format) return false;
  bytes.remove_prefix(1);
  take(bytes, value.total);
  take(bytes, value.remaining);
  take(bytes, value.reset_ms);
  take(bytes, value.told_ms);
  take(bytes, value.since_told);
  for (auto& count : value.window) take(bytes, count);
  for (auto& count : value.ever) take(bytes, count);
  return true;
}

void identify_ledger::turn_over(std::int64_t now_ms) noexcept {
  if (book_.total == 0 || now_ms < book_.reset_ms) return;
  book_.remaining = book_.total;
  book_.since_told = 0;
  book_.window = {};
  book_.reset_ms += (1 + (now_ms - book_.reset_ms) / day_ms) * day_ms;
}

void identify_ledger::told(std::uint32_t total, std::uint32_t remaining, std::int64_t reset_after_ms,
                           std::int64_t now_ms) noexcept {
  turn_over(now_ms);
  const std::int64_t reset_ms = now_ms + reset_after_ms;
  if (book_.total == 0 || reset_ms > book_.reset_ms + same_window_ms) book_.window = {};
  book_.total = total;
  book_.remaining = remaining;
  book_.reset_ms = reset_ms;
  book_.told_ms = now_ms;
  book_.since_told = 0;
}

void identify_ledger::sent(identify_cause cause, std::int64_t now_ms) noexcept {
  turn_over(now_ms);
  ++book_.since_told;
  ++book_.window[static_cast<std::size_t>(cause)];
  ++book_.ever[static_cast<std::size_t>(cause)];
}

std::uint32_t identify_ledger::remaining(std::int64_t now_ms) const noexcept {
  auto now = *this;
  now.turn_over(now_ms);
  const auto& b = now.book_;
  const auto own = std::accumulate(b.window.begin(), b.window.end(), std::uint64_t{0});
  const std::uint64_t by_discord = b.remaining > b.since_told ? b.remaining - b.since_told : 0;
  const std::uint64_t by_us = b.total > own ? b.total - own : 0;
  return static_cast<std::uint32_t>(std::min(by_discord, by_us));
}

std::uint32_t identify_ledger::allowance(identify_cause cause, std::int64_t now_ms) const noexcept {
  const auto kept =
      cause == identify_cause::reshard ? std::max(options_.reserve, options_.breaker) : options_.breaker;
  const auto left = remaining(now_ms);
  return left > kept ? left - kept : 0;
}

}  // namespace evergate::proto
