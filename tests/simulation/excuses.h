// What may be held against the daemon of what Discord reports: each report is judged by what befell its own
// connection, its bucket or the machine just before, and by nothing else. Fed by the run as things happen.
// Pure; grows with the run.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "network.h"

namespace evergate::simulation {

struct excuse_rules {
  std::uint32_t buckets = 1;             ///< max_concurrency
  base::nanoseconds silence{};           ///< without a beat for so long a connection is closed
  base::milliseconds identify{5'000};    ///< between two IDENTIFYs of a bucket
  base::milliseconds answer{10'000};     ///< op 1 is to be answered within
  base::milliseconds reading{60'000};    ///< a reader that falls behind has been slow within
  base::milliseconds presences{20'000};  ///< window of their limit
  base::milliseconds sends{60'000};
  base::milliseconds slack{1'000};  ///< latency and ticks: a disturbance acts so much longer
};

class excuses {
 public:
  explicit excuses(excuse_rules rules) : rules_(rules) {}

  // What happens.
  void dialed(std::uint32_t shard, link_id which, bool own_address, base::instant at);
  /// The shard's session lives on the connection dialed last.
  void live(std::uint32_t shard);
  void identified(std::uint32_t shard, link_id on, base::instant at);
  void daemon_died(base::instant at);
  /// A frame goes out on it: its HELLO has been read.
  void sent(link_id on, base::instant at) { greeted_.try_emplace(on, at); }
  /// A heartbeat goes out. The second one of a live connection says that it serves: the first was answered,
  /// or events came. Being live alone says nothing (resume_plan counts tries without progress).
  void beat(std::uint32_t shard);
  /// What travels on this link is late or lost.
  void disturbed(link_id which, base::instant from, base::instant until);
  /// Discord ends the session on this link by op 9: what is under way from the shard comes too late.
  void invalidated(link_id which, base::instant at) { invalidated_[which] = at; }
  /// The daemon's machine sleeps.
  void asleep(base::instant from, base::instant until) { asleep_.push_back({from, until}); }
  /// The store has no room, so that nothing is read; or it has again.
  void reading(bool paused, base::instant at);

  /// A RESUME may go out on this connection: to the session's own address, or to the main one when the own
  /// has failed before and not served since.
  [[nodiscard]] bool may_resume(std::uint32_t shard, link_id on) const;
  /// No link was disturbed and nobody slept meanwhile. A link that stays half-open is replaced in time.
  [[nodiscard]] bool calm(base::instant from, base::instant until) const;
  /// What Discord reports of this connection is no fault of the daemon's.
  [[nodiscard]] bool explained(std::string_view kind, link_id on, base::instant at) const;

 private:
  struct span {
    base::instant from;
    base::instant until;
  };
  struct identify {
    std::uint32_t bucket = 0;
    link_id on = 0;
    base::instant at;
    std::uint64_t life = 0;  ///< of the daemon
  };
  [[nodiscard]] bool meets(const std::vector<span>& spans, base::instant from, base::instant until) const;
  [[nodiscard]] bool late(link_id on, base::instant from, base::instant until) const;
  /// What was sent on the link at `sent` has arrived by then, if ever: one disturbance may follow another,
  /// and a link that lags does so for longer than it is told here.
  [[nodiscard]] base::instant arrives_by(link_id on, base::instant sent) const;
  /// Of the disturbances that pass.
  [[nodiscard]] base::nanoseconds longest(link_id on) const;
  [[nodiscard]] bool early_identify(link_id on, base::instant at) const;
  [[nodiscard]] bool robbed(link_id on, base::instant at) const;
  [[nodiscard]] bool orphaned(link_id on, base::instant at) const;

  const excuse_rules rules_;
  std::map<link_id, std::vector<span>> links_;
  struct dialing {
    std::uint32_t shard = 0;
    base::instant at{};
  };
  std::map<link_id, base::instant> invalidated_;
  std::map<std::uint32_t, link_id> current_;  ///< shard → what it dialed last
  std::map<link_id, dialing> dialings_;
  std::map<link_id, base::instant> left_;  ///< nothing was sent on it after that
  std::vector<span> asleep_;
  std::vector<span> paused_;
  std::vector<identify> identifies_;
  std::uint64_t life_ = 0;
  std::map<link_id, base::instant> greeted_;
  std::set<link_id> main_links_;
  std::set<std::uint32_t> trying_own_;  ///< shards whose last connection went to the session's own address
  std::set<std::uint32_t> own_failed_;
  std::map<std::uint32_t, unsigned> beats_;  ///< since live, of those that are on the session's own address
};

}  // namespace evergate::simulation
