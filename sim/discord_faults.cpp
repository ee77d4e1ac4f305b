// What goes wrong on command: done to connections at once, or armed and met on the way.
#include <algorithm>

#include "sim/connection.h"
#include "sim/discord.h"

namespace evergate::sim {
namespace {

constexpr const char* reconnect_now = R"({"t":null,"s":null,"op":7,"d":null})";
constexpr const char* beat_now = R"({"t":null,"s":null,"op":1,"d":null})";
constexpr const char* heard = R"({"t":null,"s":null,"op":11,"d":null})";
constexpr const char* invalid_session = R"({"t":null,"s":null,"op":9,"d":false})";
constexpr const char* resumable_session = R"({"t":null,"s":null,"op":9,"d":true})";
constexpr std::string_view place = "@@here@@";

std::string_view odd_bytes(fault_kind kind) {
  return kind == fault_kind::bad_utf8 ? "\xff\xc3\x28" : "\\ud83d";
}

void replace_place(std::string& text, std::string_view with) {
  for (auto at = text.find(place); at != std::string::npos; at = text.find(place))
    text.replace(at, place.size(), with);
}

}  // namespace

fault_book::target discord::target_of(const connection& c) {
  fault_book::target out{.resume_path = c.request.resume_path};
  if (c.owner != nullptr) {
    out.shard = c.owner->shard;
    out.count = c.owner->count;
  }
  return out;
}

std::vector<discord::connection*> discord::fitting(const fault_order& order) {
  std::vector<connection*> out;
  const fault_book::armed_fault wanted{.order = order};
  for (const auto& [id, c] : connections_) {
    if (c->owner != nullptr && !c->closing && fits(wanted, target_of(*c))) out.push_back(c.get());
  }
  return out;
}

fault_outcome discord::fault(const fault_order& order, std::int64_t now_ms) {
  ticked_ms_ = std::max(ticked_ms_, now_ms);
  if (waits(order.kind)) return {.armed = faults_.arm(order, ledger_.sessions())};
  std::size_t done = 0;
  for (std::uint32_t i = 0; i < order.times; ++i) done += strike(order, now_ms);
  faults_.count(order.kind, done);
  return {.done = done};
}

void discord::clear_faults() noexcept {
  faults_.clear();
}

std::size_t discord::strike(const fault_order& order, std::int64_t now_ms) {
  if (order.kind >= fault_kind::huge) return shout(order, now_ms);
  const auto all = fitting(order);
  for (connection* c : all) {
    if (c->owner != nullptr) strike_one(*c, order, now_ms);  // else what was sent to others ended it
  }
  return all.size();
}

void discord::strike_one(connection& c, const fault_order& order, std::int64_t now_ms) {
  session& s = *c.owner;
  switch (order.kind) {
    case fault_kind::stall:
    case fault_kind::half_open:
      c.muted = true;
      c.stalled |= order.kind == fault_kind::stall;
      sink_.damage(c.id, order.kind == fault_kind::stall ? damage::stall : damage::half_open);
      return;
    case fault_kind::op7:
      send_plain(c, reconnect_now);
      c.close_at_ms = now_ms + order.close_ms.value_or(options_.op7_close_ms);
      return;
    case fault_kind::op9:
      send_plain(c, order.resumable ? resumable_session : invalid_session);
      detach(c, now_ms);
      if (!order.resumable) end_session(s, now_ms);
      return;
    case fault_kind::op1:
      if (!c.muted && !c.deaf) c.beat_asked_ms = now_ms;
      return send_plain(c, beat_now);
    case fault_kind::corrupt_frame:
      c.deaf |= sink_.damage(c.id, order.how) && order.how == damage::false_length;
      return;
    default:
      break;
  }
  detach(c, now_ms);
  if (order.kind == fault_kind::close && order.code != 0) return close(c, order.code, "");
  c.closing = true;
  if (order.kind != fault_kind::rst || !sink_.damage(c.id, damage::reset)) sink_.drop(c.id);
}

// A message of the bot's own in one guild of each shard, with something odd in it.
std::size_t discord::shout(const fault_order& order, std::int64_t now_ms) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, bool> shards;
  std::size_t done = 0;
  for (const connection* c : fitting(order)) {
    if (c->owner == nullptr) continue;
    const session& s = *c->owner;
    if ((s.view.intents & intent::messages) == 0) continue;
    const auto [at, first] = shards.try_emplace({s.count, s.shard}, false);
    if (first) at->second = shout_in(s, order, now_ms);
    if (at->second) ++done;
  }
  return done;
}

bool discord::shout_in(const session& s, const fault_order& order, std::int64_t now_ms) {
  for (std::uint32_t i = 0; i < world_.slots(); ++i) {
    const snowflake id = world_.id_at(i);
    if (id == 0 || (id >> 22) % s.count != s.shard || s.waiting_set.contains(i)) continue;
    if (!world_.kept_available(i)) continue;
    guild& g = world_.touch(i);
    const auto where = std::ranges::find_if(g.channels, [](const channel& c) { return c.talks(); });
    if (where == g.channels.end()) continue;
    const bool big = order.kind == fault_kind::huge;
    mix_.own_message(g, where->id, big ? std::string(order.bytes, 'x') : "odd: " + std::string(place), now_ms,
                     event_);
    replace_place(event_.d, odd_bytes(order.kind));
    replace_place(event_.d_stripped, odd_bytes(order.kind));
    spread(event_);
    return true;
  }
  return false;
}

