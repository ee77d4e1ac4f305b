#include "journal/environment.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "journal/errc.h"
#include "journal/page_check.h"
#include "journal/set_aside.h"
#include "journal/verifier.h"

namespace evergate::journal {
namespace {

std::int64_t milliseconds_since(base::instant start) {
  return std::chrono::duration_cast<base::milliseconds>(base::boot_clock::now() - start).count();
}

}  // namespace

environment::environment(const journal_options& options, base::logger& log, directory_lock lock)
    : options_(options), log_(log), lock_(std::move(lock)) {}

base::result<std::unique_ptr<environment>> environment::enter(const journal_options& options,
                                                              base::logger& log) {
  auto lock = directory_lock::take(options.directory);
  if (!lock) return std::unexpected(lock.error());
  std::unique_ptr<environment> made(new environment(options, log, std::move(*lock)));
  made->before_ = made->marks_ = run_marks::load(options.directory);
  const auto now = base::unix_time_ms();
  const auto window = std::chrono::duration_cast<base::milliseconds>(options.deaths_within).count();
  made->deaths_ = made->marks_.begin(now, now - window, boot_id());
  made->save();
  return made;
}

void environment::save() {
  // A full or failing disk need not keep the daemon from running; the next start then verifies once more.
  if (auto saved = marks_.save(options_.directory); !saved)
    log_.warn("journal.marks_not_saved", {{"why", saved.error().text()}});
}

std::string environment::reason_to_verify(bool empty) const {
  if (empty || fresh_) return {};
  if (!before_.known) return "nothing is known of the last run";
  if (before_.suspect) return "the last run met an error that damage explains";
  if (!before_.clean && before_.boot != marks_.boot) return "the machine went down without a clean stop";
  if (deaths_ >= options_.deaths_max) return fmt::format("{} runs ended without a clean stop", deaths_);
  return {};
}

base::result<std::unique_ptr<lmdb_store>> environment::open() {
  const auto file = options_.directory / "data.mdb";
  const bool same_boot = !marks_.boot.empty() && before_.boot == marks_.boot;
  const auto pages = check_pages(file, before_.known && (before_.clean || same_boot));
  if (!pages) {
    if (pages.error().code != errc::io) return std::unexpected(pages.error());
    return base::fail(errc::damaged, pages.error().detail);
  }
  if (pages->empty && marks_.made) {
    return base::fail(errc::damaged,
                      fmt::format("{} is missing or empty, but there was a store", file.string()));
  }
  if (const auto why = reason_to_verify(pages->empty); !why.empty()) {
    if (auto verified = verify_store(why); !verified) return std::unexpected(verified.error());
  }
  return lmdb_store::open(options_.directory, {.map_bytes = options_.map_bytes,
                                               .map_bytes_max = options_.map_bytes_max,
                                               .readers_max = options_.readers_max,
                                               .ordered = options_.durability == durability_kind::power,
                                               .read_only = false});
}

base::result<void> environment::verify_store(const std::string& why) {
  log_.warn("journal.verify", {{"directory", options_.directory.string()}, {"why", why}});
  verify_values_ = options_.verifier.program.empty();
  if (verify_values_) return {};
  const auto start = base::boot_clock::now();
  const auto judged = verify_in_child(options_.directory, options_.verifier);
  if (!judged) {
    log_.warn("journal.verify_here", {{"why", judged.error().text()}});
    verify_values_ = true;
    return {};
  }
  log_.info("journal.verified", {{"sound", judged->sound}, {"ms", milliseconds_since(start)}});
  lost_ = judged->sessions;
  if (!judged->sound) return base::fail(errc::damaged, judged->found);
  // What the runs died of is not the store.
  marks_.starts.erase(marks_.starts.begin(), marks_.starts.end() - 1);
  return {};
}

void environment::opened() {
  if (!marks_.gap_owed) lost_.clear();
  marks_.made = true;
  marks_.suspect = false;
  save();
}

base::result<void> environment::set_aside(const base::error& found) {
  // Reading a damaged store may end whoever does it.
  if (lost_.empty() && !options_.verifier.program.empty()) {
    if (auto judged = verify_in_child(options_.directory, options_.verifier))
      lost_ = std::move(judged->sessions);
  }
  marks_.gap_owed = true;
  save();
  const auto place = journal::set_aside(options_.directory, base::unix_time_ms());
  if (!place) return std::unexpected(place.error());
  log_.error("journal.set_aside", {{"found", found.text()},
                                   {"moved_to", place->string()},
                                   {"sessions_lost", lost_.size()},
                                   {"then", "an empty store; shards identify anew as the budget allows"}});
  forget_set_aside(options_.directory, options_.damaged_kept);
  marks_.made = false;
  fresh_ = true;
  verify_values_ = false;
  return {};
}

void environment::gap_written() {
  marks_.gap_owed = false;
  lost_.clear();
  save();
}

void environment::suspect() {
  if (std::exchange(marks_.suspect, true)) return;
  save();
}

void environment::left_cleanly() {
  marks_.end_cleanly();
  save();
}

}  // namespace evergate::journal
