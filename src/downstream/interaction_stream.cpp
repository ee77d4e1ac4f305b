#include "downstream/interaction_stream.h"

#include <algorithm>

#include "proto/json_view.h"

namespace evergate::downstream {
namespace {

constexpr std::int64_t autocomplete = 4;

}  // namespace

void interaction_stream::start(std::shared_ptr<const lane_grant> grant) {
  grant_ = std::move(grant);
  key_ = {
      .lane = grant_->session.lane, .intents = grant_->session.intents, .session = grant_->session.number};
  position_ = grant_->interactions;
  skipped_.clear();
  forget();
}

void interaction_stream::go_on(flow::offset from) {
  if (reserved_ == 0) waiting_.clear();
  position_ = from;
}

void interaction_stream::forget() noexcept {
  waiting_.clear();
  reserved_ = 0;
}

bool interaction_stream::due(const flow::event_batch& batch, const flow::event_row& row) const noexcept {
  if (!interaction_for(row, key_) || row.offset <= position_) return false;
  if (!grant_->shows(batch, row)) return false;
  const auto& older = *grant_->older;
  return row.offset > older.interactions_settled() || row.offset > older.interactions_from(row.guild);
}

bool interaction_stream::expired(const flow::event_batch& batch, const flow::event_row& row,
                                 std::int64_t unix_ms) const {
  const auto& decision = grant_->policy->decisions->expire_interaction;
  if (!rules_.drop_expired && !decision.overridden()) return false;
  const auto d = batch.data(row);
  const auto id = proto::snowflake_of(proto::member(d, "id"));
  if (id == 0) return false;
  const interaction_question asked{.age = base::milliseconds(unix_ms - proto::created_ms(id)), .d = d};
  return decision.ask(asked, [this](const interaction_question& about) {
    if (!rules_.drop_expired) return false;
    const bool completes = proto::integer_of(proto::member(about.d, "type")) == autocomplete;
    return about.age > (completes ? rules_.autocomplete_deadline : rules_.deadline) + rules_.skew;
  });
}

void interaction_stream::skip_to(flow::offset recent_after) {
  if (grant_->policy->decisions->expire_interaction.overridden()) return;
  if (!rules_.drop_expired || position_ >= recent_after || skipped_.size() >= skipped_max) return;
  skipped_.push_back({position_, recent_after});
  position_ = recent_after;
}

base::result<bool> interaction_stream::scan(flow::offset recent_after, flow::offset until,
                                            std::int64_t unix_ms) {
  if (reserved_ != 0 || !waiting_.empty()) return false;
  skip_to(recent_after);
  for (std::size_t batches = 0; position_ < until; ++batches) {
    if (batches == batches_max) return true;
    const auto slice = reader_.look_after(position_);
    if (!slice) return std::unexpected(slice.error());
    if (!slice->batch) break;
    const auto& rows = slice->batch->rows;
    if (!slice->batch->has_interactions) {
      position_ = std::min(until, rows.back().offset);
      continue;
    }
    for (std::size_t i = slice->first; i < rows.size(); ++i) {
      if (rows[i].offset > until) {
        position_ = until;
        return false;
      }
      if (due(*slice->batch, rows[i])) {
        if (waiting_.size() == waiting_max) return true;
        if (expired(*slice->batch, rows[i], unix_ms)) {
          ++expired_;
        } else {
          if (waiting_.empty()) before_waiting_ = {rows[i].offset.value - 1};
          waiting_.push_back({slice->batch, i});
        }
      }
      position_ = rows[i].offset;
    }
  }
  return false;
}

void interaction_stream::passed(const flow::event_batch& batch, const flow::event_row& row) {
  while (!skipped_.empty() && skipped_.front().upto < row.offset) skipped_.erase(skipped_.begin());
  if (skipped_.empty() || row.offset <= skipped_.front().after || !interaction_for(row, key_)) return;
  if (!grant_->shows(batch, row)) return;
  if (row.offset > grant_->older->interactions_from(row.guild)) ++expired_;
}

}  // namespace evergate::downstream
