#include "downstream/consumer_control.h"

#include <fmt/format.h>

#include <utility>

#include "downstream/errc.h"

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
  return {};
}

base::result<void> consumer_control::drain(std::string_view name, base::milliseconds ask_for,
                                           base::milliseconds hold_for) {
  const auto one = find(name);
  if (!one) return std::unexpected(one.error());
  const auto now = base::boot_clock::now();
  consumer_orders orders;
  (*one)->with([&](consumer& body) { body.drain(now + ask_for, now + ask_for + hold_for, orders); });
  desk_.carry(std::move(orders));
  log_.info("consumer.draining", {{"consumer", name}});
  return {};
}

base::result<std::vector<consumer::lane_drain>> consumer_control::drain_state(std::string_view name) {
  const auto one = find(name);
  if (!one) return std::unexpected(one.error());
  return (*one)->with([](consumer& body) { return body.drain_state(); });
}

base::result<void> consumer_control::settle(std::string_view name, std::move_only_function<void()> durable) {
  const auto one = find(name);
  if (!one) return std::unexpected(one.error());
  readers_.flush(**one, std::move(durable));
  return {};
}

}  // namespace evergate::downstream
