// The part of consumer that finds the event that bots die of. When the same one stands first among what a
// lane's bots had not acknowledged at several unclean ends in a row, what was in flight then is sent in
// halves: those that are acknowledged are innocent, those that the bot dies of are halved again. What is
// alone in flight at some more ends is the one.
#include <algorithm>
#include <utility>

#include "downstream/consumer.h"

namespace evergate::downstream {

const flow::lane_suspicion* consumer::suspicion_of(std::size_t lane) const noexcept {
  const auto found = std::ranges::find(record_.suspicions, lane, &flow::lane_suspicion::lane);
  return found == record_.suspicions.end() ? nullptr : &*found;
}

void consumer::doubt(lane_grant& grant, slot& where, std::size_t lane) const noexcept {
  const auto* known = suspicion_of(lane);
  const bool sure = known != nullptr && known->ends >= rules_.poison.suspect_after;
  grant.suspect = where.suspect = sure ? known->upto : flow::offset{};
  grant.suspect_count = sure ? known->count : 0;
}

void consumer::suspect(const slot& where) {
  const auto first = where.last.first_unacknowledged;
  if (first.value == 0) return;  // it died of nothing that it was sent
  const auto lane = static_cast<std::uint32_t>(&where - slots_.data());
  auto found = std::ranges::find(record_.suspicions, lane, &flow::lane_suspicion::lane);
  if (found == record_.suspicions.end()) found = record_.suspicions.insert(found, {.lane = lane});
  if (found->at != first) *found = {.lane = lane, .at = first};
  if (found->ends == 0 || where.last.unacknowledged <= found->count) {
    found->upto = where.last.position;
    found->count = where.last.unacknowledged;
  }
  ++found->ends;
  // It died among the few that were in question: the search goes on among these.
  if (first <= where.suspect) found->ends = std::max(found->ends, rules_.poison.suspect_after);
  if (died_of_one(where)) ++found->alone;
  dirty_ = true;
}

bool consumer::died_of_one(const slot& where) noexcept {
  const auto first = where.last.first_unacknowledged;
  return first.value != 0 && first <= where.suspect && where.last.unacknowledged == 1 &&
         where.last.first_left;
}

void consumer::clear_suspicion(std::size_t lane, flow::offset acknowledged) {
  const auto gone = std::erase_if(record_.suspicions, [&](const flow::lane_suspicion& one) {
    return one.lane == lane && one.at <= acknowledged;
  });
  if (gone > 0) dirty_ = true;
}

std::optional<flow::offset> consumer::convicts(holder_id by) const {
  const auto held = held_.find(by);
  if (held == held_.end() || slots_[held->second].holder != by) return std::nullopt;
  const auto& where = slots_[held->second];
  if (!died_of_one(where)) return std::nullopt;
  const auto first = where.last.first_unacknowledged;
  const auto* known = suspicion_of(held->second);
  const auto before = known != nullptr && known->at == first ? known->alone : 0;
  if (before + 1 < rules_.poison.convict_after) return std::nullopt;
  return first;
}

void consumer::convict(holder_id by, flow::dead_letter letter) {
  auto* where = slot_of(by);
  if (where == nullptr) return;
  const auto lane = static_cast<std::size_t>(where - slots_.data());
  letter.consumer = record_.name;
  letter.lane = {static_cast<std::uint32_t>(lane), newest().lanes};
  auto& cursor = newest().cursors[lane];
  cursor = std::max(cursor, letter.at);
  clear_suspicion(lane, letter.at);
  where->last.first_unacknowledged = {};
  buried_.push_back(std::make_shared<const flow::dead_letter>(std::move(letter)));
  dirty_ = true;
}

holder_id consumer::server_of(proto::snowflake guild) const noexcept {
  if (slots_.empty()) return 0;
  const auto& where = slots_[static_cast<std::size_t>((guild >> 22) % slots_.size())];
  return where.last.began ? where.holder : 0;
}

}  // namespace evergate::downstream
