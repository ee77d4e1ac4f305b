// The shards of one event loop, with the batcher and the intake they share. Owned by the fleet; made before
// its loop has work for it, then used on that loop only, save for what is marked thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "flow/journal.h"
#include "upstream/batcher.h"
#include "upstream/shard.h"

namespace evergate::upstream {

class worker {
 public:
  worker(std::uint32_t index, net::event_loop& loop, flow::event_sink& sink,
         std::unique_ptr<flow::intake> intake, batcher_options options, shard_services& services,
         base::logger& log, const base::secret& token);
  ~worker();
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  /// Before start() only. The returned shard lives as long as the worker.
  shard& add(shard_options options, std::optional<flow::stored_session> stored, std::uint64_t seed);

  /// Starts the shards in the order given.
  void start(const std::vector<shard*>& order);
  /// Appends GAPs for sessions that no shard takes over, and ends them in the store.
  void abandon(const std::vector<flow::stored_session>& sessions, const char* cause);
  /// Has every shard prove what has arrived (flow::shard_proof).
  void probe();
  /// Keeps a plan's record with the next batch.
  void keep(flow::control_record record);
  /// Ends all connections and hands over what is left; `done` on this loop.
  void stop(bool log_off, std::move_only_function<void()> done);
  void committed(const flow::commit& done);
  void on_room() { batcher_.on_room(); }
  [[nodiscard]] shard* find(std::uint32_t shard_id) noexcept;
  [[nodiscard]] const std::vector<std::unique_ptr<shard>>& shards() const noexcept { return shards_; }

  /// Thread-safe.
  [[nodiscard]] net::event_loop& loop() noexcept { return loop_; }
  [[nodiscard]] std::uint32_t index() const noexcept { return index_; }

 private:
  void pause(bool paused);

  const std::uint32_t index_;
  net::event_loop& loop_;
  shard_services& services_;
  base::logger& log_;
  const base::secret& token_;
  std::unique_ptr<flow::intake> intake_;
  batcher batcher_;
  std::vector<std::unique_ptr<shard>> shards_;  ///< ascending by id
  std::size_t stopping_ = 0;
  std::move_only_function<void()> stopped_;
};

}  // namespace evergate::upstream
