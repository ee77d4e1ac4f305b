// The store in memory: for `queue.storage = "memory"` and for the simulation. What was not committed is
// dropped. The image is shared, so that a simulated restart opens what a killed journal had committed.
// Snapshots from any thread hold up the next commit; one writing transaction at a time. Bounded by what
// retention leaves in it.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>

#include "journal/store.h"

namespace evergate::journal {

/// What a memory_store holds, and a fault to inject.
struct memory_image {
  using rows = std::map<std::string, std::string, std::less<>>;
  std::shared_mutex mutex;
  std::array<rows, table_count> tables;
  /// Asked before each commit when set; an error makes the commit fail, with nothing changed. Set it while
  /// no journal is using the image, or from a test that locks for itself.
  std::function<base::result<void>()> before_commit;
};

class memory_store final : public store {
 public:
  explicit memory_store(std::shared_ptr<memory_image> image = std::make_shared<memory_image>())
      : image_(std::move(image)) {}

  [[nodiscard]] base::result<std::unique_ptr<snapshot>> read() override;
  [[nodiscard]] base::result<std::unique_ptr<transaction>> write() override;
  [[nodiscard]] base::result<void> sync() override { return {}; }

 private:
  std::shared_ptr<memory_image> image_;
};

}  // namespace evergate::journal
