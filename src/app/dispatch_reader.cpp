#include "app/dispatch_reader.h"

#include <algorithm>

namespace evergate::app {
namespace {

constexpr std::size_t read_bytes = std::size_t{256} << 10;
constexpr base::milliseconds retry_after{1'000};

}  // namespace

bool dispatch_reader::step() {
  // What nobody has asked for is not read.
  if (!dispatch_) position_ = std::max(position_, std::min(requests_.needed_after(), events_.head()));
  const auto head = events_.head();
  if (position_ >= head) return false;
  const auto batch = events_.read_after(position_, read_bytes);
  if (!batch) {
    // Nothing is skipped: it may be read the next time, which comes with the next commit or in a second.
    log_.error("dispatch.unreadable", {{"after", position_.value}, {"error", batch.error().text()}});
    if (!std::exchange(retries_, true)) {
      thread_.at(base::boot_clock::now() + retry_after, [this] {
        retries_ = false;
        thread_.wake();
      });
    }
    return false;
  }
  if (*batch == nullptr) {
    position_ = head;
    return false;
  }
  for (const auto& row : (*batch)->rows) {
    if (row.offset <= position_) continue;
    take(**batch, row);
    position_ = row.offset;
  }
  return true;
}

void dispatch_reader::take(const flow::event_batch& batch, const flow::event_row& row) {
  using namespace flow::row_flag;
  if ((row.flags & internal) != 0) return;
  if ((row.flags & reply) != 0) {
    if (row.target != embedded_session) return;
    if (requests_.take(row.type, batch.data(row), base::boot_clock::now())) return;
  }
  if (!dispatch_) return;
  const dispatch_event event{.offset = row.offset.value,
                             .type = batch.name(row),
                             .d = batch.data(row),
                             .guild_id = row.guild,
                             .shard = {row.shard, row.shard_count},
                             .seq = row.seq};
  thread_.guarded("dispatch", [&] { dispatch_(event); });
}

}  // namespace evergate::app
