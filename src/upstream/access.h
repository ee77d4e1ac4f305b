// What all fleets of an application share of Discord's door: the one line for identifying, with its durable
// ledger; what /gateway/bot says; the pace of connecting. Owned by the application, or by a fleet that is
// alone; lives on the control loop, what is marked so is thread-safe. Loop, client and logger outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/rng.h"
#include "base/secret.h"
#include "controllers/desk.h"
#include "net/event_loop.h"
#include "net/http_client.h"
#include "proto/identify_ledger.h"
#include "upstream/connect_pacer.h"
#include "upstream/gateway_info_fetch.h"
#include "upstream/identify_desk.h"

namespace evergate::upstream {

struct access_options {
  base::secret token;
  gateway_info_options info;
  std::string gateway_url;  ///< ws or wss; empty = what /gateway/bot says
  std::uint32_t connects_per_second_max = 100;
  connect_rest_options connect_rest;
  proto::identify_options identify;
  base::milliseconds info_age_max{300'000};
  const decide::desk* decisions = &decide::desk::plain();
};

class access {
 public:
  /// A fleet. Called on the control loop.
  struct tenant {
    std::function<void(std::uint32_t shard, base::instant not_before)> turn;
    std::function<void(const gateway_info& info)> informed;
    std::function<void(base::error why)> refused;  ///< the token is no good
  };

  access(access_options options, net::event_loop& control, net::http_client& http, base::logger& log,
         std::uint64_t seed, const proto::identify_book& book);

  // On the control loop.
  /// Asks /gateway/bot when nobody has; `who` is told at once what is known.
  void enter(std::uint32_t fleet, tenant who);
  void leave(std::uint32_t fleet);
  void request(proto::identify_slot who, proto::identify_cause cause) { desk_.request(who, cause); }
  /// See identify_scheduler::open_reserve; until the fleet leaves.
  void open_reserve(std::uint32_t fleet) { desk_.open_reserve(fleet); }
  void stop();
  [[nodiscard]] net::event_loop& loop() noexcept { return control_; }
  /// Asks /gateway/bot again, whatever is known; `done` with the answer or the first failure.
  void ask(std::function<void(base::result<gateway_info>)> done);
  /// Told of every change of the ledger.
  void on_book(std::function<void(const proto::identify_book&)> keep) { desk_.on_book(std::move(keep)); }
  [[nodiscard]] const proto::identify_ledger& ledger() const noexcept { return desk_.ledger(); }

  // Thread-safe.
  void post_request(proto::identify_slot who, proto::identify_cause cause);
  void post_cancel(proto::identify_slot who);
  void post_sent(proto::identify_slot who, proto::identify_cause cause, base::instant at);
  void post_refused(proto::identify_slot who, base::instant at);
  [[nodiscard]] connect_pacer& pacer() noexcept { return pacer_; }
  [[nodiscard]] std::string main_url();
  [[nodiscard]] identify_state identifying() const { return desk_.state(); }

 private:
  void on_info(base::result<gateway_info> info);
  void refresh();

  const access_options options_;
  net::event_loop& control_;
  base::logger& log_;
  base::rng chance_;
  connect_pacer pacer_;
  identify_desk desk_;
  gateway_info_fetch info_fetch_;
  std::map<std::uint32_t, tenant> tenants_;
  std::function<void(base::result<gateway_info>)> asked_;
  std::optional<gateway_info> known_;
  bool stopped_ = false;
  std::shared_ptr<bool> alive_;  ///< what was posted for a desk that is gone is nobody's
  std::mutex url_mutex_;
  std::string url_;
};

}  // namespace evergate::upstream
