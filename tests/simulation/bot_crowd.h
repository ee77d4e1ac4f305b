// The bots of one consumer and what befalls them: as many processes as lanes, killed, closed, put to sleep,
// replaced and resharded at random until they are told to be calm, after which all lanes are served and
// reading. Survives the daemon. One thread; holds every bot there ever was.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "agenda.h"
#include "base/rng.h"
#include "bot.h"
#include "bot_gateway.h"
#include "bot_log.h"

namespace evergate::simulation {

/// Relative weights of what may happen to a bot; 0 = never.
struct bot_mischief {
  base::milliseconds pause{4'000};  ///< between two, on average; 0 = none at all
  unsigned drop = 4;                ///< the connection breaks: RESUME
  unsigned kill = 3;                ///< the process dies: IDENTIFY
  unsigned close_end = 2;           ///< 1000: IDENTIFY
  unsigned close_keep = 2;          ///< 4000 and the like: RESUME
  unsigned doze = 3;                ///< reads nothing for a while
  unsigned vanish = 2;              ///< half-open: RESUME, unnoticed by the daemon
  unsigned absence = 1;             ///< away for long
  unsigned all_die = 1;             ///< a deployment
  unsigned replace = 1;             ///< a second process takes the lane over
  unsigned reshard = 1;             ///< another n
};

struct bot_crowd_options {
  std::uint32_t lanes = 1;
  std::uint32_t lanes_max = 4;
  bot_manner manner;
  bot_mischief mischief;
  bot_link_options wire;
  base::milliseconds absence_max{40'000};
  /// All of them are cut off for so long; 0 = never.
  base::milliseconds cut_off_at{0};
  base::milliseconds cut_off_for{0};
};

class bot_crowd {
 public:
  bot_crowd(agenda& time, std::uint64_t seed, bot_crowd_options how, bot_log& log);

  /// The daemon that bots reach; null while there is none.
  void daemon(bot_gateway* there) noexcept { daemon_ = there; }
  /// Starts the bots, and the mischief.
  void start();
  /// No more mischief; whoever is away comes back.
  void calm();

  [[nodiscard]] std::uint32_t lanes() const noexcept { return lanes_; }
  /// The newest process of each lane.
  [[nodiscard]] std::vector<const bot*> serving() const;
  /// Each lane is served by a live bot that reads.
  [[nodiscard]] bool all_live() const;
  /// Each of them has asked Discord something since it is calm, and been answered.
  [[nodiscard]] bool all_answered();
  /// What each lane's bot is doing, for messages.
  [[nodiscard]] std::string state() const;
  [[nodiscard]] std::uint64_t bots() const noexcept { return everyone_.size(); }

 private:
  [[nodiscard]] std::shared_ptr<bot_link> dial(proto::compression transport);
  bot& add(std::uint32_t lane);
  void arm();
  void befall();
  void cut_off();
  void restart(bot& who, base::nanoseconds away);
  void replace(std::uint32_t lane);
  void reshard(bool overlap);
  [[nodiscard]] base::nanoseconds between(base::milliseconds least, base::milliseconds most);

  agenda& time_;
  base::rng chance_;
  const bot_crowd_options how_;
  bot_log& log_;
  bot_gateway* daemon_ = nullptr;
  std::uint32_t lanes_;
  std::vector<std::unique_ptr<bot>> everyone_;
  std::vector<bot*> serving_;  ///< by lane
  bool calm_ = false;
  bool cut_off_ = false;
};

}  // namespace evergate::simulation
