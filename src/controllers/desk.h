// All controllers of an application, each in its slot. Made by the application before anything is asked, and
// handed to every room; asked from any thread. Nothing in it changes but what the script defines.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "controllers/slot.h"
#include "evergate/controllers.h"

namespace evergate::decide {

namespace allowed {
[[nodiscard]] std::string total_shards(const total_shards_question&, const std::uint32_t&);
[[nodiscard]] std::string worker_id(const worker_id_question&, const std::uint32_t&);
[[nodiscard]] std::string identify(const identify_question&, const std::chrono::milliseconds&);
[[nodiscard]] std::string presence(const presence_question&, const std::string&);
[[nodiscard]] std::string verdict(const close_question&, const close_verdict&);
[[nodiscard]] std::string resumable(const invalid_session_question&, const bool&);
[[nodiscard]] std::string pause(const reconnect_question&, const std::chrono::milliseconds&);
[[nodiscard]] std::string event(const event_question&, const event_answer&);
[[nodiscard]] std::string delivery(const delivery_question&, const bool&);
[[nodiscard]] std::string overflow(const overflow_question&, const event_group&);
[[nodiscard]] std::string expiry(const interaction_question&, const bool&);
[[nodiscard]] std::string command(const command_question&, const command_answer&);
[[nodiscard]] std::string member_request(const member_request_question&, const bool&);
[[nodiscard]] std::string ready(const ready_question&, const std::string&);
[[nodiscard]] std::string bot(const bot_question&, const std::uint16_t&);
[[nodiscard]] std::string lanes(const lanes_question&, const std::uint32_t&);
[[nodiscard]] std::string resharding(const reshard_question&, const std::uint32_t&);
[[nodiscard]] std::string switching(const switch_question&, const bool&);
}  // namespace allowed

class desk {
 public:
  desk() = default;
  /// `log` may be null and outlives the desk.
  desk(const controller_table& overrides, base::logger* log, std::chrono::nanoseconds slow_after);

  /// Overrides nothing; for parts that nobody has given a desk.
  [[nodiscard]] static const desk& plain() noexcept;

  slot<total_shards_question, std::uint32_t> calculate_total_shards{"calculate_total_shards",
                                                                    allowed::total_shards};
  slot<worker_id_question, std::uint32_t> calculate_worker_id{"calculate_worker_id", allowed::worker_id};
  slot<identify_question, std::chrono::milliseconds> permit_identify{"permit_identify", allowed::identify};
  slot<presence_question, std::string> make_presence{"make_presence", allowed::presence};
  slot<close_question, close_verdict> judge_close{"judge_close", allowed::verdict};
  slot<invalid_session_question, bool> judge_invalid_session{"judge_invalid_session", allowed::resumable};
  slot<reconnect_question, std::chrono::milliseconds> reconnect_delay{"reconnect_delay", allowed::pause};
  slot<event_question, event_answer> on_event{"on_event", allowed::event};
  slot<delivery_question, bool> deliver_event{"deliver_event", allowed::delivery};
  slot<overflow_question, event_group> choose_overflow{"choose_overflow", allowed::overflow};
  slot<interaction_question, bool> expire_interaction{"expire_interaction", allowed::expiry};
  slot<command_question, command_answer> on_command{"on_command", allowed::command};
  slot<member_request_question, bool> coalesce_members{"coalesce_members", allowed::member_request};
  slot<ready_question, std::string> make_ready{"make_ready", allowed::ready};
  slot<bot_question, std::uint16_t> admit_bot{"admit_bot", allowed::bot};
  slot<lanes_question, std::uint32_t> calculate_lanes{"calculate_lanes", allowed::lanes};
  slot<reshard_question, std::uint32_t> decide_resharding{"decide_resharding", allowed::resharding};
  slot<switch_question, bool> permit_switch{"permit_switch", allowed::switching};

  /// Calls `visit(slot)` for each, in the order of the public table.
  template <class Self, class Visit>
  void each(this Self&& self, Visit&& visit) {
    visit(self.calculate_total_shards), visit(self.calculate_worker_id), visit(self.permit_identify);
    visit(self.make_presence);
    visit(self.judge_close), visit(self.judge_invalid_session), visit(self.reconnect_delay);
    visit(self.on_event), visit(self.deliver_event), visit(self.choose_overflow),
        visit(self.expire_interaction);
    visit(self.on_command), visit(self.coalesce_members), visit(self.make_ready), visit(self.admit_bot);
    visit(self.calculate_lanes);
    visit(self.decide_resharding), visit(self.permit_switch);
  }

  /// What of deliver_event goes into the numbering of sessions; 0 = it is not overridden. Changes with the
  /// script.
  [[nodiscard]] std::uint32_t delivery_version() const noexcept;
  /// Of the script that defines deliver_event; 0 = none does.
  void set_script_version(std::uint32_t version) noexcept {
    script_version_.store(version, std::memory_order_release);
  }

  [[nodiscard]] std::vector<controller_status> status() const;

 private:
  std::uint32_t function_version_ = 0;
  std::atomic<std::uint32_t> script_version_{0};
};

}  // namespace evergate::decide
