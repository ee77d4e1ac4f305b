// The protocol of one bot connection without I/O: what the bot sends and the passing of time go in, actions
// come out. Knows order, deadlines, the send window, token, intents and shard; knows nothing of events. One
// per connection, on its loop; holds no more than a few numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"
#include "downstream/client_frame.h"
#include "downstream/heartbeat_asker.h"
#include "proto/intents.h"
#include "proto/snowflake.h"

namespace evergate::downstream {

/// The part of gateway_options that the session judges by. Views must outlive the session.
struct session_rules {
  const base::secret* token = nullptr;
  proto::intent_bits intents = 0;
  std::uint32_t lanes_max = 4096;
  base::milliseconds heartbeat_interval{10'000};
  std::uint32_t heartbeats_missed_max = 3;
  base::milliseconds identify_timeout{10'000};
  std::uint32_t sends_max = 120;
  base::milliseconds sends_window{60'000};
  std::size_t message_bytes_max = 4096;
  bool ask_heartbeats = true;
  base::milliseconds ask_interval{1'000};
};

/// A judged IDENTIFY.
struct identify_request {
  proto::shard_key lane;
  proto::intent_bits intents = 0;
  bool compress = false;               ///< payload compression
  std::uint32_t large_threshold = 50;  ///< 50 to 250
  bool may_ask = false;                ///< its library is known to answer op 1 well
  std::string presence;                ///< raw object, empty when absent
  std::string library;                 ///< properties.browser, empty when absent
};

/// A RESUME with the right token.
struct resume_request {
  std::string session_id;
  std::int64_t seq = 0;
};

struct session_action {
  enum class kind : std::uint8_t { send, identify, resume, acknowledge, command, close };
  kind what = kind::send;
  std::string frame;          ///< send; acknowledge: the answer, once it is taken in
  identify_request identify;  ///< identify
  resume_request resume;      ///< resume
  std::int64_t seq = 0;       ///< acknowledge
  int op = 0;                 ///< command
  std::string_view d;         ///< command: raw, valid as long as the message that was given
  std::uint16_t code = 0;     ///< close
  const char* reason = "";    ///< close
};

struct session_input {
  enum class kind : std::uint8_t {
    open,         ///< the WebSocket is there
    message,      ///< `text` came
    tick,         ///< time passed
    started,      ///< READY or the replay is on its way: beats are due from now on
    invalidated,  ///< the IDENTIFY or RESUME could not be served, or the session ended: op 9
    ask,          ///< a heartbeat is wanted from the bot
  };
  kind what = kind::tick;
  std::string_view text{};
  ask_need need = ask_need::regular;  ///< ask only
};

class session {
 public:
  session(session_rules rules, client_frame_reader& reader) noexcept
      : rules_(rules), reader_(reader), asker_(rules.heartbeat_interval, rules.ask_interval) {}

  /// Appends what is to be done to `out`, in order. After a close action nothing more comes.
  void step(const session_input& input, base::instant now, std::vector<session_action>& out);

  [[nodiscard]] bool authenticated() const noexcept {
    return state_ == state::starting || state_ == state::live;
  }
  /// An op 1 of ours is unanswered.
  [[nodiscard]] bool asked() const noexcept { return asker_.waits_for_answer(); }

 private:
  enum class state : std::uint8_t { awaiting, starting, live, closed };

  void receive(std::string_view text, base::instant now, std::vector<session_action>& out);
  void ask(ask_need need, base::instant now, std::vector<session_action>& out);
  void tick(base::instant now, std::vector<session_action>& out);
  void heartbeat(std::string_view d, base::instant now, std::vector<session_action>& out);
  void identify(std::string_view d, std::vector<session_action>& out);
  void resume(std::string_view d, std::vector<session_action>& out);
  [[nodiscard]] bool within_window(bool free, base::instant now);
  void close(std::uint16_t code, const char* reason, std::vector<session_action>& out);

  const session_rules rules_;
  client_frame_reader& reader_;
  state state_ = state::awaiting;
  bool ended_ = false;  ///< told op 9: what the bot sent before it reads that is still on its way
  std::uint32_t sent_in_window_ = 0;
  base::instant window_start_{};
  base::instant identify_until_{};
  base::instant last_beat_{};
  heartbeat_asker asker_;
};

}  // namespace evergate::downstream
