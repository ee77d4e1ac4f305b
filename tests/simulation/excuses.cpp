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
  for (const auto& [shard, which] : current_) left_[which] = at;
  current_.clear();
  own_failed_.clear();
  trying_own_.clear();
  beats_.clear();
}

void excuses::dialed(std::uint32_t shard, link_id which, bool own_address, base::instant at) {
  if (const auto before = current_.find(shard); before != current_.end()) left_[before->second] = at;
  current_[shard] = which;
  dialings_[which] = {shard, at};
  if (trying_own_.contains(shard)) own_failed_.insert(shard);
  trying_own_.erase(shard);
  beats_.erase(shard);
  if (own_address) {
    trying_own_.insert(shard);
  } else {
    main_links_.insert(which);
  }
}

void excuses::live(std::uint32_t shard) {
  if (trying_own_.contains(shard)) beats_.emplace(shard, 0);
}

void excuses::beat(std::uint32_t shard) {
  const auto live = beats_.find(shard);
  if (live == beats_.end() || ++live->second < 2) return;
  trying_own_.erase(shard);
  own_failed_.erase(shard);
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

base::instant excuses::arrives_by(link_id on, base::instant sent) const {
  auto out = sent + rules_.slack;
  const auto known = links_.find(on);
  if (known == links_.end()) return out;
  for (const auto& one : known->second) {
    const bool lost = one.until == base::instant::max();
    if (!lost && one.from <= out) out = std::max(out, one.until);
  }
  return std::max(out, sent + rules_.slack + longest(on));
}

base::nanoseconds excuses::longest(link_id on) const {
  base::nanoseconds out{0};
  const auto known = links_.find(on);
  if (known == links_.end()) return out;
  for (const auto& one : known->second) {
    if (one.until != base::instant::max()) out = std::max(out, one.until - one.from);
  }
  return out;
}

// Sent in its turn, it may come late itself, or soon after one that did: also after one of a connection, or
// of a daemon, that is long gone.
bool excuses::early_identify(link_id on, base::instant at) const {
  const auto backwards = identifies_ | std::views::reverse;
  const auto own = std::ranges::find(backwards, on, &identify::on);
  if (own == backwards.end()) return false;
  const auto same = [&](const identify& one) { return one.bucket == own->bucket; };
  const auto before = std::find_if(std::next(own), backwards.end(), same);
  if (before != backwards.end()) {
    // Turns are not kept over a restart.
    if (before->life != own->life) return true;
    if (own->at - before->at < rules_.identify) return false;
  }
  return std::any_of(own, backwards.end(), [&](const identify& one) {
    const auto latest = arrives_by(one.on, one.at);
    return same(one) && latest > one.at + rules_.slack && latest + rules_.identify >= at;
  });
}

/// What was under way when the connection was left, or its daemon died, may come after the shard's next
/// connection has taken the session and lost it.
bool excuses::orphaned(link_id on, base::instant at) const {
  const auto left = left_.find(on);
  return left != left_.end() && left->second <= at && at <= arrives_by(on, left->second);
}

/// The RESUME of a connection that was left came when the shard's next one had long resumed, took the session
/// and lost it; the next one was told nothing.
bool excuses::robbed(link_id on, base::instant at) const {
  const auto mine = dialings_.find(on);
  return mine != dialings_.end() && std::ranges::any_of(invalidated_, [&](const auto& one) {
           const auto other = dialings_.find(one.first);
           const auto left = left_.find(one.first);
           if (one.first == on || other == dialings_.end() || left == left_.end()) return false;
           return other->second.shard == mine->second.shard && left->second <= one.second &&
                  mine->second.at <= one.second && one.second <= at;
         });
}

bool excuses::explained(std::string_view kind, link_id on, base::instant at) const {
  const auto slept = [&](base::nanoseconds span) { return meets(asleep_, at - span, at); };
  const auto paused = [&](base::nanoseconds span) { return meets(paused_, at - span, at); };
  if (kind == "heartbeat_missing") {
    // Beats go on while nothing is read, but not before the HELLO has been.
    const auto greeted = greeted_.find(on);
    const bool unread = greeted == greeted_.end() || greeted->second > at - rules_.silence;
    // A link that has lagged for long brings the HELLO late all the same, from which Discord counts.
    if (unread && longest(on) > base::nanoseconds{0}) return true;
    return late(on, at - rules_.silence, at) || slept(rules_.silence) || (unread && paused(rules_.silence));
  }
  if (kind == "identify_too_fast") return early_identify(on, at);
  if (kind == "not_authenticated") {
    if (orphaned(on, at) || robbed(on, at)) return true;
    const auto ended = invalidated_.find(on);
    if (ended == invalidated_.end()) return false;
    const auto since = at - ended->second;
    // What had been sent before on a link that lags comes as late as anything on it.
    if (at <= arrives_by(on, ended->second)) return true;
    return late(on, ended->second, at) || paused(since) || slept(since);
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
