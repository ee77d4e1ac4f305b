#include "upstream/worker.h"

#include <algorithm>
#include <utility>

#include "upstream/start_plan.h"

namespace evergate::upstream {

worker::worker(std::uint32_t index, net::event_loop& loop, flow::event_sink& sink,
               std::unique_ptr<flow::intake> intake, batcher_options options, shard_services& services,
               base::logger& log, const base::secret& token)
    : index_(index),
      loop_(loop),
      services_(services),
      log_(log),
      token_(token),
      intake_(std::move(intake)),
      batcher_(loop, sink, options, [this](bool paused) { pause(paused); }) {}

worker::~worker() = default;

shard& worker::add(shard_options options, std::optional<flow::stored_session> stored, std::uint64_t seed) {
  const shard_ground ground{loop_, batcher_, *intake_, services_, log_, token_};
  shards_.push_back(std::make_unique<shard>(ground, std::move(options), std::move(stored), seed));
  return *shards_.back();
}

void worker::start(const std::vector<shard*>& order) {
  for (auto* s : order) s->start();
}

void worker::abandon(const std::vector<flow::stored_session>& sessions, const char* cause) {
  append_abandoned(sessions, cause, base::unix_time_ms(), batcher_.batch().rows());
  batcher_.added();
}

void worker::probe() {
  for (const auto& s : shards_) s->probe();
}

void worker::keep(flow::control_record record) {
  batcher_.batch().rows().records.push_back(std::move(record));
  batcher_.added();
}

void worker::stop(bool log_off, std::move_only_function<void()> done) {
  stopping_ = shards_.size() + 1;
  stopped_ = std::move(done);
  const auto one_less = [this] {
    if (--stopping_ > 0) return;
    batcher_.stop();
    if (auto finished = std::exchange(stopped_, nullptr)) finished();
  };
  for (const auto& s : shards_) s->stop(log_off, one_less);
  one_less();
}

void worker::committed(const flow::commit& done) {
  for (const auto& part : done.progress) {
    auto* s = find(part.shard.id);
    if (s != nullptr && s->key() == part.shard) s->committed(part.seq);
  }
}

shard* worker::find(std::uint32_t shard_id) noexcept {
  const auto at = std::ranges::lower_bound(shards_, shard_id, {}, [](const auto& s) { return s->key().id; });
  return at != shards_.end() && (*at)->key().id == shard_id ? at->get() : nullptr;
}

void worker::pause(bool paused) {
  log_.warn(paused ? "upstream.reading_paused" : "upstream.reading_resumed", {{"worker", index_}});
  for (const auto& s : shards_) s->pause(paused);
}

}  // namespace evergate::upstream
