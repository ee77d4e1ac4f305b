#include "downstream/consumers.h"

#include <algorithm>
#include <utility>

namespace evergate::downstream {

base::result<void> consumers::load(base::instant now) {
  auto stored = store_.stored();
  if (!stored) return base::fail(stored.error(), "reading the consumers");
  const std::scoped_lock lock(mutex_);
  for (auto& record : stored->consumers) {
    auto name = record.name;
    // One that is not served any more keeps its place: its operator may list it again.
    auto policy = policies_.of(name);
    if (!policy) policy = policies_.fallback;
    consumer body(std::move(record), rules_, std::move(policy));
    by_name_.insert_or_assign(std::move(name), std::make_unique<guarded_consumer>(std::move(body)));
  }
  for (auto& record : stored->sessions) {
    const auto found = by_name_.find(record.consumer);
    if (found != by_name_.end()) found->second->body.restore(std::move(record), now);
  }
  next_number_ = std::max<std::uint32_t>(stored->next_session_number, 1);
  letters_.load(std::move(stored->dead_letters));
  return {};
}

guarded_consumer* consumers::find_or_make(std::string_view name) {
  auto policy = policies_.of(name);
  if (!policy) return nullptr;
  const std::scoped_lock lock(mutex_);
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) return found->second.get();
  if (by_name_.size() >= max_) return nullptr;
  auto made = std::make_unique<guarded_consumer>(consumer(std::string(name), rules_, std::move(policy)));
  return by_name_.emplace(std::string(name), std::move(made)).first->second.get();
}

guarded_consumer* consumers::find(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second.get();
}

consumer_orders consumers::flush(base::instant now) {
  // Taking and handing over are one step, so that an older record never follows a newer one.
  const std::scoped_lock order(flush_mutex_);
  flow::consumer_change change;
  consumer_orders orders;
  for (auto* one : all()) {
    const std::scoped_lock lock(one->mutex);
    one->body.tick(now, orders);
    one->body.take_changes(change);
  }
  const bool none = change.consumers.empty() && change.sessions.empty() && change.sessions_removed.empty() &&
                    change.gaps.empty();
  if (!none) hand_over(std::move(change));
  return orders;
}

void consumers::hand_over(flow::consumer_change change) {
  for (const auto& letter : change.dead_letters) letters_.add(letter, change.dead_letters_removed);
  store_.change(std::move(change));
}

consumers::repeated consumers::repeat_dead_letter(const flow::dead_letter_key& which, order_desk& desk) {
  consumer_order order;
  order.what = consumer_order::kind::repeat;
  order.letter = letters_.find(which);
  if (!order.letter) return repeated::unknown;
  guarded_consumer* reader = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = by_name_.find(which.consumer);
    if (found != by_name_.end()) reader = found->second.get();
  }
  if (reader == nullptr) return repeated::no_bot;
  const auto guild = order.letter->guild;
  order.to = reader->with([guild](const consumer& body) { return body.server_of(guild); });
  if (order.to == 0) return repeated::no_bot;
  consumer_orders orders;
  orders.push_back(std::move(order));
  desk.carry(std::move(orders));
  return repeated::sent;
}

bool consumers::discard_dead_letter(const flow::dead_letter_key& which) {
  const std::scoped_lock order(flush_mutex_);
  if (!letters_.remove(which)) return false;
  flow::consumer_change change;
  change.dead_letters_removed.push_back(which);
  store_.change(std::move(change));
  return true;
}

void consumers::flush(guarded_consumer& one, std::move_only_function<void()> durable) {
  const std::scoped_lock order(flush_mutex_);
  flow::consumer_change change;
  {
    const std::scoped_lock lock(one.mutex);
    one.body.take_changes(change);
  }
  change.done = std::move(durable);
  hand_over(std::move(change));
}

std::vector<guarded_consumer*> consumers::all() {
  const std::scoped_lock lock(mutex_);
  std::vector<guarded_consumer*> out;
  out.reserve(by_name_.size());
  for (const auto& [name, one] : by_name_) out.push_back(one.get());
  return out;
}

bool consumers::valid_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > 32) return false;
  return std::ranges::all_of(
      name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; });
}

}  // namespace evergate::downstream
