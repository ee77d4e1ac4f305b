// Making a journal: the members that open what is stored and recover from it, or begin anew.
#include "flow/intake.h"
#include "journal/errc.h"
#include "journal/journal.h"
#include "journal/memory_store.h"

namespace evergate::journal {

journal::journal(journal_options options, base::logger& log, std::unique_ptr<store> over)
    : options_(std::move(options)),
      log_(log),
      store_(std::move(over)),
      mirror_(*store_, options_.document_bytes_max),
      ring_(options_.ring_bytes_max),
      core_(*store_, mirror_, ring_, options_),
      inbox_(options_.queue_items_max, options_.queue_bytes_max) {
  keeper_ = std::make_unique<checkpoint_keeper>(
      mirror_, options_.checkpoint_level, options_.checkpoint_queue_bytes_max, [this] { inbox_.wake(); });
}

base::result<std::unique_ptr<journal>> journal::open_in(environment& home, const journal_options& options,
                                                        base::logger& log) {
  auto opened = home.open();
  if (!opened) return std::unexpected(opened.error());
  std::unique_ptr<journal> made(new journal(options, log, std::move(*opened)));
  if (auto recovered = made->recover(home.verify_values()); !recovered)
    return std::unexpected(recovered.error());
  home.opened();
  return made;
}

base::result<std::unique_ptr<journal>> journal::open(journal_options options, base::logger& log) {
  if (auto valid = validate(options); !valid) return std::unexpected(valid.error());
  if (options.storage == storage_kind::memory) {
    return open_over(std::make_unique<memory_store>(), std::move(options), log);
  }
  const auto place = options.directory.string();
  auto home = environment::enter(options, log);
  if (!home) return std::unexpected(home.error());
  auto made = open_in(**home, options, log);
  if (!made && made.error().code == errc::damaged) {
    if (options.on_damage == damage_policy::refuse) {
      return base::fail(errc::damaged, place + ": " + made.error().detail +
                                           "; store.on_damage = \"refuse\" keeps it in place");
    }
    if (auto moved = (*home)->set_aside(made.error()); !moved) return std::unexpected(moved.error());
    made = open_in(**home, options, log);
  }
  if (!made) return base::fail(made.error(), place);
  if ((*home)->gap_owed()) {
    if (auto written = (*made)->write_loss((*home)->lost_sessions()); !written)
      return base::fail(written.error(), place);
    (*home)->gap_written();
  }
  (*made)->home_ = std::move(*home);
  return made;
}

base::result<std::unique_ptr<journal>> journal::open_over(std::unique_ptr<store> over,
                                                          journal_options options, base::logger& log) {
  if (options.storage != storage_kind::memory) options.storage = storage_kind::memory;
  if (auto valid = validate(options); !valid) return std::unexpected(valid.error());
  std::unique_ptr<journal> made(new journal(std::move(options), log, std::move(over)));
  if (auto recovered = made->recover(false); !recovered) return std::unexpected(recovered.error());
  return made;
}

base::result<void> journal::recover(bool verify_all) {
  if (auto recovered = core_.recover(verify_all); !recovered) return recovered;
  last_guild_ns_ = base::boot_clock::now().time_since_epoch().count();
  head_ = core_.state().book.head;
  publish_state(true);
  return {};
}

// A GAP for each session that the lost store is known to have held, or else one for all: before the first
// READY.
base::result<void> journal::write_loss(const std::vector<flow::session_record>& lost) {
  auto batch = std::make_unique<flow::event_batch>();
  flow::gap_record gap;
  gap.time_ms = base::unix_time_ms();
  gap.cause = "store_damaged";
  for (const auto& one : lost) {
    gap.shard = one.shard;
    gap.session_id = one.session_id;
    gap.last_seq = one.seq;
    flow::append_gap(gap, *batch);
  }
  if (lost.empty()) {
    gap.shard = {0, 0};
    flow::append_gap(gap, *batch);
  }
  round work;
  work.batches.push_back(std::move(batch));
  core_.prepare(work);
  if (auto written = core_.write(work, gap.time_ms); !written) return written;
  if (auto synced = store_->sync(); !synced) return synced;
  (void)core_.settle(work);
  head_ = core_.state().book.head;
  publish_state(false);
  return {};
}

}  // namespace evergate::journal
