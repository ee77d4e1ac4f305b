// Reads a whole store and says whether it can be trusted: its pages, every checksum, the continuity of its
// keys, and that the journal can be rebuilt from it. May be ended by what it reads, so that the daemon lets a
// process of its own do it (verifier). The caller's thread; memory as for an opened journal.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "flow/event_batch.h"
#include "journal/page_check.h"
#include "journal/records.h"

namespace evergate::journal {

struct verdict {
  bool sound = true;
  std::string found;  ///< what is wrong, where; empty when sound
  ledger book;        ///< when sound
  std::uint64_t guilds = 0;
  /// Sessions at Discord whose own values are whole, also in a damaged store: what a GAP can name.
  std::vector<flow::session_record> sessions;
};

/// Of a store that nobody writes, or (without `pages`) of one in use by a running daemon. errc::unusable when
/// there is none.
[[nodiscard]] base::result<verdict> verify(const std::filesystem::path& directory, bool pages);

/// One line for operators.
[[nodiscard]] std::string summary(const verdict& of);

/// A verdict as lines of text, for a parent process.
[[nodiscard]] std::string told(const verdict& of);
/// What a child wrote; nothing when it is not whole. Trusts no length or number.
[[nodiscard]] std::optional<verdict> heard(std::string_view text);

}  // namespace evergate::journal
