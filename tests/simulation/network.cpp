#include "network.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace evergate::simulation {

network::network(virtual_time& time, trace& log, network_options options, std::uint64_t seed)
    : timeline_(time), log_(log), options_(options), chance_(seed) {}

network::link* network::find(link_id which) {
  const auto found = links_.find(which);
  return found == links_.end() ? nullptr : &found->second;
}

base::nanoseconds network::delay() {
  const auto jitter = static_cast<std::uint64_t>(options_.jitter.count());
  return options_.latency + base::nanoseconds(chance_.below(jitter + 1));
}

link_id network::dial(link_end& client, listener& to, std::string request, dial_fate fate) {
  const auto id = next_++;
  links_[id].to_client.reader = &client;
  const auto after = 3 * delay() + fate.more;
  if (fate.how == dial_fate::kind::refuse) {
    timeline_.in(after, "net refuse", [this, id] { refuse(id); });
  } else if (fate.how == dial_fate::kind::silence || after > options_.connect_timeout) {
    timeline_.in(options_.connect_timeout, "net no answer", [this, id] { refuse(id); });
  } else {
    timeline_.in(after, "net connect",
                 [this, id, &to, request = std::move(request)] { connected(id, to, request); });
  }
  return id;
}

void network::connected(link_id on, listener& to, const std::string& request) {
  auto* l = find(on);
  if (l == nullptr) return;
  if (l->to_client.reader == nullptr) {
    links_.erase(on);
    return;
  }
  auto* const server = to.accept(on, request);
  if (server == nullptr) return refuse(on);
  l = find(on);
  l->open = true;
  l->to_server.reader = server;
  l->to_client.reader->on_connected(on);
}

void network::refuse(link_id on) {
  auto* const l = find(on);
  if (l == nullptr) return;
  auto* const client = l->to_client.reader;
  links_.erase(on);
  if (client != nullptr) client->on_end(on, true);
}

void network::send(link_id on, side from, std::string_view bytes) {
  const auto to = other(from);
  while (!bytes.empty()) {
    auto* const l = find(on);
    if (l == nullptr) return;
    auto& p = towards(*l, to);
    if (p.ended || p.lost) return;
    auto size = std::min(bytes.size(), options_.piece_bytes_max);
    // Often whole, sometimes cut anywhere: within a header, a character, a compressed block.
    if (size > 1 && chance_.chance(0.15)) size = 1 + chance_.below(size - 1);
    const bool last = size >= p.cut;
    size = std::min(size, p.cut);
    if (size > 0) carry(on, to, {std::string(bytes.substr(0, size)), false, false});
    if (last) return reset(on);
    if (p.cut != ~std::size_t{0}) p.cut -= size;
    bytes.remove_prefix(size);
  }
}

void network::carry(link_id on, side to, piece what) {
  auto* const l = find(on);
  auto& p = towards(*l, to);
  p.under_way += what.bytes.size();
  if (what.end) p.ended = true;
  p.last = std::max(p.last, timeline_.now() + delay() + l->lag);
  timeline_.at(p.last, to == side::client ? "net to client" : "net to server",
               [this, on, to, what = std::move(what)]() mutable { arrive(on, to, std::move(what)); });
}

void network::arrive(link_id on, side to, piece what) {
  auto* const l = find(on);
  if (l == nullptr) return;
  auto& p = towards(*l, to);
  // A stream keeps its order: what comes after the stall waits behind what came in it.
  if (l->stalled_until <= timeline_.now() && p.stalled.empty()) return land(on, to, std::move(what));
  p.stalled.push_back(std::move(what));
  if (p.stalled.size() == 1) release(on, to);
}

void network::release(link_id on, side to) {
  auto* const l = find(on);
  if (l == nullptr) return;
  if (l->stalled_until > timeline_.now()) {
    timeline_.at(l->stalled_until, "net stalled", [this, on, to] { release(on, to); });
    return;
  }
  for (auto& one : std::exchange(towards(*l, to).stalled, {})) land(on, to, std::move(one));
}

void network::land(link_id on, side to, piece what) {
  auto* const l = find(on);
  if (l == nullptr) return;
  auto& p = towards(*l, to);
  log_.mark("net bytes", {static_cast<std::int64_t>(on), static_cast<std::int64_t>(what.bytes.size())});
  p.waiting.push_back(std::move(what));
  if (frozen(to)) {
    read_when_awake(on, to);
  } else if (!p.paused) {
    read(on, to);
  }
}

void network::read_when_awake(link_id on, side to) {
  timeline_.at(frozen_until_[static_cast<std::size_t>(to)], "net awake", [this, on, to] {
    if (frozen(to)) return read_when_awake(on, to);  // put to sleep again meanwhile
    read(on, to);
  });
}

