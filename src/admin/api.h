// The operations of the admin API over the rooms that they look into and steer. Owned by the wiring code,
// which keeps the rooms until close(); runs on the admin server's loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "admin/operation.h"
#include "base/clock.h"
#include "base/log.h"
#include "downstream/gateway.h"
#include "evergate/controllers.h"
#include "evergate/error.h"
#include "evergate/gateway_state.h"
#include "evergate/resharding.h"
#include "flow/command.h"
#include "journal/journal.h"
#include "net/event_loop.h"
#include "upstream/shard_status.h"

namespace evergate::admin {

/// What can be asked about reshardings. The functions take their time elsewhere and answer from any thread.
struct resharding_verbs {
  using answer = std::move_only_function<void(result<resharding_plan>)>;
  std::function<resharding_status()> status;
  std::function<void(std::uint32_t shards, answer)> plan;   ///< 0 shards: as many as it is time for
  std::function<void(std::uint32_t shards, answer)> start;  ///< the same
  std::function<void(answer)> abort;
};

/// What can be asked about overrides of controllers; answers at once.
struct controller_verbs {
  struct script_state {
    std::string file;           ///< empty = none is configured
    std::uint32_t version = 0;  ///< of what is in force; 0 = nothing is
  };
  std::function<std::vector<controller_status>()> list;
  std::function<script_state()> script;
  std::function<result<void>()> reload;
};

/// What the API shows and changes. All of it outlives close().
struct ground {
  downstream::gateway& bots;
  journal::journal& store;
  flow::fleet_view& fleet;
  std::function<std::vector<upstream::shard_status>()> shards;
  std::function<std::vector<worker_status>()> workers;
  resharding_verbs resharding;
  controller_verbs controllers;
  std::function<std::string()> fatal;  ///< why the application stopped, empty while it has not
  std::string version;
  base::milliseconds drain_timeout{30'000};    ///< when the request names none
  base::milliseconds drain_hold_max{600'000};  ///< see consumer::drain()
};

class drain_watch;

class api {
 public:
  api(ground around, net::event_loop& loop);
  ~api();

  /// The router's table. `this` must outlive its use.
  [[nodiscard]] std::vector<operation> operations();
  /// Answers drains that still wait. On the loop, before it ends.
  void close();

 private:
  void add_reading(std::vector<operation>& to);
  void add_verbs(std::vector<operation>& to);
  [[nodiscard]] answer status() const;
  [[nodiscard]] answer list_shards() const;
  [[nodiscard]] answer list_workers() const;
  [[nodiscard]] answer list_consumers() const;
  [[nodiscard]] answer show_consumer(std::string_view name) const;
  [[nodiscard]] answer list_gaps(const call& asked) const;
  void add_giving_up(std::vector<operation>& to);
  void skip(const call& asked, reply back);
  void drop_class(const call& asked, reply back);
  void drain(const call& asked, reply back);
  void add_letters(std::vector<operation>& to);
  void add_resharding(std::vector<operation>& to);
  void add_controllers(std::vector<operation>& to);
  [[nodiscard]] answer list_controllers() const;
  [[nodiscard]] answer list_letters() const;
  [[nodiscard]] answer show_letter(const call& asked) const;
  [[nodiscard]] answer replay_letter(const call& asked);
  [[nodiscard]] answer discard_letter(const call& asked);
  /// Does it, and answers once it is on disk, with the consumer as it then is.
  void answer_when_durable(const std::string& name, reply back,
                           const std::function<base::result<void>(std::move_only_function<void()>)>& work);
  void watch();

  const ground around_;
  net::event_loop& loop_;
  const base::instant started_ = base::boot_clock::now();
  std::vector<std::unique_ptr<drain_watch>> drains_;
  std::unique_ptr<net::timer> timer_;
};

}  // namespace evergate::admin
