// A journal in memory for the tests of this folder: events, guild versions and the consumer store, with
// eviction and stored records that survive a "restart" of the gateway. Thread-safe.
#pragma once

#include <fmt/format.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "flow/intake.h"
#include "flow/journal.h"

namespace evergate::downstream::testing {

class fake_journal final : public flow::event_source, public flow::guild_source, public flow::consumer_store {
 public:
  /// One event, committed at once. Batches hold `rows_per_batch` rows.
  flow::offset add(proto::event_type type, proto::snowflake guild, std::string d, std::uint8_t flags = 0,
                   std::uint32_t target = 0, std::string name = {}) {
    flow::offset at;
    flow::commit_listener* listener = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      at = flow::offset{++head_};
      rows_.push_back({at, guild, type, std::move(d), flags, target, std::move(name)});
      listener = listener_;
    }
    if (listener != nullptr) listener->on_commit(nullptr);
    return at;
  }
  flow::offset message(proto::snowflake guild, int serial) {
    return add(proto::event_type::message_create, guild,
               fmt::format(R"({{"id":"{}","guild_id":"{}","author":{{"id":"5"}},"content":"m{}"}})", serial,
                           guild, serial));
  }
  /// An interaction whose id was made at `unix_ms`. `type` 2 is a command, 4 autocomplete.
  flow::offset interaction(proto::snowflake guild, std::int64_t unix_ms, int serial, int type = 2) {
    const auto id = (static_cast<std::uint64_t>(unix_ms - proto::discord_epoch_ms) << 22) +
                    static_cast<std::uint64_t>(serial);
    return add(
        proto::event_type::interaction_create, guild,
        fmt::format(R"({{"_serial":{},"type":{},"id":"{}","guild_id":"{}"}})", serial, type, id, guild));
  }
  void listen(flow::commit_listener* listener) {
    const std::scoped_lock lock(mutex_);
    listener_ = listener;
  }
  /// The guild's document from now on; empty = unavailable.
  void set_guild(proto::snowflake id, std::string document) {
    const std::scoped_lock lock(mutex_);
    guilds_[id][head_] = std::move(document);
  }
  void set_ready(std::string ready) {
    const std::scoped_lock lock(mutex_);
    ready_ = std::move(ready);
  }
  void set_complete(bool complete) {
    const std::scoped_lock lock(mutex_);
    complete_ = complete;
  }
  void evict(flow::offset at) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(rows_, [at](const record& one) { return one.at == at; });
  }

  [[nodiscard]] flow::offset head() const override {
    const std::scoped_lock lock(mutex_);
    return flow::offset{head_};
  }
  [[nodiscard]] flow::offset lost_before() const override { return {}; }
  [[nodiscard]] flow::offset recent_after() const override { return recent_after_; }
  void set_recent_after(flow::offset at) { recent_after_ = at; }
  [[nodiscard]] base::result<flow::batch_ptr> read_after(flow::offset after, std::size_t) override {
    const std::scoped_lock lock(mutex_);
    auto batch = std::make_shared<flow::event_batch>();
    for (const auto& one : rows_) {
      if (one.at <= after) continue;
      auto& row = flow::append_row(*batch, one.type, one.name, one.d);
      row.offset = one.at;
      row.guild = one.guild;
      row.flags = one.flags;
      row.target = one.target;
      if (batch->rows.size() >= rows_per_batch) break;
    }
    if (batch->rows.empty()) return flow::batch_ptr{};
    return flow::batch_ptr(std::move(batch));
  }

  [[nodiscard]] base::result<std::vector<flow::guild_entry>> guilds(proto::shard_key lane,
                                                                    flow::offset as_of) override {
    const std::scoped_lock lock(mutex_);
    std::vector<flow::guild_entry> out;
    for (const auto& [id, versions] : guilds_) {
      const auto past = versions.upper_bound(as_of.value);
      if (!lane.owns(id) || past == versions.begin()) continue;
      out.push_back({id, !std::prev(past)->second.empty()});
    }
    return out;
  }
  [[nodiscard]] base::result<bool> guild(proto::snowflake id, flow::offset as_of, std::string& out) override {
    const std::scoped_lock lock(mutex_);
    const auto& versions = guilds_[id];
    const auto past = versions.upper_bound(as_of.value);
    if (past == versions.begin() || std::prev(past)->second.empty()) return false;
    out += std::prev(past)->second;
    return true;
  }
  [[nodiscard]] base::result<std::string> ready() override {
    const std::scoped_lock lock(mutex_);
    return ready_;
  }
  [[nodiscard]] bool complete() const override {
    const std::scoped_lock lock(mutex_);
    return complete_;
  }

  [[nodiscard]] base::result<flow::stored_consumers> stored() override {
    const std::scoped_lock lock(mutex_);
    flow::stored_consumers out;
    for (const auto& [name, one] : consumers_) out.consumers.push_back(one);
    for (const auto& [id, one] : sessions_) out.sessions.push_back(one);
    for (const auto& [which, one] : letters_) out.dead_letters.push_back(one);
    out.next_session_number = next_number_;
    return out;
  }
  [[nodiscard]] std::vector<flow::gap_record> gaps_now() const {
    const std::scoped_lock lock(mutex_);
    return gaps_;
  }
  /// Each event is a stretch of its own, of 100 bytes, committed at the time of its offset in seconds.
  [[nodiscard]] base::result<void> stretches(proto::event_class of, flow::offset after, flow::offset upto,
                                             const std::function<bool(const flow::stretch&)>& each) override {
    std::vector<flow::stretch> found;
    {
      const std::scoped_lock lock(mutex_);
      for (const auto& one : rows_) {
        if (one.at <= after || one.at > upto || proto::info_of(one.type).retention != of) continue;
        found.push_back({one.at, one.at, 1, 100, static_cast<std::int64_t>(one.at.value) * 1000});
      }
    }
    for (const auto& one : found) {
      if (!each(one)) break;
    }
    return {};
  }
  void change(flow::consumer_change what) override {
    {
      const std::scoped_lock lock(mutex_);
      if (holding_) return held_.push_back(std::move(what));
    }
    store(std::move(what));
  }
  /// Changes are stored no more until hold(false), which stores what waits and tells of the commit.
  void hold(bool holding) {
    std::vector<flow::consumer_change> waiting;
    flow::commit_listener* listener = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      holding_ = holding;
      waiting = std::exchange(held_, {});
      listener = listener_;
    }
    for (auto& one : waiting) store(std::move(one));
    if (!waiting.empty() && listener != nullptr) listener->on_commit(nullptr);
  }
  /// What is held back is lost, as with a kill.
  void lose_held() {
    const std::scoped_lock lock(mutex_);
    held_.clear();
    holding_ = false;
  }
  [[nodiscard]] std::map<std::string, flow::consumer_record> consumers_now() const {
    const std::scoped_lock lock(mutex_);
    return consumers_;
  }
  [[nodiscard]] std::map<std::string, flow::downstream_record> sessions_now() const {
    const std::scoped_lock lock(mutex_);
    return sessions_;
  }

  std::size_t rows_per_batch = 3;

 private:
  void store(flow::consumer_change what) {
    {
      const std::scoped_lock lock(mutex_);
      for (auto& one : what.consumers) consumers_[one.name] = one;
      for (auto& one : what.sessions) {
        next_number_ = std::max(next_number_, one.number + 1);
        sessions_[one.id] = one;
      }
      for (auto& id : what.sessions_removed) sessions_.erase(id);
      for (auto& one : what.dead_letters) letters_[{one->consumer, one->at}] = *one;
      for (auto& which : what.dead_letters_removed) letters_.erase(which);
      for (auto& gap : what.gaps) gaps_.push_back(std::move(gap));
    }
    if (what.done) what.done();
  }
  struct record {
    flow::offset at;
    proto::snowflake guild = 0;
    proto::event_type type = proto::event_type::unknown;
    std::string d;
    std::uint8_t flags = 0;
    std::uint32_t target = 0;
    std::string name;
  };
  mutable std::mutex mutex_;
  std::uint64_t head_ = 0;
  std::vector<record> rows_;
  std::map<proto::snowflake, std::map<std::uint64_t, std::string>> guilds_;
  std::string ready_ =
      R"({"v":10,"user":{"id":"5","username":"bot","bot":true},"guilds":[],"session_id":"up","resume_gateway_url":"wss://up","shard":[0,4],"application":{"id":"5","flags":0},"extra":{"kept":[1]}})";
  bool complete_ = true;
  flow::offset recent_after_;
  flow::commit_listener* listener_ = nullptr;
  std::vector<flow::gap_record> gaps_;
  bool holding_ = false;
  std::vector<flow::consumer_change> held_;
  std::map<std::string, flow::consumer_record> consumers_;
  std::map<std::string, flow::downstream_record> sessions_;
  std::map<flow::dead_letter_key, flow::dead_letter> letters_;
  std::uint32_t next_number_ = 1;
};

}  // namespace evergate::downstream::testing
