// Every edit of raw JSON: redaction, the trimming of guilds, splices, strings and UTF-8. Whatever the bytes,
// nothing breaks; of valid JSON comes valid JSON, with what was not to be changed unchanged.
//
// Input: the name of an event, a line feed, its d.
#include <string>

#include "base/check.h"
#include "fuzz/input.h"
#include "fuzz/json_oracle.h"
#include "fuzz/target.h"
#include "journal/json_digest.h"
#include "journal/json_splice.h"
#include "proto/guild_trim.h"
#include "proto/json_splice.h"
#include "proto/json_view.h"
#include "proto/redaction.h"
#include "proto/utf8.h"

namespace evergate::fuzz {
namespace {

using base::check;

constexpr proto::snowflake self = 1'100'000'000'000'000'001;

/// By the DOM: nothing of a message that a bot without the intent may not see.
bool shows_nothing(const simdjson::dom::element& message) {
  simdjson::dom::object members;
  if (message.get(members) != simdjson::SUCCESS) return true;
  for (const auto& [key, value] : members) {
    const auto text = simdjson::to_string(value);
    if (key == "poll" || (key == "content" && text != R"("")")) return false;
    if ((key == "embeds" || key == "attachments" || key == "components") && text != "[]") return false;
    if (key == "referenced_message" && !shows_nothing(value)) return false;
    simdjson::dom::array snapshots;
    if (key != "message_snapshots" || value.get(snapshots) != simdjson::SUCCESS) continue;
    for (const auto& one : snapshots) {
      simdjson::dom::element inner;
      if (one["message"].get(inner) == simdjson::SUCCESS && !shows_nothing(inner)) return false;
    }
  }
  return true;
}

/// With no self to be exempt, of every message in a guild nothing is shown. Keys are compared as they stand,
/// the DOM resolves escapes in them.
void judge_redacted(proto::event_type type, std::string_view d, std::string_view out) {
  const bool message = type == proto::event_type::message_create || type == proto::event_type::message_update;
  const auto guild = proto::member(d, "guild_id");
  if (!message || guild.empty() || guild == "null" || d.contains("\\u")) return;
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  check(read_json(parser, out).get(root) == simdjson::SUCCESS && shows_nothing(root), "nothing is shown");
}

void redaction(proto::event_type type, std::string_view d, bool valid) {
  for (const auto self_id : {proto::snowflake{0}, self}) {
    std::string out;
    proto::redact(type, d, self_id, out);
    check(proto::needs_redaction(type, d, self_id) == (out != d),
          "it is asked for when it changes something");
    if (!valid) continue;
    check(valid_json(out), "redacted, it is valid JSON");
    check(!proto::needs_redaction(type, out, self_id), "nothing is left to redact");
    if (self_id == 0) judge_redacted(type, d, out);
  }
}

void trimming(std::string_view d, bool valid) {
  for (const std::uint32_t threshold : {50U, 250U}) {
    for (const proto::intent_bits intents : {0U, proto::intent::guild_presences}) {
      std::string out;
      proto::trim_guild(d, intents, threshold, self, out);
      if (!valid) continue;
      check(valid_json(out), "trimmed, it is valid JSON");
      proto::object_cursor before(d);
      proto::object_cursor after(out);
      while (before.next()) {
        check(after.next() && after.key() == before.key(), "the same members in the same order");
        const auto key = before.key();
        const bool may_differ = key == "members" || key == "presences" || key == "large";
        check(may_differ || after.value() == before.value(), "all else byte for byte");
      }
    }
  }
}

/// The cursors, splices and digests on one object.
void members(std::string_view d, bool valid) {
  proto::object_cursor all(d);
  std::size_t seen = 0;
  while (all.next() && ++seen < 32) {
    const std::string key(all.key());
    const auto piece = proto::member_with_comma(d, key);
    std::string left;
    proto::json_splice splice(d, left);
    if (!piece.empty()) splice.replace(piece, {});
    splice.finish();
    const auto set = journal::with(d, key, "[1]");
    const auto dropped = journal::without(d, {key});
    if (!valid) continue;
    check(!piece.empty() && valid_json(left), "without one member it is valid JSON");
    check(valid_json(set) && proto::member(set, key) == "[1]", "with one member set it is valid JSON");
    check(valid_json(dropped) && proto::member(dropped, key).empty(), "the member is gone");
    check(valid_json(all.key().empty() ? "0" : all.value()), "a member's value is a value");
  }
  const auto patched = journal::merged(d, d);
  if (valid && proto::object_cursor(d).ok() && d.starts_with('{')) {
    check(valid_json(patched), "merged, it is valid JSON");
    check(all.ok() || seen >= 32, "the cursor reads what is valid");
  }
  const auto digest = journal::digest_of(d);
  if (!valid || !d.starts_with('{') || !d.ends_with('}')) return;
  std::string tight(d.size() + 64, '\0');
  std::size_t size = 0;
  check(simdjson::minify(d.data(), d.size(), tight.data(), size) == simdjson::SUCCESS, "minified");
  check(digest == journal::digest_of(std::string_view(tight).substr(0, size)), "white space says nothing");
}

void strings(std::string_view text) {
  std::string quoted;
  proto::append_quoted(quoted, text);
  check(proto::decoded_string(quoted) == text, "what was quoted is decoded");
  if (proto::valid_utf8(text)) check(valid_json(quoted), "a quoted text is valid JSON");
  std::string repaired;
  const auto replaced = proto::append_repaired_utf8(text, repaired);
  check(proto::valid_utf8(repaired) && repaired.size() <= text.size() * 3, "repaired, it is UTF-8");
  check((replaced == 0) == proto::valid_utf8(text), "only what is ill-formed is replaced");
  if (replaced == 0) check(repaired == text, "what is well-formed stays");
}

/// Single values against simdjson.
void values(std::string_view text) {
  static simdjson::dom::parser parser;
  simdjson::dom::element root;
  const bool valid = read_json(parser, text).get(root) == simdjson::SUCCESS;
  const auto decoded = proto::decoded_string(text);
  const auto integer = proto::integer_of(text);
  (void)proto::snowflake_of(text);
  (void)proto::plain_string(text);
  if (!valid) return;
  std::string_view string;
  std::int64_t number = 0;
  const bool is_string = root.get(string) == simdjson::SUCCESS;
  check(decoded.has_value() == is_string && (!is_string || *decoded == string), "the same string");
  const bool is_integer = root.is_int64() && root.get(number) == simdjson::SUCCESS;
  check(integer.has_value() == is_integer && (!is_integer || *integer == number), "the same integer");
}

}  // namespace

void run(std::string_view bytes) {
  input in(bytes);
  const auto type = proto::event_type_of(in.line());
  const auto d = in.rest();
  const bool valid = valid_object(d);
  redaction(type, d, valid);
  trimming(d, valid);
  members(d, valid);
  strings(bytes);
  values(d);
}

}  // namespace evergate::fuzz
