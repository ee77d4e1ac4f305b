// One round of the journal's writer: what it took from its queues, and what preparing made of it. Prepared
// once, written until that works, then settled. Owned by the writer's thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "flow/journal.h"
#include "journal/checkpoint.h"
#include "journal/event_blob.h"

namespace evergate::journal {

/// A change of the guild index, in the order of the rows that cause it.
struct index_action {
  enum class kind : std::uint8_t { note, await, reconcile };
  proto::snowflake guild = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  kind what = kind::note;
  guild_effect effect = guild_effect::none;
};

/// A GAP, as operators are shown it.
struct gap_entry {
  std::uint64_t offset = 0;
  std::string d;  ///< the record's JSON, see flow/intake.h
};

struct user_change {
  std::uint64_t offset = 0;
  std::string user;
};

/// Changes of consumers and sessions put together: the last of each counts.
struct change_set {
  std::map<std::string, flow::consumer_record> consumers;
  std::map<std::string, flow::downstream_record> sessions;
  std::set<std::string> sessions_removed;
  std::vector<flow::gap_record> gaps;
  std::map<flow::dead_letter_key, std::shared_ptr<const flow::dead_letter>> dead_letters;
  std::set<flow::dead_letter_key> dead_letters_removed;
  std::vector<std::move_only_function<void()>> done;

  void add(flow::consumer_change change);
  [[nodiscard]] bool empty() const noexcept {
    return consumers.empty() && sessions.empty() && sessions_removed.empty() && dead_letters.empty() &&
           dead_letters_removed.empty() && gaps.empty() && done.empty();
  }
  [[nodiscard]] std::size_t size() const noexcept {
    return consumers.size() + sessions.size() + sessions_removed.size() + dead_letters.size() +
           dead_letters_removed.size() + gaps.size();
  }
};

struct round {
  // Taken.
  std::vector<std::unique_ptr<flow::event_batch>> batches;
  change_set changes;
  std::vector<checkpoint> checkpoints;

  // Prepared.
  std::uint64_t first = 0;  ///< first offset, head + 1
  std::uint64_t last = 0;   ///< first - 1 when there are no rows
  std::array<blob_builder, proto::event_class_count> blobs;
  std::vector<index_action> actions;
  std::vector<gap_entry> gaps;
  std::vector<std::string> told;  ///< consumers whose losses so far are in `gaps`
  std::vector<user_change> users;
  std::map<proto::shard_key, flow::session_record> sessions;  ///< empty id: ended
  std::map<std::string, std::string> records;                 ///< control records; empty value: removed
  std::set<proto::shard_key> progressed;
  /// Sessions that end in this round, and how far they were: both told before what came after them, since a
  /// shard identifies again only when all of its old session is durable, and takes no news of it for its new
  /// one's.
  std::vector<flow::shard_progress> finished;
  std::set<std::uint32_t> started;  ///< fleet counts whose record changed
  bool ready_changed = false;
  bool guilds_expected = false;  ///< a READY or GUILD_CREATE was among the rows: more may follow

  // Written.
  std::vector<checkpoint_request> requests;
  std::vector<std::string> failures;  ///< for the log

  [[nodiscard]] bool empty() const noexcept {
    return batches.empty() && changes.empty() && checkpoints.empty();
  }
};

}  // namespace evergate::journal
