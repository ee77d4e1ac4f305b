// Whether an LMDB data file hangs together, page by page, without LMDB: LMDB trusts every page it maps, and a
// damaged one can end the process or be served. Reads the trees, the heads of large values and the list of
// free pages with pread, never a value. The caller's thread, while nothing writes the file; two bits of
// memory a page.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace evergate::journal {

struct page_report {
  bool empty = true;              ///< no file, an empty one, or one that nothing was committed to
  std::uint64_t commits = 0;      ///< LMDB's transaction number
  std::uint64_t used = 0;         ///< pages that hold something
  std::uint64_t free = 0;         ///< pages that may be written
  std::uint64_t unaccounted = 0;  ///< neither: lost space, no danger
};

/// errc::damaged naming the page and what is wrong with it, errc::io when the file cannot be read. With
/// `newest_known` the two newest commits must both be there: an older one in the place of the newest would
/// pass for a whole store. After a power loss that cannot be asked.
[[nodiscard]] base::result<page_report> check_pages(const std::filesystem::path& file, bool newest_known);

}  // namespace evergate::journal
