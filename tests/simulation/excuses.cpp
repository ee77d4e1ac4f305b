#include "excuses.h"

#include <algorithm>
#include <ranges>

namespace evergate::simulation {

void excuses::disturbed(link_id which, base::instant from, base::instant until) {
  links_[which].push_back({from, until});
}

void excuses::reading(bool paused, base::instant at) {
  if (paused) {
    paused_.push_back({at, base::instant::max()});
  } else if (!paused_.empty()) {
    paused_.back().until = std::min(paused_.back().until, at);
  }
}

void excuses::daemon_died(base::instant at) {
  ++life_;
  reading(false, at);
  own_failed_.clear();
  trying_own_.clear();
}

void excuses::dialed(std::uint32_t shard, link_id which, bool own_address) {
  if (trying_own_.contains(shard)) own_failed_.insert(shard);
  trying_own_.erase(shard);
  if (own_address) {
    trying_own_.insert(shard);
  } else {
    main_links_.insert(which);
  }
}

void excuses::live(std::uint32_t shard) {
  if (trying_own_.erase(shard) != 0) own_failed_.erase(shard);
}

void excuses::identified(std::uint32_t shard, link_id on, base::instant at) {
  identifies_.push_back({shard % rules_.buckets, on, at, life_});
  own_failed_.erase(shard);
}

bool excuses::may_resume(std::uint32_t shard, link_id on) const {
  return !main_links_.contains(on) || own_failed_.contains(shard);
}

bool excuses::meets(const std::vector<span>& spans, base::instant from, base::instant until) const {
  return std::ranges::any_of(
      spans, [&](const span& one) { return one.from <= until && one.until >= from - rules_.slack; });
}

bool excuses::late(link_id on, base::instant from, base::instant until) const {
  const auto known = links_.find(on);
  return known != links_.end() && meets(known->second, from, until);
}

bool excuses::calm(base::instant from, base::instant until) const {
  constexpr base::seconds noticed{120};
  if (meets(asleep_, from, until)) return false;
  return std::ranges::none_of(links_, [&](const auto& one) {
    return std::ranges::any_of(one.second, [&](const span& spot) {
      return spot.from <= until && std::min(spot.until, spot.from + noticed) >= from;
    });
  });
}

bool excuses::early_identify(link_id on, base::instant at) const {
  const auto backwards = identifies_ | std::views::reverse;
  const auto own = std::ranges::find(backwards, on, &identify::on);
  if (own == backwards.end()) return false;
  const auto before = std::find_if(std::next(own), backwards.end(),
                                   [&](const identify& one) { return one.bucket == own->bucket; });
  if (before == backwards.end()) return false;
  // Turns are not kept over a restart.
  if (before->life != own->life) return true;
  return own->at - before->at >= rules_.identify && late(before->on, before->at, at);
}

bool excuses::explained(std::string_view kind, link_id on, base::instant at) const {
  const auto slept = [&](base::nanoseconds span) { return meets(asleep_, at - span, at); };
  const auto paused = [&](base::nanoseconds span) { return meets(paused_, at - span, at); };
  if (kind == "heartbeat_missing") {
    // Beats go on while nothing is read, but not before the HELLO has been.
    const auto greeted = greeted_.find(on);
    const bool unread = greeted == greeted_.end() || greeted->second > at - rules_.silence;
    return late(on, at - rules_.silence, at) || slept(rules_.silence) || (unread && paused(rules_.silence));
  }
  if (kind == "identify_too_fast") return early_identify(on, at);
  if (kind == "not_authenticated") {
    const auto ended = invalidated_.find(on);
    if (ended == invalidated_.end()) return false;
    const auto since = at - ended->second;
    return since <= rules_.slack || late(on, ended->second, at) || paused(since) || slept(since);
  }
  if (kind == "presence_rate") return late(on, at - rules_.presences, at) || slept(rules_.presences);
  if (kind == "send_rate") return late(on, at - rules_.sends, at) || slept(rules_.sends);
  const auto unread = [&](base::nanoseconds span) {
    return late(on, at - span, at) || slept(span) || paused(span);
  };
  if (kind == "op1_unanswered") return unread(rules_.answer);
  return kind == "slow_reader" && unread(rules_.reading);
}

}  // namespace evergate::simulation
