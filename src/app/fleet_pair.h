// The fleet that serves and, while resharding, the one that is prepared beside it, as their neighbours see
// them: one place for commands, one shape for READY and status, one ear for commits. Owned by the
// application; thread-safe. A fleet that has left is kept by whoever is still calling it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "control/junction.h"
#include "flow/command.h"
#include "flow/journal.h"
#include "upstream/fleet.h"

namespace evergate::app {

class fleet_pair final : public flow::command_sink, public flow::fleet_view, public flow::commit_listener {
 public:
  explicit fleet_pair(control::junction& meeting) noexcept : meeting_(meeting) {}

  /// `twin`: see flow::twin_fleet.
  void serve(std::shared_ptr<upstream::fleet> first, bool twin);
  void prepare(std::shared_ptr<upstream::fleet> beside, bool twin);
  /// Status and READY tell of the new fleet from now on, or of the old one again.
  void show(control::fleet_side side);
  /// One fleet has ended; the other serves.
  void end(control::fleet_side gone);
  /// Gives the new fleet the presences that bots have set. After its start, on the control loop.
  void repeat_presences();

  [[nodiscard]] std::shared_ptr<upstream::fleet> of(control::fleet_side side) const;
  /// Of both fleets, the old one's first.
  [[nodiscard]] std::vector<upstream::shard_status> status() const;
  void probe();

  [[nodiscard]] bool submit(flow::command what) override;
  [[nodiscard]] std::uint32_t shard_count() const override;
  [[nodiscard]] std::uint32_t shards_ready() const override;
  [[nodiscard]] std::uint32_t shards_held() const override;
  /// The fleet's number and the shard.
  [[nodiscard]] std::uint64_t place_of(proto::snowflake guild) const override;
  void on_commit(const std::shared_ptr<const flow::commit>& done) override;
  void on_room() override;
  void on_stalled(const std::string& why) override;

 private:
  struct place {
    std::shared_ptr<upstream::fleet> who;
    bool twin = false;
    std::uint64_t number = 0;
  };
  struct both {
    place old_one;
    place new_one;
  };
  [[nodiscard]] both now() const;
  [[nodiscard]] std::shared_ptr<upstream::fleet> shown() const;
  void remember_presence(const flow::command& what);

  control::junction& meeting_;
  mutable std::mutex mutex_;
  both fleets_;
  std::uint64_t fleets_made_ = 0;
  bool shows_new_ = false;
  std::map<std::uint32_t, flow::command> presences_;  ///< the latest of each lane
};

}  // namespace evergate::app
