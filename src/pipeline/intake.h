// The pipeline's door: classifies each scanned dispatch, filters it, finds out for whom it is, and puts it
// into the batch as a row. One a worker, on its thread only; counters may be read from any. Its scratch
// space is bounded by the largest payload and given back.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"
#include "controllers/desk.h"
#include "flow/command.h"
#include "flow/intake.h"
#include "pipeline/event_filter.h"
#include "pipeline/intake_counters.h"
#include "pipeline/reply_matcher.h"

namespace evergate::pipeline {

struct intake_options {
  filter_options filter;
  /// The bot's user id if it is known from before (sessions that resume bring no READY); 0 = wait for READY.
  proto::snowflake self_id = 0;
  base::logger* log = nullptr;  ///< told of invalid bytes; outlives the intake
  const decide::desk* decisions = &decide::desk::plain();
};

class intake final : public flow::intake {
 public:
  /// `replies` outlives the intake. Fails (errc::bad_option) on a filter that is not allowed.
  [[nodiscard]] static base::result<std::unique_ptr<intake>> make(const intake_options& options,
                                                                  flow::reply_table& replies);

  void add(const proto::envelope& event, proto::shard_key shard, flow::event_batch& out) override;

  [[nodiscard]] const intake_counters& counters() const noexcept { return counters_; }
  /// 0 until it is known. The intake's thread only.
  [[nodiscard]] proto::snowflake self_id() const noexcept { return self_id_; }

 private:
  intake(event_filter filter, const intake_options& options, flow::reply_table& replies);

  /// What on_event makes of an event; nothing = it is dropped. A rewritten one stays valid until the next.
  [[nodiscard]] std::optional<std::string_view> decided(const proto::envelope& event, std::string_view d,
                                                        proto::shard_key shard);
  void add_session(const proto::envelope& event, std::string_view d, proto::shard_key shard,
                   flow::event_batch& out);
  void add_event(const proto::envelope& event, std::string_view d, proto::shard_key shard,
                 flow::event_batch& out);
  void add_replies(const proto::envelope& event, std::span<const matched_reply> replies,
                   proto::shard_key shard, flow::event_batch& out);
  void add_by_guild(int op, const proto::envelope& event, std::string_view d, proto::shard_key shard,
                    flow::event_batch& out);
  void hide_guild(const proto::envelope& event, proto::shard_key shard, flow::event_batch& out);
  [[nodiscard]] std::string_view repaired(const proto::envelope& event);

  const event_filter filter_;
  proto::snowflake self_id_;
  base::logger* const log_;
  const decide::desk& decisions_;
  flow::reply_table& table_;
  reply_matcher replies_;
  std::string repaired_;  ///< kept between calls up to 1 MiB
  std::string rewritten_;
  intake_counters counters_;
};

}  // namespace evergate::pipeline
