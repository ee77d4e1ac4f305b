// Where the fleets' batches meet on their way to the journal: each fleet hands over at a door of its own, and
// while two of them run a cutover decides under one lock, in the order in which batches go on, so that what
// it lets through, the shards' sequences and the guilds' new owners are one transaction. Owned by the
// application; thread-safe. Bounded by the cutover and by one batch that the journal has refused.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "control/cutover.h"
#include "flow/journal.h"

namespace evergate::control {

class junction {
 public:
  /// `journal` outlives it; `now` tells the time.
  junction(flow::event_sink& journal, std::function<base::instant()> now);

  /// Where a fleet of that side hands over. Without a cutover everything passes by either door.
  [[nodiscard]] flow::event_sink& door(fleet_side side) noexcept {
    return doors_[static_cast<std::size_t>(side)];
  }

  /// From now on a new fleet is prepared: nothing of it goes on before its guilds are cut over.
  void begin(const cutover_options& options, std::uint32_t old_count, std::uint32_t new_count);
  /// Cuts begin; false while a new shard has not had its READY.
  [[nodiscard]] bool open();
  void turn_back();
  /// Once a second or so.
  void tick();
  /// Everything is where it is to be: the sides exchange their names, so that the fleet that serves is the
  /// old one again (after turning back it is already). Returns what came of it.
  receipt finish();

  [[nodiscard]] bool busy() const;
  /// What `ask` says of the cutover; nothing when there is none.
  template <class Answer>
  [[nodiscard]] std::optional<Answer> ask(const std::function<Answer(const cutover&)>& question) const {
    const std::scoped_lock lock(mutex_);
    if (!cut_) return std::nullopt;
    return question(*cut_);
  }
  [[nodiscard]] fleet_side owner_of(proto::snowflake guild) const;

  /// The name under which a guild's owner is kept while resharding (flow::control_record).
  [[nodiscard]] static std::string owner_record(proto::snowflake guild);

 private:
  class side_door final : public flow::event_sink {
   public:
    side_door(junction& home, bool second) noexcept : home_(home), second_(second) {}
    [[nodiscard]] bool append(std::unique_ptr<flow::event_batch>& batch) override {
      return home_.append(second_, batch);
    }

   private:
    junction& home_;
    bool second_;
  };

  [[nodiscard]] bool append(bool second_door, std::unique_ptr<flow::event_batch>& batch);
  /// Hands on what has been decided; it is kept when the journal has no room.
  void hand_on(cutover::output&& out);
  [[nodiscard]] bool clear_backlog();

  flow::event_sink& journal_;
  const std::function<base::instant()> now_;
  mutable std::mutex mutex_;
  std::unique_ptr<cutover> cut_;
  bool exchanged_ = false;  ///< the fleet at the second door is the old one
  std::unique_ptr<flow::event_batch> backlog_;
  side_door doors_[2];
};

}  // namespace evergate::control
