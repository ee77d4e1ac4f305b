// A small store with values of every kind, and everything that its readers show: what the campaign of damage
// compares. Deterministic; the caller's thread (the journal's own threads only while it is started).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "journal/journal.h"

namespace evergate::journal::flip {

/// Options under which nothing is evicted any more.
[[nodiscard]] journal_options roomy(const std::filesystem::path& directory);

/// Makes the store in `directory`, stopped cleanly. `older` receives the file as it was some commits before.
void make_world(const std::filesystem::path& directory, std::string& older);

/// Everything that is shown, by name: events by offset, guilds as of three offsets, sessions, consumers, …
using shown = std::map<std::string, std::string>;
struct moments {
  std::uint64_t low = 0;
  std::uint64_t middle = 0;
  std::uint64_t high = 0;
};
[[nodiscard]] moments moments_of(const journal& of);
/// An item that cannot be read is not there; `error` then says why.
[[nodiscard]] shown show(journal& from, const moments& at, std::string& error);

/// Appends news that touches nothing old and waits for its commit; returns what it must look like, by offset.
[[nodiscard]] shown append_news(journal& to);

/// What is wrong with `now` against `truth`: empty when nothing. With `holes` items may be missing, but never
/// differ; items that `truth` does not have are wrong unless they are GAP records.
[[nodiscard]] std::string difference(const shown& truth, const shown& now, bool holes);

}  // namespace evergate::journal::flip
