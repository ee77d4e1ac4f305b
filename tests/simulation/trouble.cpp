#include "trouble.h"

#include <array>
#include <cmath>

#include "journal/errc.h"

namespace evergate::simulation {

using sim::fault_kind;
using sim::fault_order;

/// Draws what a fault needs and does it.
struct maker {
  trouble& t;

  [[nodiscard]] std::uint64_t below(std::uint64_t n) const { return t.chance_.below(n); }
  [[nodiscard]] base::milliseconds span(std::uint64_t least_ms, std::uint64_t most_ms) const {
    return base::milliseconds(least_ms + below(most_ms - least_ms));
  }
  /// To one shard or, now and then, to all.
  [[nodiscard]] fault_order order(fault_kind kind) const {
    fault_order out;
    out.kind = kind;
    if (!sim::shardless(kind) && !t.chance_.chance(0.25)) out.shard = static_cast<std::uint32_t>(below(4));
    if (t.chance_.chance(0.3)) out.times = 1 + static_cast<std::uint32_t>(below(5));
    const auto path = below(4);
    out.path = path == 0   ? sim::path_choice::main
               : path == 1 ? sim::path_choice::resume
                           : sim::path_choice::any;
    return out;
  }
  void give(const fault_order& what) const { t.discord_.core().fault(what, t.discord_.now_ms()); }
  void give(fault_kind kind) const { give(order(kind)); }
  void give_delayed(fault_kind kind, std::uint64_t most_ms) const {
    auto what = order(kind);
    what.delay_ms = static_cast<std::int64_t>(10 + below(most_ms));
    give(what);
  }
  void give_code(fault_kind kind) const {
    static constexpr std::array<std::uint16_t, 11> codes{0,    1000, 1001, 1006, 4000, 4001,
                                                         4002, 4006, 4007, 4008, 4009};
    auto what = order(kind);
    what.code = codes[below(codes.size())];
    if (what.code == 1006) what.code = 1012;
    give(what);
  }
  /// After it nothing may be tried again until the operator has been there.
  void fatal() const {
    static constexpr std::array<std::uint16_t, 6> codes{4004, 4010, 4011, 4012, 4013, 4014};
    auto what = order(below(2) == 0 ? fault_kind::close : fault_kind::close_after_identify);
    what.code = codes[below(codes.size())];
    what.times = 1;
    give(what);
  }
  /// Types of which no state depends: what the mirror misses it cannot show.
  void drop_type() const {
    static constexpr std::array<std::string_view, 4> types{"TYPING_START", "MESSAGE_REACTION_ADD",
                                                           "MESSAGE_UPDATE", "INTERACTION_CREATE"};
    auto what = order(fault_kind::drop_type);
    what.type = types[below(types.size())];
    what.times = static_cast<std::uint32_t>(below(30));
    give(what);
  }
  void give_url(fault_kind kind) const {
    auto what = order(kind);
    what.to = static_cast<sim::dead_end>(1 + below(3));
    give(what);
  }
  [[nodiscard]] link_id link() const {
    const auto open = t.net_.open();
    return open.empty() ? 0 : open[below(open.size())];
  }
  [[nodiscard]] side to_client_mostly() const { return t.chance_.chance(0.75) ? side::client : side::server; }

