#include "control/junction.h"

#include <array>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace evergate::control {
namespace {

/// As cut_kind.
constexpr std::array<std::string_view, 5> kind_names{"back", "event", "silence", "gap", "joined"};

void add_owners(const std::vector<cutover::move>& moves, flow::event_batch& out) {
  for (const auto& one : moves) {
    // The old fleet's is the rule; only what has left it is written down.
    out.records.push_back({junction::owner_record(one.guild), one.owner == fleet_side::new_fleet
                                                                  ? junction::owner_text(one.kind)
                                                                  : std::string()});
  }
}

void add(std::vector<flow::control_record>&& records, flow::event_batch& out) {
  out.records.insert(out.records.end(), std::make_move_iterator(records.begin()),
                     std::make_move_iterator(records.end()));
}

/// The keys under which a twin's sessions are kept.
void mark_twin(flow::event_batch& batch) {
  for (auto& progress : batch.progress) progress.shard.count |= flow::twin_fleet;
  for (auto& session : batch.sessions) session.shard.count |= flow::twin_fleet;
}

}  // namespace

junction::junction(flow::event_sink& journal, std::function<base::instant()> now, bool twin)
    : journal_(journal), now_(std::move(now)), twin_(twin), doors_{{*this, false}, {*this, true}} {}

void junction::serves(bool twin) {
  const std::scoped_lock lock(mutex_);
  twin_ = twin;
}

std::string junction::owner_record(proto::snowflake guild) {
  return std::string(owner_prefix) + std::to_string(guild);
}

std::string junction::owner_text(cut_kind kind) {
  return "\1new " + std::string(kind_names[static_cast<std::size_t>(kind)]);
}

cut_kind junction::kind_in(std::string_view owner) {
  for (std::size_t i = 0; i < kind_names.size(); ++i) {
    if (owner.ends_with(kind_names[i])) return static_cast<cut_kind>(i);
  }
  return cut_kind::none;
}

bool junction::append(bool second_door, std::unique_ptr<flow::event_batch>& batch) {
  const std::scoped_lock lock(mutex_);
  if (!clear_backlog()) return false;
  if (!cut_) {
    if (second_door != exchanged_) {  // of a fleet that has left
      batch.reset();
      return true;
    }
    batch->proofs.clear();
    // Marking twice changes nothing: a batch that is refused comes again.
    if (twin_) mark_twin(*batch);
    return journal_.append(batch);
  }
  const auto from = second_door != exchanged_ ? fleet_side::new_fleet : fleet_side::old_fleet;
  const auto now = now_();
  cutover::output out;
  cut_->take(from, *batch, now, out);
  add(std::move(batch->records), out.batch);
  for (const auto& proof : batch->proofs) cut_->proved(from, proof.shard.id, proof.sent, now, out);
  batch.reset();
  hand_on(std::move(out));
  return true;
}

cutover::output junction::begin_output(std::vector<flow::control_record>&& records) {
  cutover::output out;
  // A backlog is bounded by one batch: what is added now waits for room with it.
  if (backlog_) out.batch = std::move(*std::exchange(backlog_, nullptr));
  add(std::move(records), out.batch);
  return out;
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

void junction::begin(const cutover_options& options, fleet_shape old_fleet, fleet_shape new_fleet,
                     std::vector<flow::control_record> records, std::unordered_set<proto::snowflake> down) {
  const std::scoped_lock lock(mutex_);
  base::check(!cut_, "one resharding at a time");
  cut_ = std::make_unique<cutover>(options, old_fleet, new_fleet, now_(), std::move(down));
  shapes_[0] = old_fleet;
  shapes_[1] = new_fleet;
  hand_on(begin_output(std::move(records)));
}

void junction::begin_again(const cutover_options& options, fleet_shape old_fleet, fleet_shape new_fleet,
                           const cutover_remains& from) {
  const std::scoped_lock lock(mutex_);
  base::check(!cut_, "one resharding at a time");
  cut_ = std::make_unique<cutover>(options, old_fleet, new_fleet, from, now_());
  shapes_[0] = old_fleet;
  shapes_[1] = new_fleet;
}

bool junction::open(std::vector<flow::control_record> records) {
  const std::scoped_lock lock(mutex_);
  if (!cut_ || !cut_->ready()) return false;
  auto out = begin_output(std::move(records));
  cut_->open(now_(), out);
  hand_on(std::move(out));
  return true;
}

void junction::turn_back(std::vector<flow::control_record> records) {
  const std::scoped_lock lock(mutex_);
  if (!cut_) return;
  auto out = begin_output(std::move(records));
  cut_->turn_back(now_(), out);
  hand_on(std::move(out));
}

bool junction::close(fleet_side side, std::uint32_t shard) {
  const std::scoped_lock lock(mutex_);
  return cut_ && cut_->close(side, shard);
}

void junction::tick() {
  const std::scoped_lock lock(mutex_);
  if (!clear_backlog() || !cut_) return;
  cutover::output out;
  cut_->tick(now_(), out);
  hand_on(std::move(out));
}

void junction::keep(std::vector<flow::control_record> records, std::vector<flow::session_record> ended) {
  const std::scoped_lock lock(mutex_);
  auto out = begin_output(std::move(records));
  for (auto& one : ended) out.batch.sessions.push_back({one.shard, {}, {}, -1});
  hand_on(std::move(out));
}

receipt junction::finish(const std::function<std::vector<flow::control_record>(receipt&)>& last) {
  const std::scoped_lock lock(mutex_);
  base::check(cut_ != nullptr && cut_->complete(), "a resharding ends when every guild is in its place");
  auto what = cut_->summary(now_());
  auto out = begin_output(last(what));
  for (const auto guild : cut_->moved_guilds()) out.batch.records.push_back({owner_record(guild), {}});
  for (auto& mark : cut_->marks()) out.batch.records.push_back({std::move(mark), {}});
  const auto& gone = shapes_[what.aborted ? 1 : 0];
  for (std::uint32_t i = 0; i < gone.count; ++i) out.batch.sessions.push_back({gone.key(i), {}, {}, -1});
  if (!what.aborted) exchanged_ = !exchanged_;
  twin_ = shapes_[what.aborted ? 0 : 1].twin;
  cut_.reset();
  hand_on(std::move(out));
  return what;
}

bool junction::busy() const {
  const std::scoped_lock lock(mutex_);
  return cut_ != nullptr;
}

fleet_side junction::owner_of(proto::snowflake guild) const {
  const std::scoped_lock lock(mutex_);
  return cut_ ? cut_->owner_of(guild) : fleet_side::old_fleet;
}

fleet_side junction::route(const flow::command& what) const {
  constexpr int voice_state_update = 4;
  const std::scoped_lock lock(mutex_);
  if (!cut_ || (what.op == voice_state_update && cut_->in_voice(what.guild))) return fleet_side::old_fleet;
  return cut_->owner_of(what.guild);
}

std::shared_ptr<const flow::commit> junction::part_of_twin(const flow::commit& done) {
  auto out = std::make_shared<flow::commit>();
  out->head = done.head;
  for (auto part : done.progress) {
    if ((part.shard.count & flow::twin_fleet) == 0) continue;
    part.shard.count &= ~flow::twin_fleet;
    out->progress.push_back(part);
  }
  return out;
}

}  // namespace evergate::control
