// Any bytes as a gateway payload: where the scan and simdjson's DOM both accept they see the same; what only
// one of them accepts is explained; what the scan accepts goes through the pipeline's intake into a row whose
// bytes are d's.
#include "proto/envelope.h"

#include <limits>
#include <string>

#include "base/check.h"
#include "flow/event_batch.h"
#include "fuzz/json_oracle.h"
#include "fuzz/target.h"
#include "pipeline/intake.h"
#include "proto/json_view.h"
#include "proto/json_walk.h"
#include "proto/utf8.h"

namespace evergate::fuzz {
namespace {

using base::check;
namespace dom = simdjson::dom;

/// The first member of that name, as the scan takes it.
simdjson::simdjson_result<dom::element> first(const dom::element& object, std::string_view key) {
  dom::object members;
  if (object.get(members) != simdjson::SUCCESS) return simdjson::NO_SUCH_FIELD;
  for (const auto& [name, value] : members) {
    if (name == key) return dom::element(value);
  }
  return simdjson::NO_SUCH_FIELD;
}

int depth_of(const dom::element& value) {
  int most = 0;
  if (value.is_object()) {
    for (const auto& one : dom::object(value)) most = std::max(most, depth_of(one.value));
  } else if (value.is_array()) {
    for (const auto& one : dom::array(value)) most = std::max(most, depth_of(one));
  } else {
    return 0;
  }
  return most + 1;
}

/// An integer from 0 to `most`; `null` and absence count when they are allowed.
bool is_number(const simdjson::simdjson_result<dom::element>& found, std::uint64_t most, bool may_be_null) {
  dom::element value;
  if (found.get(value) != simdjson::SUCCESS) return true;
  if (value.is_null()) return may_be_null;
  std::uint64_t number = 0;
  return value.get(number) == simdjson::SUCCESS && number <= most;
}

bool is_name(const simdjson::simdjson_result<dom::element>& found) {
  dom::element value;
  std::string_view name;
  if (found.get(value) != simdjson::SUCCESS || value.is_null()) return true;
  if (value.get(name) != simdjson::SUCCESS || name.size() > 64) return false;
  return std::ranges::all_of(name, [](char c) { return c >= 0x20 && c <= 0x7e; });
}

/// Why the scan may refuse what is valid JSON; see scan_envelope.
bool refusal_explained(const dom::element& root, std::string_view text) {
  if (!root.is_object() || depth_of(root) > proto::json_depth_max) return true;
  if (text.contains('\\') || text.contains("-0")) return true;  // an escape in t; a zero with a sign
  return !is_number(first(root, "op"), std::numeric_limits<int>::max(), false) ||
         !is_number(first(root, "s"), std::numeric_limits<std::int64_t>::max(), true) ||
         !is_name(first(root, "t"));
}

/// What the scan may accept although it is not valid JSON is only what it does not judge: the outermost
/// object still opens first and closes last.
bool closes_where_it_should(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  bool escaped = false;
  bool ended = false;
  for (const char c : text) {
    if (in_string) {
      if (!escaped && c == '"') in_string = false;
      escaped = !escaped && c == '\\';
      continue;
    }
    if (proto::is_space(c)) continue;
    if (ended) return false;
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') ended = --depth == 0;
  }
  return ended && !in_string;
}

proto::snowflake id_of(const simdjson::simdjson_result<dom::element>& found) {
  dom::element value;
  std::string_view digits;
  if (found.get(value) != simdjson::SUCCESS || value.get(digits) != simdjson::SUCCESS) return 0;
  return digits.size() > 20 ? 0 : proto::parse_snowflake(digits).value_or(0);
}

void compare(const proto::envelope& e, const dom::element& root) {
  dom::element value;
  std::int64_t number = -1;
  std::string_view name;
  if (first(root, "op").get(number) != simdjson::SUCCESS) number = -1;
  check(e.op == number, "the same op");
  if (first(root, "s").get(number) != simdjson::SUCCESS) number = -1;
  check(e.s == number, "the same s");
  if (first(root, "t").get(name) != simdjson::SUCCESS) name = {};
  check(e.t == name && e.type == proto::event_type_of(name), "the same t");
  if (first(root, "d").get(value) != simdjson::SUCCESS) return check(e.d.empty(), "no d");
  static simdjson::dom::parser parser;
  dom::element d;
  const bool read = read_json(parser, e.d).get(d) == simdjson::SUCCESS;
  check(read && simdjson::to_string(d) == simdjson::to_string(value), "the same d");
  check(e.id == id_of(first(d, "id")), "the same id");
  check(e.channel == id_of(first(d, "channel_id")), "the same channel");
  switch (proto::info_of(e.type).place) {
    case proto::guild_place::none:
      return check(e.guild == 0, "no guild");
    case proto::guild_place::guild:
      return check(e.guild == id_of(first(d, "guild_id")), "the same guild");
    case proto::guild_place::id:
      return check(e.guild == id_of(first(d, "id")), "the guild is the id");
    case proto::guild_place::meta:
      return;  // also taken as a bare number, which the tests of json_view see to
  }
}

void take_in(const proto::envelope& e) {
  flow::reply_table replies(8);
  auto intake = pipeline::intake::make({}, replies);
  flow::event_batch batch;
  (*intake)->add(e, {0, 1}, batch);
  for (const auto& row : batch.rows) {
    check(std::size_t{row.pos} + row.name_size + row.size <= batch.arena.size(), "a row inside the arena");
    if (row.type == e.type && !batch.data(row).empty() && proto::valid_utf8(e.d)) {
      check(batch.data(row) == e.d || (row.flags & flow::row_flag::reply) != 0, "d goes in untouched");
    }
    check(proto::valid_utf8(batch.data(row)), "what bots are sent is UTF-8");
  }
}

void walk_alike(std::string_view text) {
  const auto at = text.find_first_of("{[");
  if (at == std::string_view::npos) return;
  using enum proto::walk_variant;
  proto::member_ids expected;
  const auto end = proto::walk_container_with(words, text, at, proto::json_depth_max, &expected);
  for (const auto variant : {sse2, avx2}) {
    if (!proto::walk_supported(variant)) continue;
    proto::member_ids ids;
    check(proto::walk_container_with(variant, text, at, proto::json_depth_max, &ids) == end,
          "all variants walk alike");
    if (end == std::string_view::npos) continue;
    check(ids.id == expected.id && ids.guild == expected.guild && ids.channel == expected.channel &&
              ids.id_at == expected.id_at && ids.guild_at == expected.guild_at &&
              ids.channel_at == expected.channel_at,
          "all variants note the same ids");
  }
}

}  // namespace

void run(std::string_view bytes) {
  walk_alike(bytes);
  const auto scanned = proto::scan_envelope(bytes);
  static simdjson::dom::parser parser;
  dom::element root;
  const bool valid = read_json(parser, bytes).get(root) == simdjson::SUCCESS;
  if (!scanned) {
    check(!valid || refusal_explained(root, bytes), "valid JSON is refused for a reason");
    return;
  }
  check(closes_where_it_should(bytes), "what is accepted is closed");
  if (scanned->op == 0 && !scanned->t.empty()) take_in(*scanned);
  // Keys are compared as they stand; the DOM resolves \u0069\u0064 to id.
  if (valid && !bytes.contains("\\u")) compare(*scanned, root);
}

}  // namespace evergate::fuzz
