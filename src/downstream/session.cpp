#include "downstream/session.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "downstream/frames.h"
#include "proto/json_view.h"

namespace evergate::downstream {
namespace {

using kind = session_action::kind;

void send(std::string_view frame, std::vector<session_action>& out) {
  auto& action = out.emplace_back();
  action.what = kind::send;
  action.frame = frame;
}

/// Libraries measured to answer op 1 at once and without harm (docs/delivery.md); all others, and bots that
/// hide their library, are never asked. The name stands at the beginning, for example "@discordjs/ws 1.2.3".
bool answers_requests(std::string_view properties) {
  static constexpr std::array<std::string_view, 6> proven = {"discord.js", "@discordjs", "seyfert",
                                                             "discordeno", "eris",       "oceanic"};
  for (const auto* key : {"browser", "$browser", "device", "$device"}) {
    auto name = proto::decoded_string(proto::member(properties, key)).value_or("");
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    for (const auto known : proven) {
      if (!name.starts_with(known)) continue;
      const auto next = name.size() == known.size() ? ' ' : name[known.size()];
      if (std::isalnum(static_cast<unsigned char>(next)) == 0) return true;
    }
  }
  return false;
}

std::string library_of(std::string_view properties) {
  for (const auto* key : {"browser", "$browser"}) {
    if (auto name = proto::decoded_string(proto::member(properties, key))) return std::move(*name);
  }
  return {};
}

/// `[i, n]`; absent means [0, 1]. Nothing when it is not a shard.
std::optional<proto::shard_key> lane_of(std::string_view value, std::uint32_t lanes_max) {
  if (value.empty() || value == "null") return proto::shard_key{0, 1};
  proto::array_cursor numbers(value);
  std::int64_t parts[2] = {-1, -1};
  for (auto& part : parts) {
    if (!numbers.next()) return std::nullopt;
    part = proto::integer_of(numbers.value()).value_or(-1);
  }
  if (numbers.next() || !numbers.ok()) return std::nullopt;
  if (parts[1] < 1 || parts[1] > lanes_max || parts[0] < 0 || parts[0] >= parts[1]) return std::nullopt;
  return proto::shard_key{static_cast<std::uint32_t>(parts[0]), static_cast<std::uint32_t>(parts[1])};
}

bool known_op(int op) {
  static constexpr std::array<int, 8> allowed = {1, 2, 3, 4, 6, 8, 31, 43};
  return std::ranges::find(allowed, op) != allowed.end();
}

bool is_object(std::string_view value) {
  return value.starts_with('{');
}

}  // namespace

void session::step(const session_input& input, base::instant now, std::vector<session_action>& out) {
  if (state_ == state::closed) return;
  switch (input.what) {
    case session_input::kind::open:
      identify_until_ = now + rules_.identify_timeout;
      window_start_ = now;
      send(frames::hello(rules_.heartbeat_interval), out);
      break;
    case session_input::kind::message:
      receive(input.text, now, out);
      break;
    case session_input::kind::tick:
      tick(now, out);
      break;
    case session_input::kind::started:
      if (state_ == state::starting) state_ = state::live;
      last_beat_ = now;
      asker_.start(now);
      break;
    case session_input::kind::invalidated:
      // The connection stays usable: eris and oceanic identify again on it.
      state_ = state::awaiting;
      ended_ = true;
      asker_.stop();
      identify_until_ = now + rules_.identify_timeout;
      send(frames::invalid_session, out);
      break;
    case session_input::kind::ask:
      ask(input.need, now, out);
      break;
  }
}

void session::receive(std::string_view text, base::instant now, std::vector<session_action>& out) {
  if (text.size() > rules_.message_bytes_max) return close(4002, "Error while decoding payload.", out);
  const auto frame = reader_.read(text);
  asker_.message(now);
  const bool answer = frame && frame->op == 1 && asker_.waits_for_answer();
  if (!within_window(answer, now)) return close(4008, "Rate limited.", out);
  if (!frame) return close(4002, "Error while decoding payload.", out);
  if (!known_op(frame->op)) return close(4001, "Unknown opcode.", out);
  switch (frame->op) {
    case 1:
      return heartbeat(frame->d, now, out);
    case 2:
      if (state_ != state::awaiting) return close(4005, "Already authenticated.", out);
      return identify(frame->d, out);
    case 6:
      if (state_ != state::awaiting) return close(4005, "Already authenticated.", out);
      return resume(frame->d, out);
    default:
      break;
  }
  if (state_ == state::awaiting && ended_) return;
  if (state_ == state::awaiting) return close(4003, "Not authenticated.", out);
  if (!is_object(frame->d)) return close(4002, "Error while decoding payload.", out);
  auto& action = out.emplace_back();
  action.what = kind::command;
  action.op = frame->op;
  action.d = frame->d;
}

void session::ask(ask_need need, base::instant now, std::vector<session_action>& out) {
  if (state_ != state::live || !asker_.may_ask(need, now)) return;
  asker_.asked(now);
  send(frames::heartbeat_request, out);
}

void session::tick(base::instant now, std::vector<session_action>& out) {
  if (state_ == state::awaiting && now >= identify_until_) return close(4003, "Not authenticated.", out);
  const auto patience = rules_.heartbeat_interval * rules_.heartbeats_missed_max;
  if (state_ == state::live && now - last_beat_ > patience) close(4009, "Session timed out.", out);
}

void session::heartbeat(std::string_view d, base::instant now, std::vector<session_action>& out) {
  asker_.beat(now);
  last_beat_ = now;
  const auto seq = proto::integer_of(d);
  if (state_ != state::live || !seq || *seq <= 0) return send(frames::heartbeat_ack, out);
  auto& action = out.emplace_back();
  action.what = kind::acknowledge;
  action.seq = *seq;
  action.frame = frames::heartbeat_ack;
}

void session::identify(std::string_view d, std::vector<session_action>& out) {
  if (!is_object(d)) return close(4002, "Error while decoding payload.", out);
  const auto token = proto::decoded_string(proto::member(d, "token"));
  if (!token || !rules_.token->matches(*token)) return close(4004, "Authentication failed.", out);
  const auto lane = lane_of(proto::member(d, "shard"), rules_.lanes_max);
  if (!lane) return close(4010, "Invalid shard.", out);
  const auto intents = proto::integer_of(proto::member(d, "intents"));
  if (!intents || *intents < 0 || !proto::valid_intents(static_cast<std::uint64_t>(*intents))) {
    return close(4013, "Invalid intent(s).", out);
  }
  const auto bits = static_cast<proto::intent_bits>(*intents);
  if ((bits & ~rules_.intents) != 0) return close(4014, "Disallowed intent(s).", out);
  state_ = state::starting;
  auto& action = out.emplace_back();
  action.what = kind::identify;
  action.identify.lane = *lane;
  action.identify.intents = bits;
  action.identify.compress = proto::member(d, "compress") == "true";  // oceanic sends a string: ignored
  const auto threshold = proto::integer_of(proto::member(d, "large_threshold")).value_or(50);
  action.identify.large_threshold = static_cast<std::uint32_t>(std::clamp<std::int64_t>(threshold, 50, 250));
  action.identify.may_ask = rules_.ask_heartbeats && answers_requests(proto::member(d, "properties"));
  action.identify.library = library_of(proto::member(d, "properties"));
  const auto presence = proto::member(d, "presence");
  if (is_object(presence)) action.identify.presence = presence;
}

void session::resume(std::string_view d, std::vector<session_action>& out) {
  if (!is_object(d)) return close(4002, "Error while decoding payload.", out);
  const auto token = proto::decoded_string(proto::member(d, "token"));
  if (!token || !rules_.token->matches(*token)) return close(4004, "Authentication failed.", out);
  state_ = state::starting;
  auto& action = out.emplace_back();
  action.what = kind::resume;
  action.resume.session_id = proto::decoded_string(proto::member(d, "session_id")).value_or("");
  action.resume.seq = proto::integer_of(proto::member(d, "seq")).value_or(-1);
}

bool session::within_window(bool free, base::instant now) {
  if (now - window_start_ >= rules_.sends_window) {
    window_start_ = now;
    sent_in_window_ = 0;
  }
  if (free) return true;  // an answer to our own op 1
  return ++sent_in_window_ <= rules_.sends_max;
}

void session::close(std::uint16_t code, const char* reason, std::vector<session_action>& out) {
  state_ = state::closed;
  auto& action = out.emplace_back();
  action.what = kind::close;
  action.code = code;
  action.reason = reason;
}

}  // namespace evergate::downstream
