#include "downstream/consumer_control.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "downstream/errc.h"
#include "downstream/locate.h"

namespace evergate::downstream {

base::result<guarded_consumer*> consumer_control::find(std::string_view name) {
  auto* one = readers_.find(name);
  if (one != nullptr) return one;
  return base::fail(errc::unknown_consumer, fmt::format("no consumer {} has ever read", name));
}

base::result<void> consumer_control::pause(std::string_view name, std::move_only_function<void()> durable) {
  const auto one = find(name);
  if (!one) return std::unexpected(one.error());
  consumer_orders orders;
  (*one)->with([&](consumer& body) { body.pause(orders); });
  desk_.carry(std::move(orders));
  readers_.flush(**one, std::move(durable));
  log_.info("consumer.paused", {{"consumer", name}});
  tell(consumer_news::kind::paused, name);
  return {};
}

base::result<void> consumer_control::go_on(std::string_view name, std::move_only_function<void()> durable) {
  const auto one = find(name);
  if (!one) return std::unexpected(one.error());
  consumer_orders orders;
  (*one)->with([&](consumer& body) { body.go_on(orders); });
  desk_.carry(std::move(orders));
  readers_.flush(**one, std::move(durable));
  log_.info("consumer.goes_on", {{"consumer", name}});
  tell(consumer_news::kind::goes_on, name);
  return {};
}

base::result<void> consumer_control::drain(std::string_view name, base::milliseconds ask_for,
                                           base::milliseconds hold_for) {
  const auto one = find(name);
  if (!one) return std::unexpected(one.error());
  const auto now = base::boot_clock::now();
  consumer_orders orders;
  (*one)->with([&](consumer& body) { body.drain(now, now + ask_for, now + ask_for + hold_for, orders); });
  desk_.carry(std::move(orders));
  log_.info("consumer.draining", {{"consumer", name}});
  tell(consumer_news::kind::draining, name);
  return {};
}

base::result<std::vector<consumer::lane_drain>> consumer_control::drain_state(std::string_view name) {
  const auto one = find(name);
  if (!one) return std::unexpected(one.error());
  const auto now = base::boot_clock::now();
  return (*one)->with([now](consumer& body) { return body.drain_state(now); });
}

base::result<void> consumer_control::settle(std::string_view name, std::move_only_function<void()> durable) {
  const auto one = find(name);
  if (!one) return std::unexpected(one.error());
  readers_.flush(**one, std::move(durable));
  return {};
}

void consumer_control::renumber_all() {
  for (auto* one : readers_.all()) {
    consumer_orders orders;
    one->with([&](consumer& body) { body.renumber(orders); });
    if (orders.empty()) continue;
    log_.info("consumer.renumbered", {{"bots", orders.size()}});
    desk_.carry(std::move(orders));
  }
}

base::result<void> consumer_control::skip(std::string_view name, const flow::position& to,
                                          std::move_only_function<void()> durable) {
  const auto one = find(name);
  if (!one) return std::unexpected(one.error());
  const auto upto = locate(events_, to);
  if (!upto) return std::unexpected(upto.error());
  const auto from = (*one)->with([](consumer& body) { return body.needed_from(); });
  const auto events = count_between(events_, from, *upto);
  if (!events) return std::unexpected(events.error());
  consumer_orders orders;
  (*one)->with([&](consumer& body) {
    body.skip(*upto, *events, orders);
    note_gap(body, *events, *upto, "skipped", base::unix_time_ms());
  });
  tell_gave_up(name, *events, *upto, "skipped");
  readers_.flush(**one, std::move(durable));
  desk_.carry(std::move(orders));
  return {};
}

base::result<void> consumer_control::drop_class(std::string_view name, proto::event_class what,
                                                std::move_only_function<void()> durable) {
  const auto one = find(name);
  if (!one) return std::unexpected(one.error());
  const auto upto = events_.head();
  const auto from = (*one)->with([](consumer& body) { return body.needed_from(); });
  const auto all = count_between(events_, from, upto);
  if (!all) return std::unexpected(all.error());
  per_class_count events{};
  const auto which = static_cast<std::size_t>(what);
  events[which] = (*all)[which];
  consumer_orders orders;
  (*one)->with([&](consumer& body) {
    body.drop_class(what, upto, events[which], orders);
    note_gap(body, events, upto, "dropped", base::unix_time_ms());
  });
  tell_gave_up(name, events, upto, "dropped");
  readers_.flush(**one, std::move(durable));
  desk_.carry(std::move(orders));
  return {};
}

consumers::repeated consumer_control::repeat(const flow::dead_letter_key& which) {
  return readers_.repeat_dead_letter(which, desk_);
}

bool consumer_control::discard(const flow::dead_letter_key& which) {
  return readers_.discard_dead_letter(which);
}

base::result<void> consumer_control::relieve_all(std::int64_t now_ms) {
  for (auto* one : readers_.all()) {
    if (auto done = relieve(*one, now_ms); !done) return done;
  }
  return {};
}

base::result<void> consumer_control::relieve(guarded_consumer& one, std::int64_t now_ms) {
  const auto& policy = one.body.policy();
  if (!has_bounds(policy)) return {};
  const auto from = one.with([](consumer& body) { return body.needed_from(); });
  const auto found = downstream::relieve(events_, policy, from, now_ms);
  if (!found) return std::unexpected(found.error());
  if (found->none()) return {};
  constexpr auto state = static_cast<std::size_t>(proto::event_class::state);
  consumer_orders orders;
  std::string name;
  constexpr std::string_view why = "past its bounds";
  const auto upto = *std::ranges::max_element(found->upto);
  one.with([&](consumer& body) {
    name = body.record().name;
    for (std::size_t i = 0; i < state; ++i) {
      if (found->events[i] == 0) continue;
      body.drop_class(static_cast<proto::event_class>(i), found->upto[i], found->events[i], orders);
    }
    per_class_count of_state{};
    of_state[state] = found->events[state];
    // Without its state events a bot's picture of its guilds is wrong: it begins anew, as of there.
    if (of_state[state] > 0) body.skip(found->upto[state], of_state, orders);
    note_gap(body, found->events, upto, why, now_ms);
  });
  tell_gave_up(name, found->events, upto, why);
  readers_.flush(one, {});
  desk_.carry(std::move(orders));
  return {};
}

void consumer_control::tell_gave_up(std::string_view name, const per_class_count& events, flow::offset upto,
                                    std::string_view why) {
  log_.warn("consumer.gave_up", {{"consumer", name},
                                 {"why", why},
                                 {"upto", upto.value},
                                 {"ephemeral", events[0]},
                                 {"messages", events[1]},
                                 {"state", events[2]}});
  tell(consumer_news::kind::gave_up, name);
}

void consumer_control::note_gap(consumer& body, const per_class_count& events, flow::offset upto,
                                std::string_view why, std::int64_t now_ms) {
  if (events[1] == 0 && events[2] == 0) return;
  flow::gap_record gap;
  gap.time_ms = now_ms;
  gap.consumer = body.record().name;
  gap.cause = fmt::format("{}, up to {}: {} messages, {} of state", why, upto.value, events[1], events[2]);
  body.note_gap(std::move(gap));
}

}  // namespace evergate::downstream
