// Faults planted to test the tests: the simulation must notice each of them. In the product the question is
// answered `false` at compile time and nothing of it is left; evergate-simulate compiles the few sources that
// ask it a second time with EVERGATE_SEEDED_BUGS and chooses one at run time.
#pragma once

#include <cstdint>

namespace evergate::base {

enum class bug : std::uint8_t {
  none,
  split_transaction,  ///< events and sequences in two transactions
  received_seq,       ///< heartbeat and RESUME carry the received instead of the committed sequence
  replay_off_by_one,  ///< a bot's RESUME replays from one event too late
  cursor_ahead,       ///< a lane's cursor is written past what the bot has acknowledged
  stale_inflate,      ///< the old connection's bytes are in the new connection's inflater
  early_ready,        ///< READY is made before the mirror holds the lane's guilds
  cut_by_clock,       ///< resharding: silence is assumed, not proved
  cut_owes_nothing,   ///< resharding: what was delivered is forgotten when a guild moves
  told_past_held,     ///< resharding: a sequence is told though events before it wait in a handover
};

#ifdef EVERGATE_SEEDED_BUGS
extern bug planted_bug;
[[maybe_unused]] static bool seeded_bug(bug which) noexcept {
  return planted_bug == which;
}
#else
constexpr bool seeded_bug(bug) noexcept {
  return false;
}
#endif

}  // namespace evergate::base
