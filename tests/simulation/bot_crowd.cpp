#include "bot_crowd.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace evergate::simulation {
namespace {

using std::chrono::milliseconds;

// None that the daemon closes with by itself: bots tell its answer by the code.
constexpr std::array<std::uint16_t, 4> closing_codes = {4200, 4900, 3000, 4999};

}  // namespace

bot_crowd::bot_crowd(agenda& time, std::uint64_t seed, bot_crowd_options how, bot_log& log)
    : time_(time), chance_(seed), how_(std::move(how)), log_(log), lanes_(how_.lanes) {}

void bot_crowd::start() {
  for (std::uint32_t i = 0; i < lanes_; ++i) add(i).start();
  if (how_.mischief.pause > milliseconds::zero()) arm();
  if (how_.cut_off_for > milliseconds::zero()) time_.after(how_.cut_off_at, [this] { cut_off(); });
}

/// Nobody gets through: who was there will RESUME, or IDENTIFY when its process died meanwhile.
void bot_crowd::cut_off() {
  if (calm_) return;
  cut_off_ = true;
  for (auto* one : serving_) {
    if (chance_.chance(0.5)) {
      restart(*one, base::nanoseconds(how_.cut_off_for));
    } else {
      one->lose_connection(base::nanoseconds(0));
    }
  }
  time_.after(how_.cut_off_for, [this] { cut_off_ = false; });
}

void bot_crowd::calm() {
  calm_ = true;
  cut_off_ = false;
  for (auto* one : serving_) {
    if (!one->running() && !one->retired()) one->start();
  }
}

std::vector<const bot*> bot_crowd::serving() const {
  return {serving_.begin(), serving_.end()};
}

bool bot_crowd::all_live() const {
  return std::ranges::all_of(serving_, [](const bot* one) { return one->live() && !one->dozing(); });
}

bool bot_crowd::all_answered() {
  for (auto* one : serving_) one->want_answer();
  return std::ranges::all_of(serving_, &bot::answered);
}

std::string bot_crowd::state() const {
  std::string out;
  for (const auto* one : serving_) {
    out +=
        fmt::format("{}[{},{}] {}", out.empty() ? "" : ", ", one->lane().id, one->lane().count, one->state());
  }
  return out;
}

std::shared_ptr<bot_link> bot_crowd::dial(proto::compression transport) {
  auto link = std::make_shared<bot_link>(time_, chance_(), how_.wire);
  time_.after(3 * link->some_latency(), [this, link, transport] {
    if (daemon_ == nullptr || cut_off_) return link->reset(bot_side::daemon);
    daemon_->accept(link, transport);
  });
  return link;
}

bot& bot_crowd::add(std::uint32_t lane) {
  auto dialer = [this](proto::compression transport) { return dial(transport); };
  everyone_.push_back(std::make_unique<bot>(time_, chance_(), how_.manner, std::move(dialer), log_,
                                            proto::shard_key{lane, lanes_}));
  serving_.resize(lanes_);
  serving_[lane] = everyone_.back().get();
  return *everyone_.back();
}

void bot_crowd::arm() {
  const auto pause = static_cast<std::uint64_t>(base::nanoseconds(how_.mischief.pause).count());
  time_.after(base::nanoseconds(1 + chance_.below(2 * pause)), [this] {
    if (calm_) return;
    befall();
    arm();
  });
}

base::nanoseconds bot_crowd::between(milliseconds least, milliseconds most) {
  const auto span = base::nanoseconds(most - least).count();
  return base::nanoseconds(least) + base::nanoseconds(chance_.below(static_cast<std::uint64_t>(span) + 1));
}

void bot_crowd::restart(bot& who, base::nanoseconds away) {
  who.kill();
  time_.after(away, [&who] { who.start(); });
}

void bot_crowd::befall() {
  const auto lane = static_cast<std::uint32_t>(chance_.below(lanes_));
  auto& who = *serving_[lane];
  const auto& m = how_.mischief;
  const std::array<unsigned, 10> weights = {m.drop,   m.kill,    m.close_end, m.close_keep, m.doze,
                                            m.vanish, m.absence, m.all_die,   m.replace,    m.reshard};
  auto pick = chance_.below(std::accumulate(weights.begin(), weights.end(), 0u));
  std::size_t what = 0;
  while (pick >= weights[what]) pick -= weights[what++];
  const auto soon = between(milliseconds(0), milliseconds(3'000));
  const auto code = closing_codes[chance_.below(closing_codes.size())];
  switch (what) {
    case 0:
      return who.lose_connection(soon);
    case 1:
      return restart(who, soon);
    case 2:
      return who.close(chance_.chance(0.5) ? 1000 : 1001, soon);
    case 3:
      return who.close(code, soon);
    case 4:
      return who.doze(between(milliseconds(200), milliseconds(15'000)));
    case 5:
      return who.vanish(soon);
    case 6:
      if (chance_.chance(0.5)) return who.lose_connection(between(milliseconds(5'000), how_.absence_max));
      return restart(who, between(milliseconds(5'000), how_.absence_max));
    case 7:
      for (auto* one : serving_) restart(*one, between(milliseconds(0), milliseconds(2'000)));
      return;
    case 8:
      return replace(lane);
    default:
      return reshard(chance_.chance(0.5));
  }
}

void bot_crowd::replace(std::uint32_t lane) {
  auto* before = serving_[lane];
  auto& after = add(lane);
  after.start();
  // Which of the two dies is a matter of luck: the old one in time, or the new one too early.
  const auto until = between(milliseconds(100), milliseconds(4'000));
  const bool fails = chance_.chance(0.3);
  time_.after(until, [this, lane, before, &after, fails] {
    if (fails && !calm_ && serving_[lane] == &after && !before->retired() && before->running()) {
      after.give_up_place();
      after.kill();
      serving_[lane] = before;
      // If the new one had acknowledged anything the lane does not return by itself: somebody restarts it.
      time_.after(between(milliseconds(3'000), milliseconds(9'000)),
                  [this, before] { restart(*before, milliseconds(500)); });
    } else {
      // One that was away when it was replaced has come back since: then the other was told nothing any more.
      const bool took_back = before->asked() > after.asked();
      before->give_up_place();
      before->kill();
      if (took_back) restart(after, between(milliseconds(3'000), milliseconds(9'000)));
    }
  });
}

void bot_crowd::reshard(bool overlap) {
  auto next = static_cast<std::uint32_t>(1 + chance_.below(how_.lanes_max));
  if (next == lanes_) next = next % how_.lanes_max + 1;
  const auto before = std::exchange(serving_, {});
  lanes_ = next;
  for (std::uint32_t i = 0; i < lanes_; ++i) {
    auto& one = add(i);
    time_.after(between(milliseconds(0), milliseconds(1'500)), [&one] { one.start(); });
  }
  for (auto* one : before) {
    // Would it come back with its own n, the two would fight for it.
    one->give_up_place();
    if (!overlap) {
      one->kill();
    } else {
      time_.after(between(milliseconds(2'000), milliseconds(8'000)), [one] { one->kill(); });
    }
  }
}

}  // namespace evergate::simulation
