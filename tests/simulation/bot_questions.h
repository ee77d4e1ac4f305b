// What a simulated bot asks of Discord (ops 3, 4, 8, 31 and 43), and the judgement of what comes back: a
// reply must answer a question of this very session. Owned by the bot; one thread; grows with what stays
// unanswered.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/rng.h"
#include "bot_cache.h"
#include "proto/snowflake.h"

namespace evergate::simulation {

class bot_questions {
 public:
  using json = nlohmann::json;

  explicit bot_questions(std::uint64_t seed) : chance_(seed) {}

  /// A session begins: whatever was asked before is not to be answered in it.
  void begin();
  /// Any frame; empty when there is no guild to ask about.
  [[nodiscard]] std::string any(bot_cache& known);
  /// An op 8 that is asked until it is answered.
  [[nodiscard]] std::string wanted(bot_cache& known);
  [[nodiscard]] bool answered() const noexcept { return answered_; }
  [[nodiscard]] static bool is_answer(const std::string& type);
  /// Why this dispatch is no answer to this session; empty when it is one, or no reply at all.
  [[nodiscard]] std::string wrong(const std::string& type, const json& d);

 private:
  using place = std::pair<int, std::string>;  ///< op, guild
  [[nodiscard]] const json& pick(bot_cache& known);
  [[nodiscard]] std::string members(const json& guild, const std::string& nonce);
  [[nodiscard]] std::string wrong_members(const json& from, const json& nonce, bool last);
  [[nodiscard]] std::string take(int op, const std::string& guild);

  base::rng chance_;
  std::uint64_t next_ = 1;
  std::map<std::string, std::string> nonces_;  ///< of op 8 → guild
  std::map<place, std::uint32_t> unanswered_;  ///< questions without a nonce
  std::string wanted_;                         ///< the nonce of wanted()
  bool answered_ = false;
};

}  // namespace evergate::simulation
