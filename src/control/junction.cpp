#include "control/junction.h"

#include <iterator>
#include <utility>

#include "base/check.h"

namespace evergate::control {
namespace {

void add_owners(const std::vector<cutover::move>& moves, flow::event_batch& out) {
  for (const auto& one : moves) {
    // The old fleet's is the rule; only what has left it is written down.
    out.records.push_back(
        {junction::owner_record(one.guild), one.owner == fleet_side::new_fleet ? "\1new" : std::string()});
  }
}

}  // namespace

junction::junction(flow::event_sink& journal, std::function<base::instant()> now)
    : journal_(journal), now_(std::move(now)), doors_{{*this, false}, {*this, true}} {}

std::string junction::owner_record(proto::snowflake guild) {
  return "owner/" + std::to_string(guild);
}

bool junction::append(bool second_door, std::unique_ptr<flow::event_batch>& batch) {
  const std::scoped_lock lock(mutex_);
  if (!clear_backlog()) return false;
  if (!cut_) {
    batch->proofs.clear();
    return journal_.append(batch);
  }
  const auto from = second_door != exchanged_ ? fleet_side::new_fleet : fleet_side::old_fleet;
  const auto now = now_();
  cutover::output out;
  cut_->take(from, *batch, now, out);
  out.batch.records.insert(out.batch.records.end(), std::make_move_iterator(batch->records.begin()),
                           std::make_move_iterator(batch->records.end()));
  for (const auto& proof : batch->proofs) cut_->proved(from, proof.shard.id, proof.sent, now, out);
  batch.reset();
  hand_on(std::move(out));
  return true;
}

void junction::hand_on(cutover::output&& out) {
  add_owners(out.moves, out.batch);
  if (out.batch.empty()) return;
  base::check(backlog_ == nullptr, "what was refused goes first");
  backlog_ = std::make_unique<flow::event_batch>(std::move(out.batch));
  (void)clear_backlog();
}

bool junction::clear_backlog() {
  if (!backlog_) return true;
  if (!journal_.append(backlog_)) return false;
  backlog_.reset();
  return true;
}

void junction::begin(const cutover_options& options, std::uint32_t old_count, std::uint32_t new_count) {
  const std::scoped_lock lock(mutex_);
  base::check(!cut_, "one resharding at a time");
  cut_ = std::make_unique<cutover>(options, old_count, new_count, now_());
}

bool junction::open() {
  const std::scoped_lock lock(mutex_);
  if (!cut_ || !cut_->ready() || !clear_backlog()) return false;
  cutover::output out;
  cut_->open(now_(), out);
  hand_on(std::move(out));
  return true;
}

void junction::turn_back() {
  const std::scoped_lock lock(mutex_);
  // A backlog is bounded by one batch: what turning back releases waits for room with the old fleet's next.
  if (!cut_) return;
  cutover::output out;
  if (backlog_) out.batch = std::move(*std::exchange(backlog_, nullptr));
  cut_->turn_back(now_(), out);
  hand_on(std::move(out));
}

void junction::tick() {
  const std::scoped_lock lock(mutex_);
  if (!clear_backlog() || !cut_) return;
  cutover::output out;
  cut_->tick(now_(), out);
  hand_on(std::move(out));
}

receipt junction::finish() {
  const std::scoped_lock lock(mutex_);
  base::check(cut_ != nullptr && cut_->complete(), "a resharding ends when every guild is in its place");
  auto out = cut_->summary(now_());
  if (!out.aborted) exchanged_ = !exchanged_;
  cut_.reset();
  return out;
}

bool junction::busy() const {
  const std::scoped_lock lock(mutex_);
  return cut_ != nullptr;
}

fleet_side junction::owner_of(proto::snowflake guild) const {
  const std::scoped_lock lock(mutex_);
  return cut_ ? cut_->owner_of(guild) : fleet_side::old_fleet;
}

}  // namespace evergate::control
