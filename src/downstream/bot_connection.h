// One bot's WebSocket: puts together the session's protocol, the backfill, the lane's delivery and the
// consumer that the lane belongs to. Owned by its room, on its loop; bounded by the socket's output mark, the
// lane's window and the session's rules.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "downstream/backfill.h"
#include "downstream/consumers.h"
#include "downstream/frame_writer.h"
#include "downstream/lane.h"
#include "downstream/room.h"
#include "downstream/session.h"
#include "net/websocket.h"
#include "proto/compression.h"

namespace evergate::downstream {

struct connection_origin {
  holder_id id = 0;
  std::string consumer;
  std::string url;      ///< READY's resume_gateway_url
  std::string address;  ///< of the peer, without its port
  proto::compression transport = proto::compression::none;
};

class bot_connection final : public net::ws_handler {
 public:
  bot_connection(room& home, connection_origin origin);
  ~bot_connection() override;

  /// Begins with HELLO, or with the close code alone when one is given.
  void open(std::unique_ptr<net::websocket> socket, std::uint16_t refuse_with = 0, const char* reason = "");
  void carry(const consumer_order& order);
  void pump();
  void tick(base::instant now);
  /// at_most_once: the cursor is on disk up to here, so that events up to here may be sent.
  void reserved(flow::offset upto);
  /// The gateway stops: 4000, or nothing at all.
  void shut(bool drop);

  void on_message(net::ws_opcode kind, std::string_view payload) override;
  void on_drained() override { pump(); }
  void on_closed(const net::ws_closed& how) override;

 private:
  enum class phase : std::uint8_t {
    unknown,         ///< before IDENTIFY or RESUME, and after op 9
    waiting_source,  ///< identified; the fleet is not complete yet
    waiting_grant,   ///< the consumer will give the lane
    filling,         ///< READY and guilds
    gated,           ///< has its guilds; queued events wait for the other lanes
    replaying,       ///< RESUME: counting, then replaying up to replay_until_
    flowing,
    closed,
  };

  void step(const session_input& input);
  void act(const session_action& action);
  void control(std::string_view frame);
  void authenticated();
  void begin_identify(const identify_request& request);
  void begin_resume(const resume_request& request);
  void try_identify();
  void begin_filling(std::shared_ptr<const lane_grant> grant);
  void fill();
  void check_gate();
  void flow();
  void after_pump(lane::pace pace);
  /// How far this phase goes, and how far the redelivery option lets it go now.
  [[nodiscard]] flow::offset target() const;
  [[nodiscard]] flow::offset sendable();
  void acknowledged(std::int64_t seq);
  void command(int op, std::string_view d);
  void asked_to_yield();
  void check_yield(base::instant now);
  void report();
  void release();
  void invalidate();
  void leave(bool discard);
  void finish(std::uint16_t code, std::string_view reason);

  room& home_;
  const connection_origin origin_;
  std::unique_ptr<net::websocket> socket_;
  frame_writer writer_;
  session session_;
  std::vector<session_action> actions_;
  phase phase_ = phase::unknown;
  bool counted_ = true;    ///< the door counts it as unauthenticated
  bool silent_ = false;    ///< superseded: beats are answered, nothing is delivered
  bool yielding_ = false;  ///< asked for the lane and not released yet
  bool began_ = false;     ///< the backfill is through: the session can be resumed
  bool bot_acknowledged_ = false;
  bool reserving_ = false;
  bool starved_ = false;  ///< its window is full
  base::instant yield_until_{};
  base::instant gate_since_{};
  identify_request wish_;
  guarded_consumer* consumer_ = nullptr;
  std::shared_ptr<const lane_grant> grant_;
  std::optional<backfill> backfill_;
  std::optional<lane> lane_;
  flow::offset replay_until_;
  flow::offset reserved_;
  flow::offset reported_position_;
  std::uint32_t reported_acked_ = 0;
  std::uint64_t told_missing_ = 0;
};

}  // namespace evergate::downstream
