#include "bench/replay/journal.h"

#include <utility>

#include "journal/event_reader.h"
#include "journal/stretches.h"

namespace evergate::bench {

replay_journal::replay_journal(std::unique_ptr<journal::store> over, const journal::journal_options& options)
    : options_(options),
      store_(std::move(over)),
      mirror_(*store_, options_.document_bytes_max),
      ring_(options_.ring_bytes_max),
      core_(*store_, mirror_, ring_, options_) {}

bool replay_journal::append(std::unique_ptr<flow::event_batch>& batch) {
  waiting_.push_back(std::move(batch));
  return true;
}

base::result<std::shared_ptr<const flow::commit>> replay_journal::round(std::int64_t unix_ms) {
  journal::round work;
  work.batches = std::exchange(waiting_, {});
  work.changes = std::exchange(changes_, {});
  work.checkpoints = std::exchange(made_, {});
  if (work.empty()) return nullptr;
  core_.prepare(work);
  if (auto written = core_.write(work, unix_ms); !written) return std::unexpected(written.error());
  auto done = core_.settle(work);
  head_ = done->head;
  wanted_.insert(wanted_.end(), work.requests.begin(), work.requests.end());
  for (auto& call : work.changes.done) call();
  return done;
}

void replay_journal::keep() {
  for (const auto& one : std::exchange(wanted_, {})) {
    made_.push_back(journal::make_checkpoint(mirror_, one, options_.checkpoint_level));
    ++versions_;
  }
}

base::result<flow::batch_ptr> replay_journal::read_after(flow::offset after, std::size_t bytes_hint) {
  if (after >= head_) return nullptr;
  auto recent = ring_.after(after.value);
  if (recent.known) return std::move(recent.batch);
  auto view = store_->read();
  if (!view) return std::unexpected(view.error());
  return journal::event_reader(**view).read(after.value, bytes_hint);
}

base::result<void> replay_journal::stretches(proto::event_class of, flow::offset after, flow::offset upto,
                                             const std::function<bool(const flow::stretch&)>& each) {
  auto view = store_->read();
  if (!view) return std::unexpected(view.error());
  return journal::stretches_in(**view, of, after, upto, each);
}

base::result<bool> replay_journal::guild(proto::snowflake id, flow::offset as_of, std::string& out) {
  auto image = mirror_.load(id, as_of.value);
  if (!image) return std::unexpected(image.error());
  if (image->state != journal::guild_state::available || !image->document.present()) return false;
  image->document.write(out);
  return true;
}

bool replay_journal::complete() const {
  const auto& state = core_.state();
  const auto started = state.started.find(state.book.newest_count);
  const bool all = started != state.started.end() && started->second.find('\0') == std::string::npos;
  return all && mirror_.awaiting() == 0;
}

}  // namespace evergate::bench
