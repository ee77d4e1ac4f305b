// The fleets of a simulated daemon: the one that serves and, while resharding, the one that is prepared
// beside it. The product's junction, course and recovery between them; in place of app::fleet_pair and
// app::reshard_desk what those do without locks and loops. Owned by the daemon; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/reshard_course.h"
#include "control/reshard_recovery.h"
#include "upstream_side.h"
#include "virtual_journal.h"

namespace evergate::simulation {

/// What the run is told of reshardings.
struct reshard_log {
  std::uint64_t begun = 0;
  std::uint64_t completed = 0;  ///< by a life of the daemon that saw its end, as are those below
  std::uint64_t aborted = 0;
  std::uint64_t went_on = 0;  ///< after a restart
  std::vector<control::receipt> receipts;
};

class fleets_side final : public flow::commit_listener,
                          public flow::command_sink,
                          public flow::fleet_view,
                          private control::reshard_hands {
 public:
  fleets_side(timeline& time, trace& log, network& net, outside& world, virtual_journal& journal,
              const upstream_options& options, const control::course_options& course,
              const base::secret& token, reshard_log& record, std::uint64_t seed);
  ~fleets_side() override;

  /// Sorts what an earlier life has left; before anybody asks for the fleet.
  [[nodiscard]] base::result<void> open();
  void start();
  void stop();

  /// Begins a resharding, if one may begin now.
  [[nodiscard]] bool reshard(std::uint32_t shards);
  void abort_resharding();
  [[nodiscard]] bool resharding() const noexcept { return course_.busy(); }

  /// Events wait for what the other session has yet to bring: the moment at which a kill costs most.
  [[nodiscard]] bool in_handover() const;

  void on_commit(const std::shared_ptr<const flow::commit>& done) override;
  void on_room() override;
  void on_stalled(const std::string&) override {}
  [[nodiscard]] bool submit(flow::command what) override;
  [[nodiscard]] std::uint32_t shard_count() const override { return shown().shard_count(); }
  [[nodiscard]] std::uint32_t shards_held() const override { return shown().shards_held(); }
  [[nodiscard]] std::uint32_t shards_ready() const override { return shown().shards_ready(); }

  [[nodiscard]] std::uint64_t place_of(proto::snowflake guild) const override;

  [[nodiscard]] flow::reply_table& replies() noexcept { return replies_; }
  [[nodiscard]] std::uint32_t live() const { return serving().live(); }
  /// Nothing serves any more.
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  /// The fleet of this shard (fleet_place::who) has failed.
  [[nodiscard]] bool failed(std::uint32_t who) const;
  [[nodiscard]] std::string state() const;

 private:
  struct fleet {
    std::uint32_t number = 0;
    control::fleet_shape shape;
    std::unique_ptr<upstream_side> who;
  };
  void make_fleet(fleet& into, control::fleet_shape shape, std::size_t door, proto::identify_cause cause);
  [[nodiscard]] upstream_side& serving() const { return *old_.who; }
  [[nodiscard]] upstream_side& shown() const { return shows_new_ && new_.who ? *new_.who : *old_.who; }
  [[nodiscard]] upstream_side& of(control::fleet_side side) const {
    return side == control::fleet_side::old_fleet ? *old_.who : *new_.who;
  }
  void fleet_failed(std::uint32_t number);
  void tick();

  void probe() override;
  void show(control::fleet_side side) override { shows_new_ = side == control::fleet_side::new_fleet; }
  void retire(control::fleet_side side, std::uint32_t shard) override { of(side).retire(shard); }
  void end(control::fleet_side side) override;
  void phase_changed() override;
  void over(const control::reshard_task& task, control::fleet_side gone, const control::receipt& what,
            std::string last) override;

  timeline& time_;
  trace& log_;
  network& net_;
  outside& world_;
  virtual_journal& journal_;
  const upstream_options options_;
  const control::course_options course_options_;
  const base::secret& token_;
  reshard_log& record_;
  base::rng chance_;
  flow::reply_table replies_;
  identify_line line_;
  std::unique_ptr<control::junction> meeting_;
  control::reshard_course course_;
  fleet old_;
  fleet new_;
  std::vector<fleet> gone_;  ///< ended; what is under way to them finds them still
  std::uint32_t number_ = 0;
  std::size_t door_ = 0;
  control::left_behind left_;
  bool shows_new_ = false;
  bool failed_ = false;
  bool stopped_ = false;
  std::map<std::uint32_t, flow::command> presences_;
};

}  // namespace evergate::simulation
