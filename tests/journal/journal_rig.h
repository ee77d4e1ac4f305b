// A listener that tests wait on, and a directory that goes away with the test.
#pragma once

#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <future>
#include <mutex>
#include <string>

#include "flow/journal.h"

namespace evergate::journal::test {

struct temp_dir {
  std::filesystem::path path;
  temp_dir() {
    std::string name = (std::filesystem::temp_directory_path() / "evergate-journal-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~temp_dir() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  temp_dir(const temp_dir&) = delete;
  temp_dir& operator=(const temp_dir&) = delete;
};

class listener final : public flow::commit_listener {
 public:
  void on_commit(const std::shared_ptr<const flow::commit>& done) override {
    const std::scoped_lock lock(mutex_);
    last_ = done;
    changed_.notify_all();
  }
  void on_room() override {
    const std::scoped_lock lock(mutex_);
    ++rooms_;
    changed_.notify_all();
  }
  void on_stalled(const std::string&) override {
    const std::scoped_lock lock(mutex_);
    ++stalls_;
    changed_.notify_all();
  }

  std::shared_ptr<const flow::commit> wait_for_head(std::uint64_t head) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return last_ != nullptr && last_->head.value >= head; });
    return last_;
  }
  void wait_for_stall() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stalls_ > 0; });
  }
  void wait_for_room() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return rooms_ > 0; });
  }
  [[nodiscard]] std::uint64_t head() {
    const std::scoped_lock lock(mutex_);
    return last_ == nullptr ? 0 : last_->head.value;
  }
  [[nodiscard]] int stalls() {
    const std::scoped_lock lock(mutex_);
    return stalls_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const flow::commit> last_;
  int rooms_ = 0;
  int stalls_ = 0;
};

}  // namespace evergate::journal::test
