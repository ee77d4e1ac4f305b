// One life of the daemon's process: journal, shards and gateway over the disk that outlives it. Destroying it
// is a SIGKILL: what is not in the image is gone, connections break off. Owned by the run; one thread.
#pragma once

#include <functional>
#include <memory>

#include "bot_gateway.h"
#include "fleets_side.h"
#include "virtual_journal.h"

namespace evergate::simulation {

struct daemon_options {
  virtual_journal_options journal;
  upstream_options upstream;
  control::course_options reshard;
  downstream::gateway_options gateway;
};

class daemon final : private flow::commit_listener {
 public:
  daemon(virtual_time& time, trace& log, network& net, outside& world, virtual_disk& disk,
         const daemon_options& options, const base::secret& token, bot_log& record, reshard_log& reshardings,
         std::uint64_t seed);
  ~daemon() override;

  /// Recovers and starts; an error is the journal's.
  [[nodiscard]] base::result<void> start();
  /// What a SIGTERM does: bots are told to come back, shards drop their connections, all is written. Then
  /// `done`, from an event of its own; the object is of no more use and may be destroyed there. False: the
  /// last could not be written.
  void stop(std::function<void(bool)> done);
  [[nodiscard]] bool stopping() const noexcept { return stopping_; }
  /// Its machine sleeps: nothing of it happens before `until`.
  void suspend(base::instant until) { timeline_.freeze(until); }
  [[nodiscard]] bool asleep() const { return timeline_.frozen_until() > timeline_.now(); }
  void set_clock(base::milliseconds off) { timeline_.set_clock(off); }

  [[nodiscard]] fleets_side& upstream() noexcept { return upstream_; }
  [[nodiscard]] virtual_journal& journal() noexcept { return journal_; }
  [[nodiscard]] bot_gateway& gateway() noexcept { return gateway_; }

 private:
  void on_commit(const std::shared_ptr<const flow::commit>&) override { gateway_.on_commit(); }
  void on_room() override {}
  void on_stalled(const std::string&) override {}
  void wait_for_bots(base::instant until, std::function<void(bool)> done);

  const daemon_options options_;
  base::logger quiet_;
  timeline timeline_;
  virtual_journal journal_;
  fleets_side upstream_;
  bot_gateway gateway_;
  bool stopping_ = false;
};

}  // namespace evergate::simulation