void network::read(link_id on, side to) {
  for (;;) {
    auto* const l = find(on);
    if (l == nullptr) return;
    auto& p = towards(*l, to);
    if (p.paused || frozen(to) || p.waiting.empty()) break;
    auto next = std::move(p.waiting.front());
    p.waiting.pop_front();
    p.under_way -= std::min(p.under_way, next.bytes.size());  // a reset has forgotten what was on its way
    auto* const reader = p.reader;
    if (next.end) p.reader = nullptr;
    if (reader == nullptr) continue;
    if (next.end) {
      reader->on_end(on, next.reset);
    } else {
      reader->on_bytes(on, next.bytes);
    }
  }
  drop_if_over(on);
}

void network::drop_if_over(link_id on) {
  const auto* const l = find(on);
  if (l != nullptr && l->to_client.reader == nullptr && l->to_server.reader == nullptr) links_.erase(on);
}

void network::shut(link_id on, side from) {
  auto* const l = find(on);
  if (l == nullptr || towards(*l, other(from)).ended) return;
  carry(on, other(from), {{}, true, false});
}

void network::abort(link_id on, side from) {
  auto* const l = find(on);
  if (l == nullptr) return;
  towards(*l, from).reader = nullptr;
  auto& p = towards(*l, other(from));
  if (!p.ended && !p.lost) carry(on, other(from), {{}, true, true});
  if (p.lost) p.ended = true;
  drop_if_over(on);
}

void network::forget(link_id on, side at) {
  auto* const l = find(on);
  if (l == nullptr) return;
  towards(*l, at).reader = nullptr;
  drop_if_over(on);
}

void network::pause(link_id on, side at, bool paused) {
  auto* const l = find(on);
  if (l == nullptr) return;
  auto& p = towards(*l, at);
  if (p.paused == paused) return;
  p.paused = paused;
  if (!paused && !p.waiting.empty()) timeline_.soon("net read again", [this, on, at] { read(on, at); });
}

void network::freeze(side at, base::instant until) {
  auto& frozen = frozen_until_[static_cast<std::size_t>(at)];
  frozen = std::max(frozen, until);
}

bool network::arrived(link_id on, side at) const {
  const auto found = links_.find(on);
  return found != links_.end() && !towards(const_cast<link&>(found->second), at).waiting.empty();
}

std::size_t network::unread(link_id on, side from) const {
  const auto found = links_.find(on);
  if (found == links_.end()) return 0;
  return towards(const_cast<link&>(found->second), other(from)).under_way;
}

void network::reset(link_id on) {
  for (const auto to : {side::client, side::server}) {
    auto* const l = find(on);
    if (l == nullptr) return;
    auto& p = towards(*l, to);
    if (std::exchange(p.ended, true)) continue;
    timeline_.in(delay(), "net reset", [this, on, to] { hear_reset(on, to); });
  }
}

void network::hear_reset(link_id on, side to) {
  auto* const l = find(on);
  if (l == nullptr) return;
  if (frozen(to)) {
    timeline_.at(frozen_until_[static_cast<std::size_t>(to)], "net reset",
                 [this, on, to] { hear_reset(on, to); });
    return;
  }
  // A reset overtakes what waits to be read.
  auto& gone = towards(*l, to);
  gone.waiting.clear();
  gone.under_way = 0;
  auto* const reader = std::exchange(gone.reader, nullptr);
  if (reader != nullptr) reader->on_end(on, true);
  drop_if_over(on);
}

void network::end(link_id on) {
  shut(on, side::client);
  shut(on, side::server);
}

void network::stall(link_id on, base::nanoseconds span) {
  auto* const l = find(on);
  if (l == nullptr) return;
  l->stalled_until = std::max(l->stalled_until, timeline_.now() + span);
  tell(on, l->stalled_until);
}

void network::half_open(link_id on, side from) {
  auto* const l = find(on);
  if (l == nullptr) return;
  towards(*l, other(from)).lost = true;
  tell(on, base::instant::max());
}

void network::lag(link_id on, base::nanoseconds more) {
  auto* const l = find(on);
  if (l == nullptr) return;
  // What is sent from now on is late once; then one follows the other as before. When the lag shrinks, what
  // was sent before it did and what is sent afterwards come close together.
  tell(on, timeline_.now() + std::max(l->lag, more));
  l->lag = more;
}

void network::cut_after(link_id on, side to, std::size_t bytes) {
  if (auto* const l = find(on)) towards(*l, to).cut = bytes;
}

std::vector<link_id> network::open() const {
  std::vector<link_id> out;
  for (const auto& [id, l] : links_) {
    if (l.open && l.to_client.reader != nullptr && l.to_server.reader != nullptr) out.push_back(id);
  }
  return out;
}

void network::heal() {
  for (auto& [id, l] : links_) {
    if (l.lag > base::nanoseconds{0}) lag(id, base::nanoseconds{0});
    l.to_client.cut = l.to_server.cut = ~std::size_t{0};
    // A half-open link cannot be mended: the bytes between are gone. Its ends find out by themselves.
  }
}

}  // namespace evergate::simulation
