// The guilds as of any kept offset: a stored version plus the guild's rows since, applied in order. Owned by
// the journal. The index is written by the journal's thread under `lock()`, which it also holds across a
// commit, so that a reader's index and snapshot are of the same moment; reading is for any thread. Bounded by
// document_bytes_max for each document being made.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "flow/journal.h"
#include "journal/guild_document.h"
#include "journal/guild_index.h"
#include "journal/store.h"
#include "journal/whole_blobs.h"

namespace evergate::journal {

/// A guild materialised: its state, and its document when it ever had one.
struct guild_image {
  guild_state state = guild_state::unknown;
  guild_document document;
  bool reconcile = false;
  std::uint64_t as_of = 0;  ///< what it is as of
};

class mirror {
 public:
  mirror(store& from, std::size_t document_bytes_max)
      : store_(from), document_bytes_max_(document_bytes_max) {}

  /// As of `as_of`, or of the oldest offset that is kept when that is later.
  [[nodiscard]] base::result<guild_image> load(proto::snowflake guild, std::uint64_t as_of);
  [[nodiscard]] std::vector<flow::guild_entry> guilds(proto::shard_key lane, std::uint64_t as_of) const;
  [[nodiscard]] std::uint64_t awaiting() const;

  [[nodiscard]] std::unique_lock<std::shared_mutex> lock() { return std::unique_lock(mutex_); }
  /// Only under lock(), or on the journal's thread for reading.
  [[nodiscard]] guild_index& index() noexcept { return index_; }
  [[nodiscard]] const guild_index& index() const noexcept { return index_; }
  /// Under lock().
  void set_floor(std::uint64_t floor) noexcept { floor_ = floor; }
  void set_self(proto::snowflake self) noexcept { self_.store(self); }
  [[nodiscard]] proto::snowflake self() const noexcept { return self_.load(); }

 private:
  struct plan {
    guild_state state = guild_state::unknown;
    std::uint64_t as_of = 0;
    std::uint64_t base = 0;  ///< as_of of the version, 0 for none
    bool reconcile = false;
    std::vector<std::uint64_t> blobs;
    std::unique_ptr<snapshot> view;
  };
  [[nodiscard]] base::result<plan> make_plan(proto::snowflake guild, std::uint64_t as_of);
  [[nodiscard]] base::result<void> load_base(const plan& from, proto::snowflake guild,
                                             guild_document& out) const;

  store& store_;
  const std::size_t document_bytes_max_;
  mutable std::shared_mutex mutex_;
  guild_index index_;
  whole_blobs whole_;
  std::uint64_t floor_ = 0;
  std::atomic<proto::snowflake> self_{0};
};

}  // namespace evergate::journal
