// An application's data directory: the lock on it, what it remembers of earlier runs, and whether the store
// in it may be used. Checks the store before it is opened, has it verified when there is reason to, and sets
// it aside when it is damaged. Owned by the journal, used by whoever opens it and by the journal's thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "flow/event_batch.h"
#include "journal/directory_lock.h"
#include "journal/journal_options.h"
#include "journal/lmdb_store.h"
#include "journal/run_marks.h"

namespace evergate::journal {

class environment {
 public:
  /// Takes the directory and notes that a run begins. errc::unusable or errc::locked.
  [[nodiscard]] static base::result<std::unique_ptr<environment>> enter(const journal_options& options,
                                                                        base::logger& log);

  /// The store, checked. errc::damaged when it cannot be trusted.
  [[nodiscard]] base::result<std::unique_ptr<lmdb_store>> open();
  /// True when there was reason to verify and no process of its own to do it: whoever reads the store does.
  [[nodiscard]] bool verify_values() const noexcept { return verify_values_; }
  /// The store has been read and is good.
  void opened();

  /// Moves the store, which is closed, out of the way, after reading out of it what a GAP can name. Then
  /// open() makes an empty one.
  [[nodiscard]] base::result<void> set_aside(const base::error& found);
  /// A store was set aside and no GAP record says so yet.
  [[nodiscard]] bool gap_owed() const noexcept { return marks_.gap_owed; }
  /// Sessions that were lost with it, as far as they could be read.
  [[nodiscard]] const std::vector<flow::session_record>& lost_sessions() const noexcept { return lost_; }
  void gap_written();

  /// The store fails in a way that only damage explains: the next run verifies it.
  void suspect();
  void left_cleanly();

 private:
  environment(const journal_options& options, base::logger& log, directory_lock lock);
  [[nodiscard]] std::string reason_to_verify(bool empty) const;
  [[nodiscard]] base::result<void> verify_store(const std::string& why);
  void save();

  const journal_options options_;
  base::logger& log_;
  directory_lock lock_;
  run_marks before_;  ///< as the last run left them
  run_marks marks_;
  std::size_t deaths_ = 0;
  bool fresh_ = false;  ///< what was here has been set aside
  bool verify_values_ = false;
  std::vector<flow::session_record> lost_;
};

}  // namespace evergate::journal
