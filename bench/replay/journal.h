// The journal of a replay: the daemon's core, mirror, ring and LMDB store, driven round by round on one
// thread with a clock that is given. What the daemon's two threads do is two calls: round() and keep().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "flow/journal.h"
#include "journal/journal_core.h"

namespace evergate::bench {

class replay_journal final : public flow::event_sink,
                             public flow::event_source,
                             public flow::guild_source,
                             public flow::consumer_store {
 public:
  replay_journal(std::unique_ptr<journal::store> over, const journal::journal_options& options);

  [[nodiscard]] base::result<void> recover() { return core_.recover(true); }
  /// Writes what was appended and changed, as the journal's thread does; null when there was nothing.
  [[nodiscard]] base::result<std::shared_ptr<const flow::commit>> round(std::int64_t unix_ms);
  /// Makes the guild versions that rounds have asked for, as the keeper's thread does.
  void keep();
  [[nodiscard]] std::uint64_t versions() const noexcept { return versions_; }

  [[nodiscard]] bool append(std::unique_ptr<flow::event_batch>& batch) override;
  [[nodiscard]] flow::offset head() const override { return head_; }
  [[nodiscard]] flow::offset lost_before() const override { return {core_.state().book.lost_before}; }
  [[nodiscard]] flow::offset recent_after() const override { return core_.recent_after(); }
  [[nodiscard]] base::result<flow::batch_ptr> read_after(flow::offset after, std::size_t bytes_hint) override;
  [[nodiscard]] base::result<void> stretches(proto::event_class of, flow::offset after, flow::offset upto,
                                             const std::function<bool(const flow::stretch&)>& each) override;
  [[nodiscard]] base::result<std::vector<flow::guild_entry>> guilds(proto::shard_key lane,
                                                                    flow::offset as_of) override {
    return mirror_.guilds(lane, as_of.value);
  }
  [[nodiscard]] base::result<bool> guild(proto::snowflake id, flow::offset as_of, std::string& out) override;
  [[nodiscard]] base::result<std::string> ready() override { return core_.state().ready; }
  [[nodiscard]] bool complete() const override;
  [[nodiscard]] base::result<flow::stored_consumers> stored() override { return flow::stored_consumers{}; }
  void change(flow::consumer_change change) override { changes_.add(std::move(change)); }

 private:
  const journal::journal_options options_;
  std::unique_ptr<journal::store> store_;
  journal::mirror mirror_;
  journal::batch_ring ring_;
  journal::journal_core core_;
  std::vector<std::unique_ptr<flow::event_batch>> waiting_;
  journal::change_set changes_;
  std::vector<journal::checkpoint_request> wanted_;
  std::vector<journal::checkpoint> made_;
  std::uint64_t versions_ = 0;
  flow::offset head_;
};

}  // namespace evergate::bench
