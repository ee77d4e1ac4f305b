// What an operator may do to a consumer: pause, drain and the rest, as calls from any thread that reach its
// bots on their loops and its record on disk. Owned by the gateway; thread-safe; holds nothing.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "downstream/backlog.h"
#include "downstream/consumer_news.h"
#include "downstream/consumers.h"
#include "flow/position.h"

namespace evergate::downstream {

class consumer_control {
 public:
  consumer_control(consumers& readers, flow::event_source& events, order_desk& desk, base::logger& log,
                   consumer_listener listener = {})
      : readers_(readers), events_(events), desk_(desk), log_(log), listener_(std::move(listener)) {}

  // errc::unknown_consumer when nobody has read by that name. `durable` is called on the journal's thread
  // once the change is on disk.
  [[nodiscard]] base::result<void> pause(std::string_view name, std::move_only_function<void()> durable);
  [[nodiscard]] base::result<void> go_on(std::string_view name, std::move_only_function<void()> durable);
  /// See consumer::drain(). How far it is, drain_state() tells.
  [[nodiscard]] base::result<void> drain(std::string_view name, base::milliseconds ask_for,
                                         base::milliseconds hold_for);
  [[nodiscard]] base::result<std::vector<consumer::lane_drain>> drain_state(std::string_view name);
  /// Writes where the consumer stands to disk.
  [[nodiscard]] base::result<void> settle(std::string_view name, std::move_only_function<void()> durable);

  /// Gives up everything up to the position: counted, and a GAP record says so. Blocks on disk.
  [[nodiscard]] base::result<void> skip(std::string_view name, const flow::position& to,
                                        std::move_only_function<void()> durable);
  /// Gives up what of the class is queued now. Blocks on disk.
  [[nodiscard]] base::result<void> drop_class(std::string_view name, proto::event_class what,
                                              std::move_only_function<void()> durable);
  /// After deliver_event may have changed: bots whose session it numbered begin anew, with every consumer.
  void renumber_all();
  /// Sends a dead letter again, or discards it. False when there is none.
  [[nodiscard]] consumers::repeated repeat(const flow::dead_letter_key& which);
  bool discard(const flow::dead_letter_key& which);
  [[nodiscard]] std::vector<dead_letters::letter_ptr> letters() const { return readers_.letters().list(); }

  /// Moves consumers that are past their bounds forward. Blocks on disk.
  [[nodiscard]] base::result<void> relieve_all(std::int64_t now_ms);

 private:
  [[nodiscard]] base::result<void> relieve(guarded_consumer& one, std::int64_t now_ms);
  /// Within the lock under which the events were given up.
  static void note_gap(consumer& body, const per_class_count& events, flow::offset upto, std::string_view why,
                       std::int64_t now_ms);
  void tell_gave_up(std::string_view name, const per_class_count& events, flow::offset upto,
                    std::string_view why);
  void tell(consumer_news::kind what, std::string_view name) const {
    if (listener_) listener_({what, name});
  }
  [[nodiscard]] base::result<guarded_consumer*> find(std::string_view name);

  consumers& readers_;
  flow::event_source& events_;
  order_desk& desk_;
  base::logger& log_;
  const consumer_listener listener_;
};

}  // namespace evergate::downstream
