// The part of the api that deals with dead letters: events that bots died of, taken out of their queues.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "admin/api.h"
#include "admin/json_writer.h"
#include "flow/position.h"

namespace evergate::admin {
namespace {

using where = parameter::place;

void write_letter(const flow::dead_letter& letter, bool whole, json_writer& out) {
  out.object().put("consumer", letter.consumer).put("offset", letter.at.value).array("lane");
  out.put(letter.lane.id).put(letter.lane.count).end().put("type", letter.type);
  out.put("guild", std::to_string(letter.guild)).put("time", flow::rfc3339(letter.time_ms));
  out.put("bytes", letter.d.size());
  if (whole) out.raw("d", letter.d);
  out.end();
}

/// The letter that the path names; nothing when its offset is no number.
std::optional<flow::dead_letter_key> key_of(const call& asked) {
  const auto& text = asked.path.at("offset");
  flow::dead_letter_key out{asked.path.at("name"), {}};
  const auto* const last = text.data() + text.size();
  const auto [end, failed] = std::from_chars(text.data(), last, out.at.value);
  if (failed != std::errc{} || end != last) return std::nullopt;
  return out;
}

answer no_letter() {
  return failure(404, "unknown_letter", "there is no such dead letter");
}

}  // namespace

void api::add_letters(std::vector<operation>& to) {
  const parameter name{"name", where::path, "string", true, "The consumer's name"};
  const parameter offset{"offset", where::path, "integer", true, "The event's offset"};
  to.push_back({"GET",
                "/v1/dead-letters",
                "dead_letters",
                "Events that bots died of, oldest first, without their content",
                {},
                [this](const call&, reply back) { back(list_letters()); }});
  to.push_back({"GET",
                "/v1/consumers/{name}/dead-letters/{offset}",
                "dead_letter",
                "One dead letter with its content",
                {name, offset},
                [this](const call& asked, reply back) { back(show_letter(asked)); }});
  to.push_back({"POST",
                "/v1/consumers/{name}/dead-letters/{offset}/replay",
                "replay_dead_letter",
                "Sends it again to the bot that serves its guild now, outside of the numbers; it is kept",
                {name, offset},
                [this](const call& asked, reply back) { back(replay_letter(asked)); }});
  to.push_back({"DELETE",
                "/v1/consumers/{name}/dead-letters/{offset}",
                "discard_dead_letter",
                "Forgets it",
                {name, offset},
                [this](const call& asked, reply back) { back(discard_letter(asked)); }});
}

answer api::list_letters() const {
  json_writer out;
  const auto letters = around_.bots.control().letters();
  out.object().put("kept", letters.size()).put("pushed_out", around_.bots.readers().letters().pushed_out());
  out.array("letters");
  for (const auto& letter : letters) write_letter(*letter, false, out);
  out.end().end();
  return {200, out.take()};
}

answer api::show_letter(const call& asked) const {
  const auto key = key_of(asked);
  const auto letter = key ? around_.bots.readers().letters().find(*key) : nullptr;
  if (!letter) return no_letter();
  json_writer out;
  write_letter(*letter, true, out);
  return {200, out.take()};
}

answer api::replay_letter(const call& asked) {
  const auto key = key_of(asked);
  if (!key) return no_letter();
  switch (around_.bots.control().repeat(*key)) {
    case downstream::consumers::repeated::unknown:
      return no_letter();
    case downstream::consumers::repeated::no_bot:
      return failure(409, "no_bot", "no bot is connected for its guild");
    case downstream::consumers::repeated::sent:
      break;
  }
  return {200, R"({"replayed":true})"};
}

answer api::discard_letter(const call& asked) {
  const auto key = key_of(asked);
  if (!key || !around_.bots.control().discard(*key)) return no_letter();
  return {200, R"({"discarded":true})"};
}

}  // namespace evergate::admin
