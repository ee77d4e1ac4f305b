#include "journal/records.h"

#include "journal/bytes.h"

namespace evergate::journal {
namespace {

constexpr std::uint8_t format = 1;
constexpr std::uint8_t ledger_format = 5;    // 5: of a store whose consumers have format 4
constexpr std::uint8_t consumer_format = 4;  // 4: with pause and what was given up
constexpr std::uint32_t layouts_max = 64;
constexpr std::uint32_t lanes_max = 65'536;

/// A flag is 0 or 1; anything else was never written.
bool read_flag(byte_reader& in, bool& out) {
  const auto raw = in.number<std::uint8_t>();
  out = raw != 0;
  return raw <= 1;
}

}  // namespace

bool foreign_ledger(std::string_view text) noexcept {
  return !text.empty() && static_cast<std::uint8_t>(text.front()) != ledger_format;
}

void encode(const ledger& value, std::string& out) {
  put_number(out, ledger_format);
  put_number(out, value.clean);
  for (const auto number :
       {value.head, value.lost_before, value.state_lost, value.mirror_floor, value.self, value.gaps}) {
    put_number(out, number);
  }
  put_number(out, value.next_session_number);
  put_number(out, value.newest_count);
  for (const auto& one : value.classes) {
    for (const auto number :
         {one.blobs, one.events, one.bytes, one.last_blob, one.floor, one.evicted, one.evicted_unacked}) {
      put_number(out, number);
    }
  }
  for (const auto sum : value.sums) put_number(out, sum);
}

bool decode(std::string_view text, ledger& value) {
  byte_reader in(text);
  if (in.number<std::uint8_t>() != ledger_format) return false;
  value.clean = in.number<std::uint8_t>();
  for (auto* number :
       {&value.head, &value.lost_before, &value.state_lost, &value.mirror_floor, &value.self, &value.gaps}) {
    *number = in.number<std::uint64_t>();
  }
  value.next_session_number = in.number<std::uint32_t>();
  value.newest_count = in.number<std::uint32_t>();
  for (auto& one : value.classes) {
    for (auto* number : {&one.blobs, &one.events, &one.bytes, &one.last_blob, &one.floor, &one.evicted,
                         &one.evicted_unacked}) {
      *number = in.number<std::uint64_t>();
    }
  }
  for (auto& sum : value.sums) sum = in.number<std::uint64_t>();
  return in.finished();
}

void encode(const flow::session_record& value, std::string& out) {
  put_number(out, format);
  put_number(out, value.shard.id);
  put_number(out, value.shard.count);
  put_number(out, value.seq);
  put_text(out, value.session_id);
  put_text(out, value.resume_url);
}

bool decode(std::string_view text, flow::session_record& value) {
  byte_reader in(text);
  if (in.number<std::uint8_t>() != format) return false;
  value.shard.id = in.number<std::uint32_t>();
  value.shard.count = in.number<std::uint32_t>();
  value.seq = in.number<std::int64_t>();
  value.session_id = in.text();
  value.resume_url = in.text();
  return in.finished();
}

void encode(const flow::consumer_record& value, std::string& out) {
  put_number(out, consumer_format);
  put_text(out, value.name);
  put_number(out, value.layout);
  put_number(out, static_cast<std::uint32_t>(value.layouts.size()));
  for (const auto& layout : value.layouts) {
    put_number(out, layout.lanes);
    put_number(out, static_cast<std::uint32_t>(layout.cursors.size()));
    for (const auto cursor : layout.cursors) put_number(out, cursor.value);
    // As many as cursors, whatever was made by hand.
    for (std::size_t i = 0; i < layout.cursors.size(); ++i) {
      const bool own = i < layout.interactions.size();
      put_number(out, (own ? layout.interactions[i] : layout.cursors[i]).value);
    }
  }
  put_number(out, static_cast<std::uint32_t>(value.suspicions.size()));
  for (const auto& one : value.suspicions) {
    put_number(out, one.lane);
    put_number(out, one.at.value);
    put_number(out, one.upto.value);
    put_number(out, one.count);
    put_number(out, one.ends);
    put_number(out, one.alone);
  }
  put_number(out, static_cast<std::uint8_t>(value.paused));
  for (const auto upto : value.dropped) put_number(out, upto.value);
  for (const auto count : value.given_up) put_number(out, count);
}

bool decode(std::string_view text, flow::consumer_record& value) {
  byte_reader in(text);
  if (in.number<std::uint8_t>() != consumer_format) return false;
  value.name = in.text();
  value.layout = in.number<std::uint32_t>();
  const auto layouts = in.number<std::uint32_t>();
  if (!in.ok() || layouts > layouts_max) return false;
  value.layouts.clear();
  for (std::uint32_t i = 0; i < layouts; ++i) {
    flow::layout_record layout;
    layout.lanes = in.number<std::uint32_t>();
    const auto cursors = in.number<std::uint32_t>();
    if (!in.ok() || cursors > lanes_max || in.rest().size() < std::size_t{cursors} * 16) return false;
    for (std::uint32_t j = 0; j < cursors; ++j) layout.cursors.push_back({in.number<std::uint64_t>()});
    for (std::uint32_t j = 0; j < cursors; ++j) layout.interactions.push_back({in.number<std::uint64_t>()});
    value.layouts.push_back(std::move(layout));
  }
  const auto suspicions = in.number<std::uint32_t>();
  if (!in.ok() || suspicions > lanes_max || in.rest().size() < std::size_t{suspicions} * 32) return false;
  value.suspicions.clear();
  for (std::uint32_t i = 0; i < suspicions; ++i) {
    auto& one = value.suspicions.emplace_back();
    one.lane = in.number<std::uint32_t>();
    one.at.value = in.number<std::uint64_t>();
    one.upto.value = in.number<std::uint64_t>();
    one.count = in.number<std::uint32_t>();
    one.ends = in.number<std::uint32_t>();
    one.alone = in.number<std::uint32_t>();
  }
  if (!read_flag(in, value.paused)) return false;
  for (auto& upto : value.dropped) upto.value = in.number<std::uint64_t>();
  for (auto& count : value.given_up) count = in.number<std::uint64_t>();
  return in.finished();
}

void encode(const flow::dead_letter& value, std::string& out) {
  put_number(out, format);
  put_text(out, value.consumer);
  put_number(out, value.lane.id);
  put_number(out, value.lane.count);
  put_number(out, value.at.value);
  put_number(out, value.guild);
  put_number(out, value.time_ms);
  put_text(out, value.type);
  put_text(out, value.d);
}

bool decode(std::string_view text, flow::dead_letter& value) {
  byte_reader in(text);
  if (in.number<std::uint8_t>() != format) return false;
  value.consumer = in.text();
  value.lane.id = in.number<std::uint32_t>();
  value.lane.count = in.number<std::uint32_t>();
  value.at.value = in.number<std::uint64_t>();
  value.guild = in.number<std::uint64_t>();
  value.time_ms = in.number<std::int64_t>();
  value.type = in.text();
  value.d = in.text();
  return in.finished();
}

void encode(const flow::downstream_record& value, std::string& out) {
  put_number(out, format);
  put_text(out, value.id);
  put_text(out, value.consumer);
  for (const auto number : {value.number, value.layout, value.lane.id, value.lane.count, value.intents,
                            value.filter_version, value.anchor_seq}) {
    put_number(out, number);
  }
  put_number(out, value.anchor_offset.value);
  put_number(out, static_cast<std::uint8_t>(value.resumable));
  put_number(out, value.large_threshold);
  put_number(out, static_cast<std::uint8_t>(value.may_ask));
}

bool decode(std::string_view text, flow::downstream_record& value) {
  byte_reader in(text);
  if (in.number<std::uint8_t>() != format) return false;
  value.id = in.text();
  value.consumer = in.text();
  for (auto* number : {&value.number, &value.layout, &value.lane.id, &value.lane.count, &value.intents,
                       &value.filter_version, &value.anchor_seq}) {
    *number = in.number<std::uint32_t>();
  }
  value.anchor_offset.value = in.number<std::uint64_t>();
  if (!read_flag(in, value.resumable)) return false;
  value.large_threshold = in.number<std::uint32_t>();
  return read_flag(in, value.may_ask) && in.finished();
}

void encode(const std::vector<std::int64_t>& value, std::string& out) {
  out.append(reinterpret_cast<const char*>(value.data()), value.size() * sizeof(std::int64_t));
}

bool decode(std::string_view text, std::vector<std::int64_t>& value) {
  if (text.size() % sizeof(std::int64_t) != 0) return false;
  value.resize(text.size() / sizeof(std::int64_t));
  if (!text.empty()) std::memcpy(value.data(), text.data(), text.size());
  return true;
}

void encode(const version_record& value, std::string& out) {
  put_number(out, format);
  put_number(out, static_cast<std::uint8_t>(value.state));
  put_number(out, static_cast<std::uint8_t>(value.reconcile));
  put_number(out, std::uint8_t{0});
  put_number(out, value.raw_bytes);
  out.append(value.compressed);
}

bool decode(std::string_view text, version_record& value) {
  byte_reader in(text);
  if (in.number<std::uint8_t>() != format) return false;
  const auto state = in.number<std::uint8_t>();
  if (!read_flag(in, value.reconcile) || in.number<std::uint8_t>() != 0) return false;
  value.raw_bytes = in.number<std::uint32_t>();
  if (!in.ok() || state > static_cast<std::uint8_t>(guild_state::removed)) return false;
  value.state = static_cast<guild_state>(state);
  value.compressed = in.rest();
  return (value.raw_bytes == 0) == value.compressed.empty();
}

std::string shard_record_key(proto::shard_key shard) {
  std::string key;
  put_key(key, shard.count);
  put_key(key, shard.id);
  return key;
}

std::string count_key(std::uint32_t count) {
  std::string key;
  put_key(key, count);
  return key;
}

std::string version_key(proto::snowflake guild, std::uint64_t as_of) {
  std::string key;
  put_key(key, guild);
  put_key(key, as_of);
  return key;
}

std::string offset_key(std::uint64_t offset) {
  std::string key;
  put_key(key, offset);
  return key;
}

std::string dead_letter_text_key(const flow::dead_letter_key& which) {
  auto key = which.consumer;
  key.push_back('\0');
  put_key(key, which.at.value);
  return key;
}

}  // namespace evergate::journal
