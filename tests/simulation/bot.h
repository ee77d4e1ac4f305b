// A simulated bot: one process that serves one lane, as a careful library would. Connects, identifies or
// resumes, beats, answers op 1, records what it receives and complains at once when the daemon breaks the
// protocol. What befalls it (kills, closes, slow reading, absence) is ordered by bot_crowd. One thread;
// lives until the end of the run.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "agenda.h"
#include "base/rng.h"
#include "bot_cache.h"
#include "bot_link.h"
#include "bot_log.h"
#include "bot_questions.h"
#include "net/websocket_codec.h"
#include "proto/compression.h"

namespace evergate::simulation {

/// What all bots of a crowd have in common.
struct bot_manner {
  std::string token;
  std::uint32_t intents = 0;
  proto::compression transport = proto::compression::none;
  bool compress_payloads = false;
  bool answers_requests = true;  ///< a library that is asked by op 1
  base::milliseconds answer_delay{0};
  base::milliseconds asks_every{0};  ///< about: a command to Discord (ops 3, 4, 8, 31, 43); 0 = never
  bool keeps_cache = true;           ///< it is sent all that a cache needs, so that each event must fit
  std::uint64_t poison_every = 0;    ///< its process dies of messages whose serial is a multiple; 0 = of none
};

/// How a bot reaches the daemon: a link whose other end is accepted there, or reset when there is none.
using bot_dialer = std::function<std::shared_ptr<bot_link>(proto::compression transport)>;

class bot {
 public:
  bot(agenda& time, std::uint64_t seed, bot_manner how, bot_dialer dial, bot_log& log, proto::shard_key lane);
  ~bot();
  bot(const bot&) = delete;
  bot& operator=(const bot&) = delete;

  /// Starts the process, or does nothing when it runs.
  void start();
  /// SIGKILL of the process: no close frame, everything it knew is gone. `away` starts it again after that.
  void kill();
  /// Its connection breaks: it comes back by RESUME after `away`.
  void lose_connection(base::nanoseconds away);
  /// As above, but the daemon is not told: half-open.
  void vanish(base::nanoseconds away);
  /// A close frame; after 1000 and 1001 its session has ended. Comes back after `away`.
  void close(std::uint16_t code, base::nanoseconds away);
  /// Its place has gone to another: it is not started again, and when its connection ends it has ended.
  void give_up_place();
  /// Reads nothing for a while.
  void doze(base::nanoseconds span);
  /// From now on it asks for members until it is answered.
  void want_answer();

  [[nodiscard]] bool running() const noexcept { return running_; }
  [[nodiscard]] base::instant asked() const noexcept { return asked_; }  ///< its last IDENTIFY
  /// Has its session, and its guilds.
  [[nodiscard]] bool live() const noexcept { return phase_ == phase::live && session_ != nullptr; }
  /// Was told that its layout is no longer in force (4010): it has ended for good.
  [[nodiscard]] bool retired() const noexcept { return retired_; }
  [[nodiscard]] std::string_view state() const noexcept;
  [[nodiscard]] bool dozing() const noexcept { return dozing_; }
  /// What it wanted to know has come.
  [[nodiscard]] bool answered() const noexcept { return questions_.answered(); }
  [[nodiscard]] proto::shard_key lane() const noexcept { return lane_; }
  [[nodiscard]] const bot_session* session() const noexcept { return session_; }

 private:
  using json = nlohmann::json;
  enum class phase : std::uint8_t { away, connected, starting, resuming, live, closing };

  void connect();
  void hang_up(base::nanoseconds away);
  void come_back(base::nanoseconds away);
  void forget_session();
  void die();
  void begin_spell();
  void end_spell();
  void later(base::nanoseconds wait, std::function<void()> what);
  void say(std::string_view text);
  void say_frame(net::ws_opcode kind, std::string_view payload);
  void identify();
  void resume();
  void beat();
  void send_beat();
  void begin_asking();
  void ask_in(base::nanoseconds wait);
  void ask();
  void keep(const std::string& type, const json& d);
  void receive(std::string_view bytes);
  void take(const net::ws_decoder::item& item);
  void take_close(std::string_view payload);
  void take_payload(std::string_view text);
  void take_frame(const json& frame);
  bool take_guild(std::string_view text);
  void hello(const json& d);
  void invalidated(bool resumable);
  void dispatch(const json& frame);
  bool record(const std::string& type, proto::snowflake guild, std::uint64_t serial, std::uint32_t seq);
  void ready(const json& d);
  void resumed(const json& frame);
  void interaction(const json& frame);
  void guild_of_ready(const std::string& type, proto::snowflake id);
  void complain(std::string what);
  void tell(std::string_view what) const;

  agenda& time_;
  base::rng chance_;
  const bot_manner how_;
  const bot_dialer dial_;
  bot_log& log_;
  const proto::shard_key lane_;

  std::uint64_t life_ = 0;  ///< goes up when timers of before are void
  bool running_ = false;
  bool retired_ = false;
  bool leaving_ = false;
  bool dozing_ = false;
  bool lagged_ = true;  ///< no beat since it connected or slept has shown that it read everything
  base::instant woke_at_{};
  base::instant dozed_until_ = base::instant::min();
  phase phase_ = phase::away;
  base::nanoseconds away_{};
  std::shared_ptr<bot_link> link_;
  std::unique_ptr<net::ws_decoder> decoder_;
  std::unique_ptr<proto::inflater> inflater_;
  simdjson::dom::parser parser_;
  base::nanoseconds interval_{};
  base::instant anonymous_since_{};        ///< the daemon waits for IDENTIFY or RESUME since about then
  base::instant asked_{};                  ///< its last IDENTIFY
  std::deque<bot_session::moment> beats_;  ///< not yet answered: the sequence each carried
  std::uint16_t close_code_ = 0;
  bot_spell* spell_ = nullptr;  ///< of being there and reading
  bool close_noted_ = false;    ///< in the session's record, until it turns out to have gone unanswered
  bot_session* session_ = nullptr;
  std::set<proto::snowflake> missing_;  ///< guilds of READY that have not come
  bot_cache cache_;
  bot_questions questions_;
  bool wants_answer_ = false;
  std::uint64_t asking_ = 0;  ///< goes up when a question that is due is void
};

}  // namespace evergate::simulation
