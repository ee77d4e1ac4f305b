#include "receipt_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "control/cutover.h"
#include "control/receipt.h"
#include "control/reshard_recovery.h"
#include "proto/json_view.h"

namespace evergate::simulation {

namespace {

/// A row without a sequence is of the journal's own, or a reply for one more of those who asked.
bool is_let_through(const flow::event_row& row) {
  return (row.seq != 0 || (row.flags & flow::row_flag::reply) != 0) &&
         row.type != proto::event_type::session_started;
}

std::uint64_t delivered(std::string_view receipt) {
  const auto said = control::receipt::parse(receipt);
  return said.delivered_by_old + said.delivered_by_new;
}

}  // namespace

void receipt_check::committed(const flow::event_batch& batch) {
  rows_ += static_cast<std::uint64_t>(std::ranges::count_if(batch.rows, is_let_through));
  // A batch that was refused and grew has several; the newest is what is kept.
  const flow::control_record* counts = nullptr;
  const flow::control_record* last = nullptr;
  for (const auto& record : batch.records) {
    if (record.name == control::cutover::counts_record) counts = &record;
    if (record.name == control::reshard_records::last) last = &record;
  }
  if (counts != nullptr && !counts->value.empty()) {
    compare(delivered(proto::member(counts->value, "receipt")));
  }
  if (last != nullptr) {
    // One that was given up before its cuts has counted nothing.
    if (!counted_) counted_ = rows_ = 0;
    compare(delivered(proto::member(last->value, "receipt")));
    counted_.reset();
  }
}

void receipt_check::compare(std::uint64_t counted) {
  if (counted_) {
    ++compared_;
    if (counted != *counted_ + rows_ && findings_.size() < 20) {
      findings_.push_back(
          fmt::format("a receipt says {} after {}, the journal has {} more", counted, *counted_, rows_));
    }
  }
  counted_ = counted;
  rows_ = 0;
}

}  // namespace evergate::simulation
