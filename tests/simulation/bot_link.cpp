#include "bot_link.h"

#include <algorithm>
#include <utility>

namespace evergate::simulation {

base::nanoseconds bot_link::some_latency() {
  const base::nanoseconds least = how_.latency_min;
  const base::nanoseconds span = how_.latency_max - how_.latency_min;
  return least + base::nanoseconds(chance_.below(static_cast<std::uint64_t>(span.count()) + 1));
}

std::size_t bot_link::write(bot_side who, std::string_view bytes) {
  const auto to = other(who);
  auto& there = end_of(to);
  if (end_of(who).gone || there.finished) return bytes.size();
  const auto room = how_.buffer_bytes - std::min(how_.buffer_bytes, there.unread);
  const auto taken = std::min(room, bytes.size());
  there.starved = taken < bytes.size();
  there.unread += taken;
  bytes = bytes.substr(0, taken);
  while (!bytes.empty()) {
    const bool whole = !chance_.chance(how_.cut);
    const auto size = whole ? bytes.size() : 1 + chance_.below(bytes.size());
    there.last = std::max(there.last, time_.now() + some_latency());
    time_.at(there.last, [self = shared_from_this(), to, epoch = there.epoch,
                          piece = std::string(bytes.substr(0, size))]() mutable {
      self->arrive(to, epoch, std::move(piece));
    });
    bytes.remove_prefix(size);
  }
  return taken;
}

void bot_link::arrive(bot_side to, std::uint32_t epoch, std::string piece) {
  auto& here = end_of(to);
  if (silent_ || epoch != here.epoch || here.gone) return;
  here.arrived += piece;
  read(to);
}

void bot_link::read(bot_side who) {
  auto& here = end_of(who);
  if (here.paused || here.gone) return;
  const auto self = shared_from_this();
  if (!here.arrived.empty()) {
    const auto bytes = std::exchange(here.arrived, {});
    here.unread -= bytes.size();
    if (std::exchange(here.starved, false)) {
      time_.after(some_latency(), [self, from = other(who)] {
        const auto room = self->end_of(from).hears.room;
        if (room && !self->silent_) room();
      });
    }
    const auto hears = here.hears.bytes;
    if (hears) hears(bytes);
  }
  if (!here.finished || here.told || here.gone || here.paused || !here.arrived.empty()) return;
  here.told = true;
  const auto ended = here.hears.ended;
  if (ended) ended();
}

void bot_link::pause(bot_side who, bool paused) {
  end_of(who).paused = paused;
  if (paused) return;
  time_.at(time_.now(), [self = shared_from_this(), who] { self->read(who); });
}

void bot_link::close(bot_side who) {
  auto& here = end_of(who);
  if (std::exchange(here.gone, true)) return;
  here.hears = {};
  finish(other(who), false);
}

void bot_link::reset(bot_side who) {
  auto& here = end_of(who);
  if (std::exchange(here.gone, true)) return;
  here.hears = {};
  auto& there = end_of(other(who));
  // What is under way goes with it, or still arrives before the end does.
  if (chance_.chance(0.5)) ++there.epoch;
  finish(other(who), true);
}

void bot_link::finish(bot_side to, bool lossy) {
  auto& there = end_of(to);
  there.last = std::max(there.last, time_.now() + some_latency());
  time_.at(there.last, [self = shared_from_this(), to, lossy] {
    auto& end = self->end_of(to);
    if (self->silent_) return;
    end.finished = true;
    // A reset throws away what has not been read.
    if (lossy && end.paused) {
      end.arrived.clear();
      end.paused = false;
    }
    self->read(to);
  });
}

}  // namespace evergate::simulation
