// What a shard asks of its fleet: turns to identify, places to connect, the main URL. Implemented by the
// fleet; thread-safe, since shards live on their workers' loops.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "proto/snowflake.h"
#include "upstream/shard_news.h"

namespace evergate::upstream {

class shard_services {
 public:
  virtual ~shard_services() = default;
  virtual void request_turn(std::uint32_t shard) = 0;
  virtual void cancel_turn(std::uint32_t shard) = 0;
  virtual void identify_sent(std::uint32_t shard, base::instant at) = 0;
  virtual void identify_refused(std::uint32_t shard, base::instant at) = 0;
  /// When the shard may connect.
  [[nodiscard]] virtual base::instant connect_place() = 0;
  /// True when a place given out before no longer counts: take another.
  [[nodiscard]] virtual bool connects_rest(base::instant now) = 0;
  /// The connection was let in, or its upgrade was refused because our address connects too often.
  virtual void on_connect(bool let_in, base::instant now) = 0;
  /// Empty while /gateway/bot has not answered.
  [[nodiscard]] virtual std::string main_url() = 0;
  virtual void on_live(bool live) = 0;
  virtual void on_fatal(std::uint32_t shard, std::uint16_t code) = 0;
  virtual void on_news(proto::shard_key shard, const shard_news& what) = 0;
};

}  // namespace evergate::upstream
