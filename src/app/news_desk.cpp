#include "app/news_desk.h"

#include <utility>

namespace evergate::app {

bool news_desk::hears_shards() const noexcept {
  const auto& e = events_;
  return e.connecting || e.connected || e.hello || e.identifying || e.resuming || e.ready || e.resumed ||
         e.heartbeat || e.heartbeat_ack || e.invalid_session || e.requested_reconnect || e.disconnected;
}

void news_desk::of_shard(proto::shard_key shard, const upstream::shard_news& what) {
  using kind = upstream::shard_news::kind;
  const shard_id who{shard.id, shard.count};
  switch (what.what) {
    case kind::connecting:
      return tell("connecting", events_.connecting, who);
    case kind::connected:
      return tell("connected", events_.connected, who);
    case kind::hello:
      return tell("hello", events_.hello, who);
    case kind::identifying:
      return tell("identifying", events_.identifying, who);
    case kind::resuming:
      return tell("resuming", events_.resuming, who);
    case kind::ready:
      return tell("ready", events_.ready, who);
    case kind::resumed:
      return tell("resumed", events_.resumed, who);
    case kind::heartbeat:
      return tell("heartbeat", events_.heartbeat, who);
    case kind::heartbeat_ack:
      return tell("heartbeat_ack", events_.heartbeat_ack, who,
                  what.latency_us < 0 ? std::int64_t{-1} : what.latency_us / 1'000);
    case kind::invalid_session:
      return tell("invalid_session", events_.invalid_session, who, what.resumable);
    case kind::requested_reconnect:
      return tell("requested_reconnect", events_.requested_reconnect, who);
    case kind::disconnected:
      return tell("disconnected", events_.disconnected, who, disconnection{what.code, what.by_us, what.why});
  }
}

void news_desk::of_consumer(const downstream::consumer_news& what) {
  using from = downstream::consumer_news::kind;
  using to = consumer_event::kind;
  static_assert(static_cast<int>(from::gave_up) == static_cast<int>(to::gave_up));
  tell("consumer", events_.consumer,
       consumer_event{static_cast<to>(what.what), std::string(what.consumer), what.lane.id, what.lane.count});
}

void news_desk::resharding(resharding_status now) {
  tell("resharding", events_.resharding, std::move(now));
}

void news_desk::fatal(std::string why) {
  tell("fatal", events_.fatal, std::move(why));
}

void news_desk::store_damaged(std::string why) {
  tell("store_damaged", events_.store_damaged, std::move(why));
}

void news_desk::gap(std::uint64_t offset, std::string d) {
  tell("gap", events_.gap, gap_event{offset, std::move(d)});
}

}  // namespace evergate::app