// The one way out for payloads.
void discord::transmit(connection& c, std::string_view head, std::string_view body, std::string_view tail) {
  if (c.muted || c.closing) return;
  if (c.owner != nullptr) {
    if (auto* broken = faults_.find(fault_kind::broken_stream, target_of(c))) {
      if (sink_.damage(c.id, damage::broken_message)) faults_.fire(*broken);
    } else if (auto* split = faults_.find(fault_kind::split_stream, target_of(c))) {
      if (sink_.damage(c.id, damage::split_message)) faults_.fire(*split);
    }
  }
  sink_.send(c.id, head, body, tail);
}

upgrade_verdict discord::knock(const gateway_request& request) {
  const fault_book::target at{.resume_path = request.resume_path};
  using answer = upgrade_verdict::answer;
  if (faults_.take(fault_kind::silent_upgrade, at)) return {.how = answer::silence};
  if (auto order = faults_.take(fault_kind::refuse_upgrade, at))
    return {.how = answer::refuse, .status = order->status, .body = std::move(order->body)};
  if (const auto order = faults_.take(fault_kind::slow_upgrade, at))
    return {.how = answer::delay, .delay_ms = order->delay_ms};
  return {};
}

bool discord::spoil_hello(connection& c, const std::string& hello, std::int64_t now_ms) {
  const auto at = target_of(c);
  if (faults_.take(fault_kind::no_hello, at)) {
    c.greeted = false;
    return true;
  }
  if (const auto slow = faults_.take(fault_kind::slow_hello, at)) {
    c.heard_ms = now_ms + slow->delay_ms;
    send_later(c, c.heard_ms, hello);
    return true;
  }
  if (!faults_.take(fault_kind::op7_first, at)) return false;
  c.greeted = false;
  send_plain(c, reconnect_now);
  c.close_at_ms = now_ms + options_.op7_close_ms;
  return true;
}

bool discord::spoil_identify(connection& c, std::uint32_t shard, std::uint32_t count) {
  const fault_book::target at{.shard = shard, .count = count, .resume_path = c.request.resume_path};
  if (faults_.take(fault_kind::op9_after_identify, at)) {
    ++counters_.identifies_refused;
    send_plain(c, invalid_session);
    return true;
  }
  if (faults_.take(fault_kind::no_ready, at)) return true;
  const auto order = faults_.take(fault_kind::close_after_identify, at);
  if (order) end_connection(c, order->code);
  return order.has_value();
}

bool discord::spoil_resume(connection& c, session& s, std::int64_t now_ms) {
  const fault_book::target at{.shard = s.shard, .count = s.count, .resume_path = c.request.resume_path};
  if (faults_.take(fault_kind::refuse_resume, at)) {
    ++counters_.resumes_refused;
    send_plain(c, invalid_session);
    end_session(s, now_ms);
    return true;
  }
  if (faults_.take(fault_kind::op9_true_after_resume, at)) {
    send_plain(c, resumable_session);
    return true;
  }
  if (faults_.take(fault_kind::no_resumed, at)) return true;
  const auto order = faults_.take(fault_kind::close_after_resume, at);
  if (order) end_connection(c, order->code);
  return order.has_value();
}

void discord::end_connection(connection& c, std::uint16_t code) {
  if (code != 0) return close(c, code, "");
  c.closing = true;
  sink_.drop(c.id);
}

void discord::acknowledge(connection& c, std::int64_t now_ms) {
  const auto at = target_of(c);
  if (faults_.take(fault_kind::missing_ack, at)) return;
  if (const auto late = faults_.take(fault_kind::late_ack, at))
    return send_later(c, now_ms + late->delay_ms, heard);
  send_plain(c, heard);
}

void discord::send_later(connection& c, std::int64_t due_ms, std::string payload) {
  later_.emplace(due_ms, std::pair{c.id, std::move(payload)});
}

void discord::send_due(std::int64_t now_ms) {
  while (!later_.empty() && later_.begin()->first <= now_ms) {
    const auto due = later_.extract(later_.begin());
    if (connection* c = find(due.mapped().first)) send_plain(*c, due.mapped().second);
  }
}

const std::string& discord::url_for(const fault_order& order) const {
  switch (order.to) {
    case dead_end::dead:
      return urls_.dead;
    case dead_end::silent:
      return urls_.silent;
    case dead_end::unknown_name:
      return urls_.unknown;
    case dead_end::none:
      break;
  }
  return order.url;
}

std::string discord::gateway_url() {
  const auto elsewhere = faults_.take(fault_kind::gateway_url, {});
  return elsewhere ? url_for(*elsewhere) : urls_.main;
}

std::optional<fault_order> discord::rest_fault(std::string_view path) {
  return faults_.take(fault_kind::rest_status, {.subject = path});
}

}  // namespace evergate::sim
