// A guild's document under any events: nothing breaks, and of valid JSON comes one valid object that reads
// and writes to itself.
//
// Input: lines of `EVENT_NAME d`. The first GUILD_CREATE is the base.
#include "journal/guild_document.h"

#include <string>

#include "base/check.h"
#include "fuzz/input.h"
#include "fuzz/json_oracle.h"
#include "fuzz/target.h"
#include "proto/json_view.h"

namespace evergate::fuzz {
namespace {

using base::check;

constexpr proto::snowflake own_id = 1'100'000'000'000'000'001;
constexpr std::size_t events_max = 64;

std::string written(journal::guild_document& document) {
  std::string out;
  document.write(out);
  return out;
}

flow::counter_row drawn_counter(std::string_view d) {
  flow::counter_row counter;
  counter.channel = proto::snowflake_of(proto::member(d, "channel_id"));
  counter.message = proto::snowflake_of(proto::member(d, "id"));
  counter.added = counter.added_total = 1;
  return counter;
}

}  // namespace

void run(std::string_view bytes) {
  input in(bytes);
  journal::guild_document document(own_id);
  bool valid = true;
  for (std::size_t events = 0; !in.empty() && events < events_max; ++events) {
    input line(in.line());
    const auto space = line.rest().find(' ');
    const auto type = proto::event_type_of(line.take(space));
    (void)line.byte();
    const std::string d(line.rest());  // gone after this event, as in the daemon
    valid = valid && valid_object(d);
    if (type == proto::event_type::guild_delete) {
      document.remove();
    } else if (type == proto::event_type::user_update) {
      document.apply_user(d);
    } else if (type == proto::event_type::message_create) {
      document.apply(drawn_counter(d));
    } else {
      document.apply(type, d);
    }
  }
  if (!document.present()) return;
  const auto text = written(document);
  if (!valid) return;
  check(valid_object(text), "the document is valid JSON");
  check(proto::member(text, "unavailable") == "false", "and says that the guild is there");
  journal::guild_document again(own_id);
  check(again.replace(text) && written(again) == text, "it reads and writes to itself");
}

}  // namespace evergate::fuzz
