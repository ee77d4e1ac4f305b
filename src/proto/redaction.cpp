#include "proto/redaction.h"

#include "proto/json_splice.h"
#include "proto/json_view.h"

namespace evergate::proto {
namespace {

// A reply within a forward within a reply… Discord nests one level; deeper ones lose their bodies whole.
constexpr int nesting_max = 4;

/// The members of a message that the rules speak of, as raw values; empty when absent.
struct message_parts {
  std::string_view author;
  std::string_view mentions;
  bool has_guild = false;
};

message_parts message_parts_of(std::string_view message) noexcept {
  message_parts out;
  object_cursor cursor(message);
  while (cursor.next()) {
    const std::string_view key = cursor.key();
    if (key == "author") {
      if (out.author.empty()) out.author = cursor.value();
    } else if (key == "mentions") {
      if (out.mentions.empty()) out.mentions = cursor.value();
    } else if (key == "guild_id") {
      out.has_guild = out.has_guild || cursor.value() != "null";
    }
  }
  return out;
}

bool mentioned(std::string_view mentions, snowflake self_id) noexcept {
  array_cursor users(mentions);
  while (users.next()) {
    if (snowflake_of(member(users.value(), "id")) == self_id) return true;
  }
  return false;
}

bool exempt(const message_parts& parts, snowflake self_id) noexcept {
  if (self_id == 0) return false;
  return snowflake_of(member(parts.author, "id")) == self_id || mentioned(parts.mentions, self_id);
}

/// What stands in for a member's value; empty when the member may stay.
std::string_view empty_form_of(std::string_view key) noexcept {
  if (key == "content") return R"("")";
  if (key == "embeds" || key == "attachments" || key == "components") return "[]";
  return {};
}

/// Walks one message. With `splice` it edits; without, it stops at the first thing to edit.
class message_redaction {
 public:
  message_redaction(snowflake self_id, json_splice* splice) noexcept : self_id_(self_id), splice_(splice) {}

  /// True when something was, or would be, edited.
  bool run(std::string_view message, int nesting) {
    const bool keeps_content = exempt(message_parts_of(message), self_id_);
    bool edited = false;
    bool kept_one = false;           // a member before this one stays
    std::string_view previous = {};  // value of the member before
    object_cursor cursor(message);
    bool more = cursor.next();
    while (more && !(edited && splice_ == nullptr)) {
      const std::string_view key = cursor.key();
      const std::string_view value = cursor.value();
      const std::size_t begin = cursor.member_begin();
      more = cursor.next();
      if (!keeps_content && key == "poll") {
        const char* const from = kept_one ? previous.data() + previous.size() : message.data() + begin;
        const char* const to =
            more && !kept_one ? message.data() + cursor.member_begin() : value.data() + value.size();
        edit(std::string_view(from, to), {});
        edited = true;
      } else {
        edited = one_member(key, value, keeps_content, nesting) || edited;
        kept_one = true;
      }
      previous = value;
    }
    return edited;
  }

 private:
  bool one_member(std::string_view key, std::string_view value, bool keeps_content, int nesting) {
    if (const std::string_view empty = empty_form_of(key); !keeps_content && !empty.empty()) {
      if (value == empty) return false;
      edit(value, empty);
      return true;
    }
    if (key == "referenced_message" && value.starts_with('{')) return nested(value, nesting);
    if (key == "message_snapshots" && value.starts_with('[')) return snapshots(value, nesting);
    return false;
  }

  bool nested(std::string_view message, int nesting) {
    if (nesting < nesting_max) return run(message, nesting + 1);
    edit(message, "null");
    return true;
  }

  bool snapshots(std::string_view array, int nesting) {
    bool edited = false;
    array_cursor each(array);
    while (each.next()) {
      const std::string_view message = member(each.value(), "message");
      if (message.starts_with('{')) edited = nested(message, nesting) || edited;
    }
    return edited;
  }

  void edit(std::string_view piece, std::string_view with) {
    if (splice_ != nullptr) splice_->replace(piece, with);
  }

  const snowflake self_id_;
  json_splice* const splice_;
};

bool redact_execution(std::string_view d, json_splice* splice) {
  bool edited = false;
  object_cursor cursor(d);
  while (cursor.next()) {
    if (cursor.key() != "content" && cursor.key() != "matched_content") continue;
    if (!cursor.value().starts_with('"') || cursor.value() == R"("")") continue;
    if (splice != nullptr) splice->replace(cursor.value(), R"("")");
    edited = true;
  }
  return edited;
}

bool apply(event_type type, std::string_view d, snowflake self_id, json_splice* splice) {
  if (!carries_message_content(type)) return false;
  if (type == event_type::auto_moderation_action_execution) return redact_execution(d, splice);
  if (!message_parts_of(d).has_guild) return false;
  return message_redaction(self_id, splice).run(d, 0);
}

}  // namespace

bool needs_redaction(event_type type, std::string_view d, snowflake self_id) noexcept {
  return apply(type, d, self_id, nullptr);
}

void redact(event_type type, std::string_view d, snowflake self_id, std::string& out) {
  json_splice splice(d, out);
  apply(type, d, self_id, &splice);
  splice.finish();
}

}  // namespace evergate::proto
