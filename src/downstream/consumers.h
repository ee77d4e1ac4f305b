// All consumers of an application by name, each under a mutex of its own that is taken once per batch or
// acknowledgement, and the writing of their changes to the store. Thread-safe; bounded by consumers_max.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "downstream/consumer.h"
#include "downstream/dead_letters.h"

namespace evergate::downstream {

/// A consumer and the mutex that guards it. Lives as long as `consumers`.
struct guarded_consumer {
  explicit guarded_consumer(consumer with) : body(std::move(with)) {}
  /// Work on the body under the mutex.
  template <class Work>
  decltype(auto) with(Work&& work) {
    const std::scoped_lock lock(mutex);
    return std::forward<Work>(work)(body);
  }
  std::mutex mutex;
  consumer body;
};

/// Carries orders to connections on their loops. Called without any consumer's mutex held.
class order_desk {
 public:
  virtual ~order_desk() = default;
  virtual void carry(consumer_orders orders) = 0;
  /// at_most_once: the cursor is on disk up to here. Called on the journal's thread.
  virtual void reserved(holder_id who, flow::offset upto) = 0;
  /// The same for the interactions that a connection gave this ticket.
  virtual void interactions_reserved(holder_id who, std::uint64_t ticket) = 0;
};

class consumers {
 public:
  consumers(flow::consumer_store& store, consumer_rules rules, std::size_t consumers_max,
            consumer_policies policies = {}, std::size_t dead_letters_max = 1'000)
      : store_(store),
        rules_(rules),
        max_(consumers_max),
        policies_(std::move(policies)),
        letters_(dead_letters_max) {}

  /// Reads what was stored. Blocks on disk; before any loop runs.
  [[nodiscard]] base::result<void> load(base::instant now);

  /// Null when the consumer is not served.
  [[nodiscard]] policy_ptr policy_of(std::string_view name) const { return policies_.of(name); }

  /// Null when it is not served, or when there are consumers_max already.
  [[nodiscard]] guarded_consumer* find_or_make(std::string_view name);

  [[nodiscard]] std::uint32_t next_session_number() noexcept { return next_number_.fetch_add(1); }

  /// Hands what has changed to the store; called every cursor_interval. Time's orders are to be carried.
  consumer_orders flush(base::instant now);
  /// The same for one consumer, at once; `durable` is called on the journal's thread.
  void flush(guarded_consumer& one, std::move_only_function<void()> durable);

  /// Events that bots died of. `pushed_out` counts those that newer ones have replaced.
  [[nodiscard]] const dead_letters& letters() const noexcept { return letters_; }
  enum class repeated : std::uint8_t {
    sent,     ///< handed to its lane's bot, without a number; the letter is kept
    no_bot,   ///< nobody is connected for its guild
    unknown,  ///< there is no such letter
  };
  [[nodiscard]] repeated repeat_dead_letter(const flow::dead_letter_key& which, order_desk& desk);
  /// False when there is no such letter.
  bool discard_dead_letter(const flow::dead_letter_key& which);

  /// Null when there is none of that name yet.
  [[nodiscard]] guarded_consumer* find(std::string_view name);
  /// Every consumer, for status pages.
  [[nodiscard]] std::vector<guarded_consumer*> all();

  /// 1 to 32 of a–z, 0–9, '-' and '_'.
  [[nodiscard]] static bool valid_name(std::string_view name) noexcept;

 private:
  void hand_over(flow::consumer_change change);

  flow::consumer_store& store_;
  const consumer_rules rules_;
  const std::size_t max_;
  const consumer_policies policies_;
  std::mutex mutex_;        ///< of the map
  std::mutex flush_mutex_;  ///< keeps changes in order on their way to the store
  std::map<std::string, std::unique_ptr<guarded_consumer>, std::less<>> by_name_;
  std::atomic<std::uint32_t> next_number_{1};
  dead_letters letters_;
};

}  // namespace evergate::downstream
