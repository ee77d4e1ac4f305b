// An event sink that keeps everything in memory and commits at once, or when told; refuses when told. Test
// only; thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "flow/intake.h"
#include "flow/journal.h"

namespace evergate::upstream {

class test_journal final : public flow::event_sink, private flow::commit_authority {
 public:
  struct row {
    proto::event_type type;
    std::uint32_t seq;
    std::uint32_t shard;
    std::string d;
  };

  bool append(std::unique_ptr<flow::event_batch>& batch) override {
    auto done = std::make_shared<flow::commit>();
    flow::commit_listener* listener = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      if (full_) {
        ++refused_;
        changed_.notify_all();
        return false;
      }
      take(*batch);
      batch.reset();
      if (!holding_) done->progress = std::exchange(pending_, {});
      listener = listener_;
    }
    changed_.notify_all();
    if (listener != nullptr && !done->progress.empty()) listener->on_commit(done);
    return true;
  }

  void set_listener(flow::commit_listener* listener) {
    const std::scoped_lock lock(mutex_);
    listener_ = listener;
  }
  /// While held, nothing is announced as committed.
  void hold(bool held) {
    auto done = std::make_shared<flow::commit>();
    {
      const std::scoped_lock lock(mutex_);
      holding_ = held;
      if (!held) done->progress = std::exchange(pending_, {});
    }
    if (!done->progress.empty()) listener_->on_commit(done);
  }
  void set_full(bool full) {
    {
      const std::scoped_lock lock(mutex_);
      full_ = full;
    }
    if (!full) listener_->on_room();
  }

  template <class Condition>
  [[nodiscard]] bool await(Condition holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return holds(*this); });
  }
  [[nodiscard]] bool await_rows(std::size_t count) {
    return await([count](const test_journal& j) { return j.rows.size() >= count; });
  }
  [[nodiscard]] std::vector<row> copy() {
    const std::scoped_lock lock(mutex_);
    return rows;
  }
  /// What a restart would find.
  [[nodiscard]] std::vector<flow::stored_session> stored() {
    const std::scoped_lock lock(mutex_);
    std::vector<flow::stored_session> out;
    for (const auto& [key, record] : sessions) {
      if (!record.session_id.empty()) out.push_back({record, committed(seqs.at(key))});
    }
    return out;
  }
  [[nodiscard]] std::size_t refused() {
    const std::scoped_lock lock(mutex_);
    return refused_;
  }

  // Read inside await() only.
  std::vector<row> rows;
  std::map<proto::shard_key, flow::session_record> sessions;
  std::map<proto::shard_key, std::int64_t> seqs;
  std::size_t batches = 0;
  std::size_t refused_ = 0;

 private:
  void take(const flow::event_batch& batch) {
    ++batches;
    for (const auto& r : batch.rows) rows.push_back({r.type, r.seq, r.shard, std::string(batch.data(r))});
    for (const auto& s : batch.sessions) {
      sessions[s.shard] = s;
      if (!s.session_id.empty()) continue;
      if (seqs.contains(s.shard)) pending_.push_back({s.shard, committed(seqs[s.shard])});
      pending_.push_back({s.shard, {}});
      seqs[s.shard] = -1;
    }
    for (const auto& p : batch.progress) {
      seqs[p.shard] = p.seq;
      pending_.push_back({p.shard, committed(p.seq)});
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  flow::commit_listener* listener_ = nullptr;
  std::vector<flow::committed_progress> pending_;
  bool holding_ = false;
  bool full_ = false;
};

/// The least of an intake: every dispatch but RESUMED becomes a row.
class test_intake final : public flow::intake {
 public:
  void add(const proto::envelope& event, proto::shard_key shard, flow::event_batch& out) override {
    if (event.type == proto::event_type::resumed) return;
    const bool ready = event.type == proto::event_type::ready;
    auto& row =
        flow::append_row(out, ready ? proto::event_type::session_started : event.type, event.t, event.d);
    row.seq = static_cast<std::uint32_t>(event.s);
    row.shard = static_cast<std::uint16_t>(shard.id);
    row.shard_count = static_cast<std::uint16_t>(shard.count);
  }
};

}  // namespace evergate::upstream