  void corrupt_frame() const {
    auto what = order(fault_kind::corrupt_frame);
    what.how = static_cast<sim::damage>(static_cast<unsigned>(sim::damage::reserved_opcode) + below(3));
    give(what);
  }
  void huge() const {
    auto what = order(fault_kind::huge);
    what.bytes = 1'000 + below(trouble::huge_bytes_max - 1'000);
    what.times = 1;
    give(what);
  }
  void jump() const {
    auto what = order(fault_kind::seq_jump);
    what.by = 1 + static_cast<std::uint32_t>(below(300));
    give(what);
  }
  void lag() const {
    auto what = order(fault_kind::lag);
    what.delay_ms = static_cast<std::int64_t>(below(3'000));
    what.jitter_ms = static_cast<std::int64_t>(below(1'000));
    what.times = 20 + static_cast<std::uint32_t>(below(200));
    give(what);
  }
  void refuse_upgrade() const {
    auto what = order(fault_kind::refuse_upgrade);
    what.status = 502;
    what.times = 1 + static_cast<std::uint32_t>(below(12));
    give(what);
  }
  void disk_error() const {
    t.disk_error_until_ = t.timeline_.now() + span(10, 20'000);
    t.daemon_.disk_disturbed(t.disk_error_until_);
  }
  void disk_slow() const {
    t.disk_.slow = span(20, 2'000);
    t.daemon_.disk_disturbed(base::instant::max());
  }
  void die_in_commit() const { t.commits_to_death_ = 1 + static_cast<std::uint32_t>(below(4)); }
};

namespace {

constexpr bool names(std::string_view rows, int row) {
  int number = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] != ' ') number = number * 10 + (rows[i] - '0');
    const bool ends = i + 1 == rows.size() || rows[i + 1] == ' ';
    if (ends && number == row) return true;
    if (rows[i] == ' ') number = 0;
  }
  return false;
}

/// Each row of the failure catalogue that an upstream shard must survive has a fault here.
template <std::size_t n>
constexpr bool covers_all(const trouble::kind (&all)[n]) {
  for (const int row : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17, 18, 21, 22, 23, 24, 26, 28}) {
    bool found = false;
    for (const auto& one : all) found = found || names(one.rows, row);
    if (!found) return false;
  }
  return true;
}

}  // namespace

std::span<const trouble::kind> trouble::kinds() {
  static constexpr kind all[] = {
      // The network's.
      {"reset", "", [](trouble& t) { t.net_.reset(maker{t}.link()); }},
      {"fin", "", [](trouble& t) { t.net_.end(maker{t}.link()); }},
      {"stall", "2", [](trouble& t) { t.net_.stall(maker{t}.link(), maker{t}.span(50, 60'000)); }},
      {"half_open", "1",
       [](trouble& t) { t.net_.half_open(maker{t}.link(), other(maker{t}.to_client_mostly())); }},
      {"slow_link", "2", [](trouble& t) { t.net_.lag(maker{t}.link(), maker{t}.span(20, 4'000)); }},
      {"cut", "",
       [](trouble& t) {
         t.net_.cut_after(maker{t}.link(), maker{t}.to_client_mostly(), maker{t}.below(6'000));
       }},
      // Discord's, on live connections.
      {"op7", "5", [](trouble& t) { maker{t}.give(fault_kind::op7); }},
      {"op9", "6", [](trouble& t) { maker{t}.give(fault_kind::op9); }},
      {"op9_true", "6",
       [](trouble& t) {
         auto what = maker{t}.order(fault_kind::op9);
         what.resumable = true;
         maker{t}.give(what);
       }},
      {"close", "10 11", [](trouble& t) { maker{t}.give_code(fault_kind::close); }},
      {"rst", "", [](trouble& t) { maker{t}.give(fault_kind::rst); }},
      {"silent", "1", [](trouble& t) { maker{t}.give(fault_kind::half_open); }},
      {"op1", "4", [](trouble& t) { maker{t}.give(fault_kind::op1); }},
      {"corrupt_frame", "22", [](trouble& t) { maker{t}.corrupt_frame(); }},
      {"broken_stream", "21", [](trouble& t) { maker{t}.give(fault_kind::broken_stream); }},
      {"split_stream", "21", [](trouble& t) { maker{t}.give(fault_kind::split_stream); }},
      {"missing_ack", "1 3", [](trouble& t) { maker{t}.give(fault_kind::missing_ack); }},
      {"late_ack", "2", [](trouble& t) { maker{t}.give_delayed(fault_kind::late_ack, 8'000); }},
      {"seq_jump", "28", [](trouble& t) { maker{t}.jump(); }},
      {"seq_repeat", "28", [](trouble& t) { maker{t}.give(fault_kind::seq_repeat); }},
      {"huge", "23", [](trouble& t) { maker{t}.huge(); }},
      {"bad_utf8", "24", [](trouble& t) { maker{t}.give(fault_kind::bad_utf8); }},
      {"lone_surrogate", "24", [](trouble& t) { maker{t}.give(fault_kind::lone_surrogate); }},
      {"lag", "2", [](trouble& t) { maker{t}.lag(); }},
      {"burst", "",
       [](trouble& t) { t.discord_.core().emit(20 + maker{t}.below(200), {}, t.discord_.now_ms()); }},
      // Discord's, while connecting.
      {"refuse_upgrade", "15", [](trouble& t) { maker{t}.refuse_upgrade(); }},
      {"slow_upgrade", "17", [](trouble& t) { maker{t}.give_delayed(fault_kind::slow_upgrade, 12'000); }},
      {"silent_upgrade", "9 17", [](trouble& t) { maker{t}.give(fault_kind::silent_upgrade); }},
      {"no_hello", "17", [](trouble& t) { maker{t}.give(fault_kind::no_hello); }},
      {"slow_hello", "17", [](trouble& t) { maker{t}.give_delayed(fault_kind::slow_hello, 25'000); }},
      {"op7_first", "5", [](trouble& t) { maker{t}.give(fault_kind::op7_first); }},
      {"op9_after_identify", "7", [](trouble& t) { maker{t}.give(fault_kind::op9_after_identify); }},
      {"no_ready", "17", [](trouble& t) { maker{t}.give(fault_kind::no_ready); }},
      {"close_after_identify", "11",
       [](trouble& t) { maker{t}.give_code(fault_kind::close_after_identify); }},
      {"refuse_resume", "6", [](trouble& t) { maker{t}.give(fault_kind::refuse_resume); }},
      {"op9_true_after_resume", "6", [](trouble& t) { maker{t}.give(fault_kind::op9_true_after_resume); }},
      {"close_after_resume", "8 10", [](trouble& t) { maker{t}.give_code(fault_kind::close_after_resume); }},
      {"no_resumed", "17", [](trouble& t) { maker{t}.give(fault_kind::no_resumed); }},
      {"resume_host", "9 16", [](trouble& t) { maker{t}.give_url(fault_kind::resume_host); }},
      {"gateway_url", "16", [](trouble& t) { maker{t}.give_url(fault_kind::gateway_url); }},
      {"rest_status", "15", [](trouble& t) { maker{t}.give(fault_kind::rest_status); }},
      // The machine's.
      {"disk_error", "", [](trouble& t) { maker{t}.disk_error(); }},
      {"disk_slow", "", [](trouble& t) { maker{t}.disk_slow(); }},
      {"kill_daemon", "", [](trouble& t) { t.daemon_.kill(); }},
      {"kill_in_commit", "", [](trouble& t) { maker{t}.die_in_commit(); }},
      {"stop_daemon", "", [](trouble& t) { t.daemon_.stop(); }},
      {"suspend", "26", [](trouble& t) { t.daemon_.suspend(maker{t}.span(100, 90'000)); }},
      // Added later: see swarm::of.
      {"fatal", "12", [](trouble& t) { maker{t}.fatal(); }},
      {"drop_type", "18", [](trouble& t) { maker{t}.drop_type(); }},
      {"unavailable_create", "19", [](trouble& t) { maker{t}.give(fault_kind::unavailable_create); }},
      {"clock_jump", "26",
       [](trouble& t) {
         t.daemon_.set_clock(base::milliseconds(maker{t}.below(7'200'000)) - std::chrono::hours(1));
       }},
  };
  static_assert(covers_all(all));
  return all;
}

trouble::trouble(virtual_time& time, trace& log, std::uint64_t seed, network& net, discord_side& discord,
                 virtual_disk& disk, daemon_handle daemon)
    : timeline_(time),
      log_(log),
      net_(net),
      discord_(discord),
      disk_(disk),
      daemon_(std::move(daemon)),
      chance_(seed) {
  disk_.image->before_commit = [this] { return at_commit(); };
}

void trouble::start(std::span<const std::size_t> chosen, base::milliseconds every) {
  active_ = true;
  chosen_ = chosen;
  every_ = every;
  if (!chosen_.empty()) next();
}

void trouble::next() {
  const auto wait = -std::log(1 - chance_.unit()) * static_cast<double>(every_.count());
  timeline_.in(base::milliseconds(static_cast<std::int64_t>(wait)), "trouble", [this] {
    if (!active_) return;
    const auto& what = kinds()[chosen_[chance_.below(chosen_.size())]];
    log_.say("fault", what.name);
    what.make(*this);
    next();
  });
}

void trouble::stop() {
  active_ = false;
  disk_error_until_ = {};
  disk_.slow = {};
  commits_to_death_ = 0;
  net_.heal();
  discord_.core().clear_faults();
  discord_.heal_address();
}

base::result<void> trouble::at_commit() {
  if (commits_to_death_ > 0 && --commits_to_death_ == 0) dies_ = true;
  if (dies_) return base::fail(journal::errc::io, "the process dies");
  if (timeline_.now() < disk_error_until_ && chance_.chance(0.8)) {
    return base::fail(journal::errc::full, chance_.chance(0.5) ? "no space left on device" : "i/o error");
  }
  return {};
}

}  // namespace evergate::simulation
