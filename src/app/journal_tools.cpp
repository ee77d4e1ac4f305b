#include "evergate/journal_tools.h"

#include "base/result.h"
#include "journal/directory_lock.h"
#include "journal/dump.h"
#include "journal/errc.h"
#include "journal/verifier.h"

namespace evergate {

result<void> dump_journal(const std::filesystem::path& data_dir, std::ostream& out) {
  return journal::dump(data_dir, out);
}

result<journal_verdict> verify_journal(const std::filesystem::path& data_dir) {
  if (std::error_code ignored; !std::filesystem::exists(data_dir, ignored)) {
    return base::fail(journal::errc::unusable, data_dir.string() + " does not exist");
  }
  // Beside a running daemon the pages change while they are read; its own snapshot is whole.
  const auto alone = journal::directory_lock::take(data_dir);
  if (!alone && alone.error().code != journal::errc::locked) return std::unexpected(alone.error());
  const auto found = journal::verify(data_dir, alone.has_value());
  if (!found) return std::unexpected(found.error());
  return journal_verdict{found->sound, journal::summary(*found)};
}

int verify_journal_as_child(const std::filesystem::path& data_dir, std::uint64_t memory_bytes_max) {
  return journal::verify_as_child(data_dir, memory_bytes_max);
}

bool is_damage(const error& what) noexcept {
  return what.code == journal::errc::damaged;
}

}  // namespace evergate
