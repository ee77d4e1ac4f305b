// The part of bot_core that sends interactions ahead of everything else: as soon as READY is written,
// whatever the lane's queue, window or pace, and only once the lane's position past them is durable.
#include <utility>

#include "downstream/bot_core.h"

namespace evergate::downstream {
namespace {

constexpr base::seconds tell_dropped_every{10};

}  // namespace

void bot_core::serve_interactions() {
  const bool open = phase_ == phase::filling || phase_ == phase::gated || phase_ == phase::replaying ||
                    phase_ == phase::flowing;
  // A congested wire gives them no room to overtake in; they would only grow old in its queue.
  if (!open || silent_ || held_ || wire_.output_room() == 0 || interactions_.reserved()) return;
  const auto more = interactions_.scan(around_.events.recent_after(), around_.events.head(), unix_ms_);
  if (!more) {
    around_.log.error("bot.read_failed", {{"consumer", origin_.consumer}, {"cause", more.error().text()}});
    return finish(4000, "Unknown error.");
  }
  count_interactions();
  if (*more) wire_.pump_later();
  if (!interactions_.waiting()) return;
  const auto upto = interactions_.position();
  if (!consumer_->with([&](consumer& body) { return body.reserve_interactions(origin_.id, upto); })) {
    interactions_.forget();
    silent_ = true;
    return;
  }
  auto done = [desk = &around_.desk, id = origin_.id, ticket = interactions_.reserve()] {
    desk->interactions_reserved(id, ticket);
  };
  around_.readers.flush(*consumer_, std::move(done));
}

void bot_core::send_interaction(const flow::event_batch& batch, const flow::event_row& row) {
  if (phase_ == phase::closed) return;
  auto& out = wire_.output();
  if (backfill_) {
    if (auto shown = backfill_->bring_forward(row.guild, out); !shown) {
      around_.log.error("bot.backfill_failed",
                        {{"consumer", origin_.consumer}, {"cause", shown.error().text()}});
      return finish(4000, "Unknown error.");
    }
  }
  const auto seq = backfill_ ? backfill_->seq() : lane_->sent_seq();
  writer_.dispatch(batch.name(row), seq, batch.data(row), out);
  interaction_unread_ = true;
  interaction_at_ = now_;
}

void bot_core::count_interactions() {
  const auto sent = interactions_.sent() - std::exchange(told_sent_, interactions_.sent());
  const auto dropped = interactions_.dropped() - std::exchange(told_dropped_, interactions_.dropped());
  untold_dropped_ += dropped;
  if (untold_dropped_ > 0 && now_ >= tell_dropped_at_) {
    // A clock that is wrong drops them all: that is worth a line.
    around_.log.warn("bot.interactions_expired", {{"consumer", origin_.consumer},
                                                  {"lane", grant_->session.lane.id},
                                                  {"interactions", std::exchange(untold_dropped_, 0)}});
    tell_dropped_at_ = now_ + tell_dropped_every;
  }
  if (consumer_ != nullptr && sent + dropped > 0) {
    consumer_->with([&](consumer& body) { body.count_interactions(sent, dropped); });
  }
}

}  // namespace evergate::downstream
