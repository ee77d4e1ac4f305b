#include "downstream/lane.h"

#include <chrono>
#include <utility>

#include "base/seeded_bug.h"
#include "proto/guild_trim.h"
#include "proto/redaction.h"

namespace evergate::downstream {
namespace {

constexpr std::size_t marks_max = 1'024;
constexpr int marks_per_grace = 16;
constexpr std::size_t scratch_kept_bytes = 1024 * 1024;

}  // namespace

void lane::begin(std::shared_ptr<const lane_grant> grant, proto::snowflake self) {
  grant_ = std::move(grant);
  self_ = self;
  key_ = {
      .lane = grant_->session.lane, .intents = grant_->session.intents, .session = grant_->session.number};
  blind_ = (key_.intents & proto::intent::message_content) == 0;
  position_ = grant_->start;
  to_count_ = 0;
  settling_.reset(position_);
  suspects_left_ = grant_->suspect_count;
  marks_.clear();
  lag_ = {};
  burst_seq_ = heard_seq_ = flushed_seq_ = 0;
  fixed_seq_ = 0;
  fixed_offset_ = {};
  dropped_ = grant_->dropped;
}

void lane::start(std::shared_ptr<const lane_grant> grant, std::uint32_t seq, proto::snowflake self) {
  begin(std::move(grant), self);
  // READY and the guilds are numbered but stand for no event: acknowledging them moves no cursor.
  in_flight_.reset(seq, position_);
}

void lane::resume(std::shared_ptr<const lane_grant> grant, std::uint32_t client_seq, proto::snowflake self) {
  begin(std::move(grant), self);
  to_count_ = client_seq - grant_->session.anchor_seq;
  if (base::seeded_bug(base::bug::replay_off_by_one)) ++to_count_;
  // A beat says what was received, and so does a RESUME. Where neither acknowledges, what is counted is in
  // flight again.
  counted_in_flight_ = grant_->policy->acknowledge == acknowledge_by::explicit_call;
  in_flight_.reset(counted_in_flight_ ? grant_->session.anchor_seq : client_seq, position_);
}

bool lane::wanted(const flow::event_batch& batch, const flow::event_row& row) const noexcept {
  if (!deliverable(row, key_) || !grant_->shows(batch, row)) return false;
  const bool reply = (row.flags & flow::row_flag::reply) != 0;
  return reply || row.offset > grant_->older->settled() || row.offset > grant_->older->from(row.guild);
}

base::result<lane::pace> lane::pump(flow::offset until, std::size_t budget, std::string& out,
                                    std::uint32_t events_max) {
  const std::size_t begin = out.size();
  const auto before = in_flight_.sent_seq();
  std::size_t looked_at = 0;
  while (position_ < until) {
    const auto slice = reader_.read_after(position_);
    if (!slice) return std::unexpected(slice.error());
    if (!slice->batch) return pass_hole(until) ? pace::idle : pace::unknown;
    const auto& rows = slice->batch->rows;
    for (std::size_t i = slice->first; i < rows.size(); ++i) {
      const auto& row = rows[i];
      if (row.offset > until) return pass_hole(until) ? pace::idle : pace::unknown;
      if (out.size() - begin >= budget || ++looked_at > limits_.rows_per_pump) return pace::more;
      if (to_count_ == 0 && in_flight_.sent_seq() - before >= events_max) return pace::more;
      switch (take(*slice->batch, row, out)) {
        case step::on:
          break;
        case step::full:
          return pace::window;
        case step::spent:
          return pace::spent;
        case step::unknown:
          return pace::unknown;
      }
    }
  }
  return to_count_ > 0 ? pace::unknown : pace::idle;
}

/// Records up to `upto` are missing: evicted. Numbers across the hole cannot be made again from what is left.
bool lane::pass_hole(flow::offset upto) {
  if (to_count_ > 0) return false;
  if (upto == position_) return true;  // nothing is missing: what came reaches further than it may go
  rows_missing_ += upto.value - position_.value;
  position_ = upto;
  fixed_seq_ = in_flight_.sent_seq();
  fixed_offset_ = position_;
  return true;
}

lane::step lane::take(const flow::event_batch& batch, const flow::event_row& row, std::string& out) {
  if (row.offset.value != position_.value + 1) {
    if (!pass_hole({row.offset.value - 1})) return step::unknown;
  }
  if (!wanted(batch, row)) {
    if (row.type == proto::event_type::interaction_create && interactions_ != nullptr && to_count_ == 0) {
      interactions_->passed(batch, row);
    }
    position_ = row.offset;
    return step::on;
  }
  if (to_count_ > 0) {
    position_ = row.offset;
    if (counted_in_flight_) {
      static_cast<void>(in_flight_.sent(row.offset));
      --to_count_;
    } else if (--to_count_ == 0) {
      in_flight_.reset(in_flight_.acked_seq(), position_);
      note_acknowledged();
    }
    return step::on;
  }
  if (row.offset <= dropped_[static_cast<std::size_t>(row.retention)]) {
    // Counting again would number it, so it begins past it.
    position_ = row.offset;
    fixed_seq_ = in_flight_.sent_seq();
    fixed_offset_ = position_;
    return step::on;
  }
  if (in_flight_.sent_seq() >= limits_.seq_max) return in_flight_.empty() ? step::spent : step::full;
  if (in_flight_.size() >= window()) return step::full;
  write(row.type, batch.name(row), batch.data(row), in_flight_.sent(row.offset), out);
  position_ = row.offset;
  return step::on;
}

void lane::write(proto::event_type type, std::string_view name, std::string_view d, std::uint32_t seq,
                 std::string& out) {
  if (type == proto::event_type::guild_create) {
    scratch_.clear();
    proto::trim_guild(d, key_.intents, grant_->traits.large_threshold, self_, scratch_);
    writer_.dispatch(name, seq, scratch_, out);
  } else if (blind_ && proto::carries_message_content(type) && proto::needs_redaction(type, d, self_)) {
    scratch_.clear();
    proto::redact(type, d, self_, scratch_);
    writer_.dispatch(name, seq, scratch_, out);
  } else {
    writer_.dispatch(name, seq, d, out);
  }
  if (scratch_.capacity() > scratch_kept_bytes) std::string().swap(scratch_);
}

bool lane::acknowledge(std::int64_t seq) {
  if (!grant_ || to_count_ > 0 || seq <= 0 || seq > limits_.seq_max) return false;
  const auto before = in_flight_.acked_seq();
  if (!in_flight_.acknowledge(static_cast<std::uint32_t>(seq))) return false;
  suspects_left_ -= std::min(suspects_left_, in_flight_.acked_seq() - before);
  note_acknowledged();
  return true;
}

void lane::note_acknowledged() {
  if (limits_.handler_grace > base::milliseconds::zero()) settling_.moved(cursor(), now_);
}

flow::offset lane::settled_cursor() {
  // Without marks everything acknowledged has had its time.
  const auto settled = settling_.settled(now_);
  return settling_.lags() ? settled : cursor();
}

void lane::flushed(base::instant now) {
  if (!grant_ || to_count_ > 0) return;
  const auto seq = in_flight_.sent_seq();
  flushed_seq_ = seq;
  while (!marks_.empty() && marks_.front().seq <= in_flight_.acked_seq()) marks_.pop_front();
  if (seq == in_flight_.acked_seq() || (!marks_.empty() && marks_.back().seq == seq)) return;
  // What leaves between two marks counts as having left at the later one.
  if (!marks_.empty() && now - marks_.back().at < limits_.close_grace / marks_per_grace) return;
  if (marks_.size() >= marks_max) {
    std::size_t kept = 0;
    for (std::size_t i = 1; i < marks_.size(); i += 2) marks_[kept++] = marks_[i];
    marks_.resize(kept);
  }
  marks_.push_back({now, seq});
}

void lane::heard(std::int64_t seq, base::instant now) noexcept {
  if (!grant_ || to_count_ > 0 || seq <= 0 || seq > in_flight_.sent_seq()) return;
  heard_seq_ = std::max(heard_seq_, static_cast<std::uint32_t>(seq));
  const auto unseen = std::ranges::find_if(marks_, [seq](const mark& one) { return one.seq > seq; });
  lag_ = unseen == marks_.end() ? base::milliseconds{0}
                                : std::chrono::ceil<base::milliseconds>(now - unseen->at);
}

std::optional<base::milliseconds> lane::grace() const noexcept {
  if (burst_seq_ > heard_seq_) return std::nullopt;
  return std::max(limits_.close_grace, 2 * lag_);
}

void lane::closed_cleanly(base::instant now) noexcept {
  const auto least = grace();
  if (!least) return;
  std::uint32_t seq = 0;
  for (const auto& one : marks_) {
    if (now - one.at >= *least) seq = one.seq;
  }
  in_flight_.acknowledge(seq);
}

std::uint32_t lane::anchor_seq() const noexcept {
  return fixed_seq_ > in_flight_.acked_seq() ? fixed_seq_ : in_flight_.acked_seq();
}

flow::offset lane::anchor_offset() const noexcept {
  return fixed_seq_ > in_flight_.acked_seq() ? fixed_offset_ : cursor();
}

}  // namespace evergate::downstream
