// The network between the simulated processes: byte streams that take time, arrive in pieces cut anywhere,
// and break in every way that TCP breaks. A link has a client and a server end; either may be gone. Owned by
// the run; one thread. Faults are asked for by link.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "virtual_time.h"

namespace evergate::simulation {

using link_id = std::uint64_t;
enum class side : std::uint8_t { client, server };
[[nodiscard]] constexpr side other(side s) noexcept {
  return s == side::client ? side::server : side::client;
}

/// What sits at an end of a link. Calls come from the network's own events, never from inside a call into it.
class link_end {
 public:
  virtual ~link_end() = default;
  /// Client: the connection asked for is there.
  virtual void on_connected(link_id) {}
  virtual void on_bytes(link_id which, std::string_view bytes) = 0;
  /// The stream has ended (FIN, or `reset`), or the connection never came. The end is forgotten.
  virtual void on_end(link_id which, bool reset) = 0;
};

/// Who takes connections.
class listener {
 public:
  virtual ~listener() = default;
  /// A client has come with `request`. The end to serve it, or null to refuse.
  virtual link_end* accept(link_id which, const std::string& request) = 0;
};

struct network_options {
  base::nanoseconds latency{base::milliseconds(5)};
  base::nanoseconds jitter{base::milliseconds(5)};
  std::size_t piece_bytes_max = 16'384;  ///< a piece is cut at a random place up to this
  base::milliseconds connect_timeout{10'000};
};

/// How the next connection goes.
struct dial_fate {
  enum class kind : std::uint8_t {
    accept,
    refuse,   ///< RST to the SYN, an HTTP refusal of the upgrade, or no such name
    silence,  ///< accepted, never answered
  };
  kind how = kind::accept;
  base::nanoseconds more{0};  ///< the handshake takes this much longer
};

class network {
 public:
  network(virtual_time& time, trace& log, network_options options, std::uint64_t seed);

  /// Opens a link from `client` to `to`; answered by on_connected or on_end.
  link_id dial(link_end& client, listener& to, std::string request, dial_fate fate = {});
  void send(link_id on, side from, std::string_view bytes);
  /// FIN after what was sent.
  void shut(link_id on, side from);
  /// Gone without a word more: the other end sees a reset. `from` hears nothing.
  void abort(link_id on, side from);
  /// `at` hears nothing of this link any more.
  void forget(link_id on, side at);
  /// `at` does not read: bytes wait, and so does the end.
  void pause(link_id on, side at, bool paused);
  /// Nobody reads at this side before `until`: its machine sleeps. What arrives meanwhile waits.
  void freeze(side at, base::instant until);
  /// Something has arrived at `at` and has not been read.
  [[nodiscard]] bool arrived(link_id on, side at) const;
  /// Bytes sent by `from` that the other end has not read.
  [[nodiscard]] std::size_t unread(link_id on, side from) const;

  /// Hears of each fault that makes a link's bytes late or lost, and how long it acts.
  std::function<void(link_id, base::instant from, base::instant until)> on_disturbed;

  // Faults.
  void reset(link_id on);                          ///< both ends see a RST, what was under way is lost
  void end(link_id on);                            ///< both ends see a FIN after what was under way
  void stall(link_id on, base::nanoseconds span);  ///< nothing arrives meanwhile
  void half_open(link_id on, side from);           ///< what `from` sends is lost, unnoticed
  void lag(link_id on, base::nanoseconds more);    ///< from now on
  /// The stream breaks off with a RST after this many further bytes to `to`.
  void cut_after(link_id on, side to, std::size_t bytes);

  /// Links that are open, oldest first.
  [[nodiscard]] std::vector<link_id> open() const;
  void heal();  ///< no link has a fault any more (what was lost stays lost)

 private:
  struct piece {
    std::string bytes;
    bool end = false;
    bool reset = false;
  };
  struct pipe {
    link_end* reader = nullptr;
    base::instant last{};       ///< nothing arrives before what was sent before it
    std::size_t under_way = 0;  ///< bytes
    std::deque<piece> stalled;  ///< held up by a stall, in their order
    std::deque<piece> waiting;  ///< arrived, not read
    bool paused = false;
    bool lost = false;   ///< half-open
    bool ended = false;  ///< FIN or RST has been sent into it
    std::size_t cut = ~std::size_t{0};
  };
  struct link {
    pipe to_client;
    pipe to_server;
    base::nanoseconds lag{0};
    base::instant stalled_until{};
    bool open = false;
  };
  [[nodiscard]] link* find(link_id which);
  [[nodiscard]] static pipe& towards(link& l, side to) noexcept {
    return to == side::client ? l.to_client : l.to_server;
  }
  void carry(link_id on, side to, piece what);
  void arrive(link_id on, side to, piece what);
  void release(link_id on, side to);
  void land(link_id on, side to, piece what);
  void read(link_id on, side to);
  [[nodiscard]] bool frozen(side at) const {
    return frozen_until_[static_cast<std::size_t>(at)] > timeline_.now();
  }
  void read_when_awake(link_id on, side to);
  void hear_reset(link_id on, side to);
  void drop_if_over(link_id on);
  void connected(link_id on, listener& to, const std::string& request);
  void refuse(link_id on);
  [[nodiscard]] base::nanoseconds delay();
  void tell(link_id on, base::instant until) const {
    if (on_disturbed) on_disturbed(on, timeline_.now(), until);
  }

  timeline timeline_;
  trace& log_;
  const network_options options_;
  base::rng chance_;
  std::map<link_id, link> links_;
  link_id next_ = 1;
  base::instant frozen_until_[2]{};
};

}  // namespace evergate::simulation
