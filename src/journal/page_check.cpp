#include "journal/page_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "journal/errc.h"
#include "journal/page_layout.h"

namespace evergate::journal {
namespace {

using namespace page_layout;

// Pages past the end of the file that a commit may have counted and not written.
constexpr std::uint64_t unwritten_max = 65'536;

class file_handle {
 public:
  explicit file_handle(int fd) : fd_(fd) {}
  ~file_handle() {
    if (fd_ >= 0) ::close(fd_);
  }
  file_handle(const file_handle&) = delete;
  file_handle& operator=(const file_handle&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

enum class tree_kind : std::uint8_t { free, main, table };

class checker {
 public:
  checker(const std::filesystem::path& file, int fd, std::uint64_t bytes)
      : file_(file), fd_(fd), file_bytes_(bytes) {}

  base::result<page_report> run(bool newest_known);

 private:
  using done = base::result<void>;
  struct walk {
    tree_kind kind;
    const tree_record& record;
    tree_record counted;
  };

  [[nodiscard]] std::unexpected<base::error> wrong(std::uint64_t page, std::string_view what) const {
    return base::fail(errc::damaged, fmt::format("{}, page {}: {}", file_.string(), page, what));
  }
  [[nodiscard]] done read_at(std::uint64_t offset, std::size_t bytes, char* to, std::uint64_t page) const;
  [[nodiscard]] done read_metas(bool newest_known);
  [[nodiscard]] done judge_meta(const meta_record& one, std::uint64_t page) const;
  [[nodiscard]] done claim(std::uint64_t page, std::uint64_t count);
  [[nodiscard]] done tree(tree_kind kind, const tree_record& record);
  [[nodiscard]] done page(walk& in, std::uint64_t number, std::uint16_t level, std::string_view low,
                          std::optional<std::string> high);
  [[nodiscard]] done nodes(const std::string& bytes, const page_head& head, bool branches,
                           std::uint64_t number, std::vector<std::uint16_t>& at) const;
  [[nodiscard]] done key_order(const walk& in, std::string_view before, std::string_view key, bool may_equal,
                               std::uint64_t number) const;
  [[nodiscard]] done leaf_node(walk& in, const std::string& bytes, std::uint16_t at, std::uint64_t number);
  [[nodiscard]] done large_value(walk& in, std::uint64_t first, std::uint32_t bytes, std::string* into);
  [[nodiscard]] done free_pages(std::string_view list, std::uint64_t number);

  const std::filesystem::path& file_;
  int fd_;
  std::uint64_t file_bytes_;
  std::size_t page_bytes_ = 0;
  meta_record newest_;
  std::vector<bool> used_;
  std::vector<bool> free_;
  page_report report_;
};

checker::done checker::read_at(std::uint64_t offset, std::size_t bytes, char* to, std::uint64_t page) const {
  for (std::size_t got = 0; got < bytes;) {
    const auto n = ::pread(fd_, to + got, bytes - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return base::fail(errc::io, fmt::format("{}, page {}: {}", file_.string(), page, std::strerror(errno)));
    if (n == 0) return wrong(page, "the file ends before it");
    got += static_cast<std::size_t>(n);
  }
  return {};
}

checker::done checker::judge_meta(const meta_record& one, std::uint64_t page) const {
  if (one.magic != meta_magic || one.version != data_version) return wrong(page, "not a store of ours");
  if (one.free.pad != page_bytes_) return wrong(page, "its page size is not that of the other");
  if (one.free.flags != integer_keys || one.main.flags != 0) return wrong(page, "its trees have other flags");
  if (one.commit != 0 && (one.commit & 1) != page) return wrong(page, "its commit belongs to the other page");
  const auto pages = file_bytes_ / page_bytes_;
  if (one.last_page < first_page - 1 || one.last_page > pages + unwritten_max)
    return wrong(page, "the number of its last page cannot be");
  return {};
}

checker::done checker::read_metas(bool newest_known) {
  char head[head_bytes + sizeof(meta_record)];
  meta_record both[2];
  for (std::uint64_t page = 0; page < 2; ++page) {
    if (auto got = read_at(page * page_bytes_, sizeof(head), head, page); !got) return got;
    const auto top = read<page_head>(head);
    both[page] = read<meta_record>(head + head_bytes);
    if (page == 0) {
      page_bytes_ = both[0].free.pad;
      const bool possible =
          page_bytes_ >= 512 && page_bytes_ <= 65'536 && (page_bytes_ & (page_bytes_ - 1)) == 0;
      if (!possible) return wrong(page, "its page size cannot be");
    }
    if (top.number != page || top.kind != page_kind::meta) return wrong(page, "not a meta page");
    if (auto good = judge_meta(both[page], page); !good) return good;
  }
  const std::size_t newer = both[1].commit > both[0].commit ? 1 : 0;
  newest_ = both[newer];
  if (newest_known && newest_.commit != 0 && both[1 - newer].commit + 1 != newest_.commit)
    return wrong(newer, "the newest commits do not follow each other");
  return {};
}

checker::done checker::claim(std::uint64_t page, std::uint64_t count) {
  if (page < first_page || count == 0 || count > used_.size() || page > used_.size() - count)
    return wrong(page, "is used and lies outside");
  for (auto i = page; i < page + count; ++i) {
    if (used_[i]) return wrong(i, "is used twice");
    if (free_[i]) return wrong(i, "is used and free");
    used_[i] = true;
  }
  report_.used += count;
  return {};
}

checker::done checker::free_pages(std::string_view list, std::uint64_t number) {
  if (list.size() < 8 || list.size() % 8 != 0) return wrong(number, "a list of free pages is malformed");
  const auto count = read<std::uint64_t>(list.data());
  if (count > list.size() / 8 - 1) return wrong(number, "a list of free pages is malformed");
  std::uint64_t before = no_page;
  for (std::uint64_t i = 1; i <= count; ++i) {
    const auto page = read<std::uint64_t>(list.data() + i * 8);
    if (page < first_page || page >= used_.size() || page >= before)
      return wrong(number, "a list of free pages is malformed");
    before = page;
    if (used_[page]) return wrong(page, "is used and free");
    if (free_[page]) return wrong(page, "is free twice");
    free_[page] = true;
    ++report_.free;
  }
  return {};
}

checker::done checker::tree(tree_kind kind, const tree_record& record) {
  if (record.root == no_page) {
    if (record.entries == 0 && record.depth == 0) return {};
    return wrong(no_page, "a tree with entries has no root");
  }
  if (record.depth == 0 || record.depth > depth_max) return wrong(record.root, "its tree's depth cannot be");
  walk in{kind, record, {}};
  if (auto whole = page(in, record.root, 1, {}, std::nullopt); !whole) return whole;
  if (in.counted.entries != record.entries || in.counted.branches != record.branches ||
      in.counted.leaves != record.leaves || in.counted.overflows != record.overflows)
    return wrong(record.root, fmt::format("its tree holds {} entries instead of {}, or other pages",
                                          in.counted.entries, record.entries));
  return {};
}

// The nodes fill the page from `upper` to its end, one after the other: whatever deletes one moves the rest.
checker::done checker::nodes(const std::string& bytes, const page_head& head, bool branches,
                             std::uint64_t number, std::vector<std::uint16_t>& at) const {
  if (head.lower < head_bytes || head.lower > head.upper || head.upper > bytes.size() || head.lower % 2 != 0)
    return wrong(number, "its bounds cannot be");
  const std::size_t count = (head.lower - head_bytes) / 2;
  if (count == 0) return wrong(number, "is empty");
  std::vector<std::pair<std::uint16_t, std::size_t>> places;
  for (std::size_t i = 0; i < count; ++i) {
    const auto place = read<std::uint16_t>(bytes.data() + head_bytes + i * 2);
    if (place < head.upper || place + node_head_bytes > bytes.size() || place % 2 != 0)
      return wrong(number, "an entry lies outside");
    const auto node = read<node_head>(bytes.data() + place);
    std::size_t size = node_head_bytes + node.key_bytes;
    if (!branches) size += node.flags == node_kind::large ? 8 : std::size_t{node.data_bytes()};
    size += size % 2;
    if (node.key_bytes > key_bytes_max || place + size > bytes.size())
      return wrong(number, "an entry passes the end");
    at.push_back(place);
    places.emplace_back(place, size);
  }
  std::ranges::sort(places);
  std::size_t next = head.upper;
  for (const auto& [place, size] : places) {
    if (place != next) return wrong(number, "entries overlap or leave holes");
    next = place + size;
  }
  if (next != bytes.size()) return wrong(number, "entries overlap or leave holes");
  return {};
}

checker::done checker::key_order(const walk& in, std::string_view before, std::string_view key,
                                 bool may_equal, std::uint64_t number) const {
  bool ascending = false;
  if (in.kind == tree_kind::free) {
    if (key.size() != 8) return wrong(number, "a key has the wrong size");
    if (before.empty()) return {};
    const auto a = read<std::uint64_t>(before.data());
    const auto b = read<std::uint64_t>(key.data());
    ascending = a < b || (may_equal && a == b);
  } else {
    if (key.empty()) return wrong(number, "a key is empty");
    ascending = before < key || (may_equal && before == key);
  }
  if (!ascending) return wrong(number, "keys are out of order");
  return {};
}

checker::done checker::page(walk& in, std::uint64_t number, std::uint16_t level, std::string_view low,
                            std::optional<std::string> high) {
  if (auto mine = claim(number, 1); !mine) return mine;
  std::string bytes(page_bytes_, '\0');
  if (auto got = read_at(number * page_bytes_, page_bytes_, bytes.data(), number); !got) return got;
  const auto head = read<page_head>(bytes.data());
  const bool branches = level < in.record.depth;
  if (head.number != number) return wrong(number, "bears another number");
  if (head.kind != (branches ? page_kind::branch : page_kind::leaf))
    return wrong(number, "is of another kind");
  ++(branches ? in.counted.branches : in.counted.leaves);
  std::vector<std::uint16_t> at;
  if (auto whole = nodes(bytes, head, branches, number, at); !whole) return whole;
  const auto key_of = [&](std::size_t i) {
    const auto node = read<node_head>(bytes.data() + at[i]);
    return std::string_view(bytes.data() + at[i] + node_head_bytes, node.key_bytes);
  };
  for (std::size_t i = 0; i < at.size(); ++i) {
    // The first key of a branch stands for everything below and is not read.
    if (branches && i == 0) continue;
    const bool first = i == (branches ? 1U : 0U);
    if (auto good = key_order(in, first ? low : key_of(i - 1), key_of(i), first, number); !good) return good;
  }
  if (high && at.size() > (branches ? 1U : 0U)) {
    if (auto good = key_order(in, key_of(at.size() - 1), *high, false, number); !good) return good;
  }
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (!branches) {
      if (auto good = leaf_node(in, bytes, at[i], number); !good) return good;
      continue;
    }
    const auto child = read<node_head>(bytes.data() + at[i]).child();
    auto below = i + 1 < at.size() ? std::optional<std::string>(key_of(i + 1)) : high;
    const auto above = i == 0 ? low : key_of(i);
    if (auto good = page(in, child, static_cast<std::uint16_t>(level + 1), above, std::move(below)); !good)
      return good;
  }
  return {};
}

checker::done checker::leaf_node(walk& in, const std::string& bytes, std::uint16_t at, std::uint64_t number) {
  const auto node = read<node_head>(bytes.data() + at);
  const auto* const data = bytes.data() + at + node_head_bytes + node.key_bytes;
  ++in.counted.entries;
  if (in.kind == tree_kind::main) {
    if (node.flags != node_kind::subtree || node.data_bytes() != sizeof(tree_record))
      return wrong(number, "a table's record is malformed");
    const auto record = read<tree_record>(data);
    if (record.flags != 0) return wrong(number, "a table's record is malformed");
    return tree(tree_kind::table, record);
  }
  std::string list;
  std::string_view value(data, node.flags == node_kind::large ? 8 : node.data_bytes());
  if (node.flags == node_kind::large) {
    auto* const into = in.kind == tree_kind::free ? &list : nullptr;
    if (auto good = large_value(in, read<std::uint64_t>(data), node.data_bytes(), into); !good) return good;
    value = list;
  } else if (node.flags != node_kind::plain) {
    return wrong(number, "an entry is of an unknown kind");
  }
  return in.kind == tree_kind::free ? free_pages(value, number) : done{};
}

checker::done checker::large_value(walk& in, std::uint64_t first, std::uint32_t bytes, std::string* into) {
  if (first < first_page || first >= used_.size()) return wrong(first, "is used and lies outside");
  char raw[head_bytes];
  if (auto got = read_at(first * page_bytes_, sizeof(raw), raw, first); !got) return got;
  const auto head = read<page_head>(raw);
  const auto needed = (head_bytes + std::uint64_t{bytes} + page_bytes_ - 1) / page_bytes_;
  if (head.number != first) return wrong(first, "bears another number");
  if (head.kind != page_kind::overflow) return wrong(first, "is of another kind");
  if (head.overflow_pages() < needed) return wrong(first, "a large value passes its pages");
  if (auto mine = claim(first, head.overflow_pages()); !mine) return mine;
  if ((first + needed - 1) * page_bytes_ >= file_bytes_) return wrong(first, "the file ends before it");
  in.counted.overflows += head.overflow_pages();
  if (into == nullptr) return {};
  into->resize(bytes);
  return read_at(first * page_bytes_ + head_bytes, bytes, into->data(), first);
}

base::result<page_report> checker::run(bool newest_known) {
  if (auto good = read_metas(newest_known); !good) return std::unexpected(good.error());
  report_.commits = newest_.commit;
  report_.empty = newest_.main.root == no_page && newest_.main.entries == 0 && newest_.commit == 0;
  used_.resize(newest_.last_page + 1);
  free_.resize(newest_.last_page + 1);
  if (auto good = tree(tree_kind::free, newest_.free); !good) return std::unexpected(good.error());
  if (auto good = tree(tree_kind::main, newest_.main); !good) return std::unexpected(good.error());
  report_.unaccounted = newest_.last_page + 1 - first_page - report_.used - report_.free;
  return report_;
}

}  // namespace

base::result<page_report> check_pages(const std::filesystem::path& file, bool newest_known) {
  const file_handle handle(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (handle.get() < 0 && errno == ENOENT) return page_report{};
  struct stat found{};
  if (handle.get() < 0 || ::fstat(handle.get(), &found) != 0)
    return base::fail(errc::unusable, fmt::format("{}: {}", file.string(), std::strerror(errno)));
  if (found.st_size == 0) return page_report{};
  return checker(file, handle.get(), static_cast<std::uint64_t>(found.st_size)).run(newest_known);
}

}  // namespace evergate::journal
