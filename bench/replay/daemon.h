// The daemon's way of an event without sockets, threads and clocks: frame decoder, shard core (inflate,
// envelope scan, session, intake), batch, journal and a bot's core, in one thread. Each turn() is a turn of
// the loop that finds a piece of the stream received; its parts are called as the daemon calls them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/secret.h"
#include "bench/replay/journal.h"
#include "downstream/bot_core.h"
#include "flow/command.h"
#include "net/websocket_codec.h"
#include "pipeline/intake.h"
#include "upstream/shard_core.h"

namespace evergate::bench {

class replay_daemon final : private upstream::shard_shell,
                            private downstream::bot_wire,
                            private downstream::order_desk,
                            private flow::command_sink,
                            private flow::fleet_view {
 public:
  replay_daemon(std::unique_ptr<journal::store> over, proto::compression kind);

  /// A piece of the stream has been received.
  void receive(std::string_view bytes);
  /// From the bytes received to the bot's output. By default longer than the batching tick: it ends with a
  /// batch.
  void turn(base::milliseconds takes = base::milliseconds(2));
  /// What the keeper's thread does meanwhile.
  void keep() { journal_.keep(); }
  /// The bot reads: its output is looked at and gone. False when it was told something that ends a session.
  [[nodiscard]] bool read();
  /// The bot connects and gets its guilds. False when it does not come to that.
  [[nodiscard]] bool connect_bot();

  /// Dispatches that the bot has got.
  [[nodiscard]] std::uint64_t delivered() const noexcept { return delivered_; }
  [[nodiscard]] std::uint64_t versions() const noexcept { return journal_.versions(); }

 private:
  [[nodiscard]] downstream::bot_time time() const noexcept { return {now_, unix_ms()}; }
  [[nodiscard]] std::int64_t unix_ms() const noexcept;
  void hand_over();
  void commit();
  void pump();

  // upstream::shard_shell
  void connect(const upstream::action::connect&, base::instant) override {}
  void send(std::string_view) override {}
  void close(std::uint16_t) override {}
  void drop() override {}
  void arm(upstream::timer_kind, base::instant) override {}
  void disarm(upstream::timer_kind) override {}
  void request_turn() override { turn_wanted_ = true; }
  void cancel_turn() override {}
  void identify_sent(base::instant) override {}
  void identify_refused(base::instant) override {}
  void batch_grew() override;
  void on_live(bool) override {}
  void on_fatal(std::uint16_t) override {}
  [[nodiscard]] std::int64_t wall_ms() const override { return unix_ms(); }

  // downstream::bot_wire
  [[nodiscard]] std::string& output() override { return output_; }
  void output_ready() override {}
  [[nodiscard]] std::size_t queued_bytes() const override { return 0; }
  [[nodiscard]] std::size_t output_room() const override { return std::size_t{1} << 20; }
  void close(std::uint16_t, std::string_view) override { closed_ = true; }
  void pump_later() override { pump_again_ = true; }
  void authenticated() override {}
  [[nodiscard]] std::string new_session_id() override { return "00000000000000000000000000000001"; }

  // downstream::order_desk, flow::command_sink, flow::fleet_view
  void carry(downstream::consumer_orders orders) override;
  void reserved(downstream::holder_id, flow::offset) override {}
  void interactions_reserved(downstream::holder_id, std::uint64_t ticket) override {
    tickets_.push_back(ticket);
  }
  [[nodiscard]] bool submit(flow::command) override { return true; }
  [[nodiscard]] std::uint32_t shard_count() const override { return 1; }
  [[nodiscard]] std::uint32_t shards_ready() const override { return 1; }

  base::logger log_{base::log_level::off};
  base::secret token_;
  base::instant now_;
  replay_journal journal_;

  flow::reply_table replies_;
  std::unique_ptr<pipeline::intake> intake_;
  upstream::open_batch batch_;
  net::ws_decoder decoder_;
  upstream::shard_core shard_;
  bool turn_wanted_ = false;
  bool batch_due_ = false;

  downstream::gateway_options options_;
  downstream::consumers readers_;
  downstream::command_router router_;
  downstream::batch_reader reader_;
  downstream::client_frame_reader frames_;
  downstream::bot_core bot_;
  downstream::consumer_orders orders_;
  std::vector<std::uint64_t> tickets_;
  std::string output_;
  base::instant flushed_;
  bool pump_again_ = false;
  bool closed_ = false;

  std::uint64_t delivered_ = 0;
  std::uint64_t seq_ = 0;
  std::uint64_t acknowledged_ = 0;
};

}  // namespace evergate::bench
