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
#include <vector>

#include "control/cutover.h"
#include "flow/command.h"
#include "flow/journal.h"

namespace evergate::control {

class junction {
 public:
  /// `journal` outlives it; `now` tells the time. `twin`: of the fleet that serves, at the first door.
  junction(flow::event_sink& journal, std::function<base::instant()> now, bool twin = false);

  /// Before anything is handed over: whether the fleet that serves is a twin.
  void serves(bool twin);
  /// Where a fleet hands over: the first one at door 0, the one that is prepared beside it at the other.
  [[nodiscard]] flow::event_sink& door(std::size_t which) noexcept { return doors_[which]; }

  /// From now on a new fleet is prepared: nothing of it goes on before its guilds are cut over. `records` are
  /// kept with it. `down`: guilds that the old fleet does not show.
  void begin(const cutover_options& options, fleet_shape old_fleet, fleet_shape new_fleet,
             std::vector<flow::control_record> records, std::unordered_set<proto::snowflake> down = {});
  /// The same, from what an earlier run left when its cuts had begun.
  void begin_again(const cutover_options& options, fleet_shape old_fleet, fleet_shape new_fleet,
                   const cutover_remains& from);
  /// Cuts begin; false while a new shard has not had its READY.
  [[nodiscard]] bool open(std::vector<flow::control_record> records);
  void turn_back(std::vector<flow::control_record> records);
  /// See cutover::close.
  [[nodiscard]] bool close(fleet_side side, std::uint32_t shard);
  /// Once a second or so.
  void tick();
  /// Everything is where it is to be and the other fleet is gone: the sides exchange their names, so that the
  /// fleet that serves is the old one again (after turning back it is already). What was written down of the
  /// guilds on their way, and of the sessions of the one that is gone, is removed. Returns what came of it;
  /// `last` makes of it what is to be kept.
  receipt finish(const std::function<std::vector<flow::control_record>(receipt&)>& last);
  /// Keeps records and ends sessions that no fleet holds, in order with what the fleets hand over. Keys as
  /// the journal has them.
  void keep(std::vector<flow::control_record> records, std::vector<flow::session_record> ended = {});

  [[nodiscard]] bool busy() const;
  /// What `ask` says of the cutover; nothing when there is none.
  template <class Answer>
  [[nodiscard]] std::optional<Answer> ask(const std::function<Answer(const cutover&)>& question) const {
    const std::scoped_lock lock(mutex_);
    if (!cut_) return std::nullopt;
    return question(*cut_);
  }
  [[nodiscard]] fleet_side owner_of(proto::snowflake guild) const;
  /// Where a bot's command goes: to its guild's owner; where the bot is in voice by an old session, to that.
  [[nodiscard]] fleet_side route(const flow::command& what) const;
  /// What of a commit is a twin's, with its plain keys.
  [[nodiscard]] static std::shared_ptr<const flow::commit> part_of_twin(const flow::commit& done);

  /// The name under which a guild's owner is kept while resharding (flow::control_record).
  [[nodiscard]] static std::string owner_record(proto::snowflake guild);
  static constexpr std::string_view owner_prefix = "owner/";
  /// Its value when the new fleet is the owner, and how the guild moved (none: it came back).
  [[nodiscard]] static std::string owner_text(cut_kind kind);
  [[nodiscard]] static cut_kind kind_in(std::string_view owner);

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
  /// Hands on what has been decided; what the journal has refused before goes first, in one batch with it.
  void hand_on(cutover::output&& out);
  [[nodiscard]] bool clear_backlog();
  [[nodiscard]] cutover::output begin_output(std::vector<flow::control_record>&& records);

  flow::event_sink& journal_;
  const std::function<base::instant()> now_;
  mutable std::mutex mutex_;
  std::unique_ptr<cutover> cut_;
  fleet_shape shapes_[2];   ///< of the cutover's sides
  bool exchanged_ = false;  ///< the fleet at the second door is the old one
  bool twin_ = false;       ///< of the fleet that serves alone
  std::unique_ptr<flow::event_batch> backlog_;
  side_door doors_[2];
};

}  // namespace evergate::control
