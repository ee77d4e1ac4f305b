// Writes guild versions behind: a thread that materialises and compresses the guilds it is asked for and
// hands them back to the journal's thread. Owned by the journal. Requests are bounded by the number of guilds
// (the core asks for each once); finished versions by bytes: past the bound the thread waits until they are
// taken.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "journal/checkpoint.h"

namespace evergate::journal {

class checkpoint_keeper {
 public:
  /// `ready` is called from the keeper's thread when something can be taken.
  checkpoint_keeper(mirror& from, int level, std::size_t bytes_max, std::move_only_function<void()> ready);
  ~checkpoint_keeper();
  checkpoint_keeper(const checkpoint_keeper&) = delete;
  checkpoint_keeper& operator=(const checkpoint_keeper&) = delete;

  void start();
  /// Ends the thread; requests not begun are dropped (they will be due again).
  void stop();

  void ask(const std::vector<checkpoint_request>& wanted);
  [[nodiscard]] std::vector<checkpoint> take();
  [[nodiscard]] std::size_t waiting() const;

 private:
  void run();

  mirror& mirror_;
  const int level_;
  const std::size_t bytes_max_;
  std::move_only_function<void()> ready_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<checkpoint_request> wanted_;  ///< urgent ones in front
  std::vector<checkpoint> made_;
  std::size_t made_bytes_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace evergate::journal
