// A TCP connection between a simulated bot and the daemon under virtual time: two streams of bytes, cut into
// pieces at random places, late by a random bit, bounded by a kernel's buffers. Ends by FIN, by RST at any
// byte, or falls silent (half-open). Held by both ends; one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "agenda.h"
#include "base/rng.h"

namespace evergate::simulation {

enum class bot_side : std::uint8_t { bot, daemon };

struct bot_link_options {
  base::milliseconds latency_min{1};
  base::milliseconds latency_max{20};
  std::size_t buffer_bytes = 64 * 1024;  ///< written and not yet read, per direction
  double cut = 0.3;                      ///< chance that a write arrives in pieces
};

class bot_link : public std::enable_shared_from_this<bot_link> {
 public:
  /// What one end wants to hear. Empty functions hear nothing.
  struct ear {
    std::function<void(std::string_view)> bytes;
    std::function<void()> room;   ///< a write that was not taken whole may be continued
    std::function<void()> ended;  ///< once, last: FIN or RST
  };

  bot_link(agenda& time, std::uint64_t seed, bot_link_options how) : time_(time), chance_(seed), how_(how) {}

  void listen(bot_side who, ear with) { end_of(who).hears = std::move(with); }
  /// How many of the bytes the kernel took; `room` is told when it takes more.
  [[nodiscard]] std::size_t write(bot_side who, std::string_view bytes);
  /// That end stops reading, or goes on.
  void pause(bot_side who, bool paused);
  /// FIN after what was written. That end hears nothing any more.
  void close(bot_side who);
  /// The process or its machine is gone: what is under way is lost from some byte on.
  void reset(bot_side who);
  /// Half-open: from now on nothing arrives, at either end, and nobody is told.
  void silence() noexcept { silent_ = true; }

  [[nodiscard]] base::nanoseconds some_latency();

 private:
  /// What travels towards one end.
  struct end {
    ear hears;
    std::string arrived;      ///< in its kernel, unread
    std::size_t unread = 0;   ///< written by the other end and not yet read
    base::instant last{};     ///< when the last piece arrives
    std::uint32_t epoch = 0;  ///< goes up when what is under way is lost
    bool paused = false;
    bool starved = false;  ///< the other end waits for room
    bool finished = false;
    bool told = false;
    bool gone = false;  ///< it has closed
  };
  [[nodiscard]] end& end_of(bot_side who) noexcept { return ends_[static_cast<std::size_t>(who)]; }
  [[nodiscard]] static bot_side other(bot_side who) noexcept {
    return who == bot_side::bot ? bot_side::daemon : bot_side::bot;
  }
  void arrive(bot_side to, std::uint32_t epoch, std::string piece);
  void read(bot_side who);
  void finish(bot_side to, bool lossy);

  agenda& time_;
  base::rng chance_;
  const bot_link_options how_;
  std::array<end, 2> ends_;
  bool silent_ = false;
};

}  // namespace evergate::simulation
