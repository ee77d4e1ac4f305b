// From the rooms' news to the functions in gateway_events, by the event thread: nothing is posted that nobody
// listens to. Owned by the application; thread-safe; holds nothing.
#pragma once

#include "app/event_thread.h"
#include "downstream/consumer_news.h"
#include "evergate/gateway_events.h"
#include "proto/snowflake.h"
#include "upstream/shard_news.h"

namespace evergate::app {

class news_desk {
 public:
  /// Both outlive it.
  news_desk(const gateway_events& events, event_thread& thread) : events_(events), thread_(thread) {}

  /// Whether a function for shards is there.
  [[nodiscard]] bool hears_shards() const noexcept;
  void of_shard(proto::shard_key shard, const upstream::shard_news& what);
  void of_consumer(const downstream::consumer_news& what);
  void resharding(resharding_status now);
  void fatal(std::string why);
  void store_damaged(std::string why);
  void gap(std::uint64_t offset, std::string d);

 private:
  template <class Function, class... Values>
  void tell(std::string_view what, const Function& to, Values... values) {
    if (!to) return;
    thread_.tell(what, [&to, ... values = std::move(values)] { to(values...); });
  }

  const gateway_events& events_;
  event_thread& thread_;
};

}  // namespace evergate::app
