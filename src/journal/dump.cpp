#include "journal/dump.h"

#include <fmt/format.h>

#include <string>

#include "journal/errc.h"
#include "journal/event_reader.h"
#include "journal/lmdb_store.h"
#include "proto/json_view.h"

namespace evergate::journal {
namespace {

constexpr std::size_t stretch_bytes = std::size_t{4} << 20;

std::string_view type_name(const flow::event_batch& batch, const flow::event_row& row) {
  if (row.type == proto::event_type::session_started) return "SESSION_STARTED";
  if (row.type == proto::event_type::gap) return "GAP";
  return batch.name(row);
}

void append_line(std::string& out, const flow::event_batch& batch, const flow::event_row& row) {
  out += fmt::format(R"({{"offset":{},"guild":)", row.offset.value);
  out += row.guild == 0 ? "null" : fmt::format(R"("{}")", row.guild);
  out += R"(,"type":)";
  proto::append_quoted(out, type_name(batch, row));
  out += fmt::format(R"(,"shard":{},"shard_count":{},"seq":)", row.shard, row.shard_count);
  out += row.seq == 0 ? "null" : fmt::format("{}", row.seq);
  out += fmt::format(R"(,"flags":{},"d":)", row.flags);
  const auto d = batch.data(row);
  out.append(d.empty() ? std::string_view("null") : d);
  out += "}\n";
}

}  // namespace

base::result<void> dump(store& from, std::ostream& out, std::uint64_t after) {
  std::string lines;
  std::size_t damaged_blobs = 0;
  std::string found;
  for (;;) {
    std::shared_ptr<flow::event_batch> batch;
    {
      auto view = from.read();
      if (!view) return std::unexpected(view.error());
      event_reader reader(**view);
      auto read = reader.read(after, stretch_bytes);
      if (!read) return std::unexpected(read.error());
      batch = std::move(*read);
      damaged_blobs += reader.damage().size();
      if (found.empty() && damaged_blobs > 0) found = reader.damage().front().found;
    }
    if (batch == nullptr) break;
    lines.clear();
    for (const auto& row : batch->rows) append_line(lines, *batch, row);
    if (!out.write(lines.data(), static_cast<std::streamsize>(lines.size()))) {
      return base::fail(errc::io, "the dump cannot be written");
    }
    after = batch->rows.back().offset.value;
  }
  if (damaged_blobs == 0) return {};
  return base::fail(errc::damaged, fmt::format("what is damaged was left out, first: {}", found));
}

base::result<void> dump(const std::filesystem::path& directory, std::ostream& out, std::uint64_t after) {
  std::error_code failure;
  if (!std::filesystem::exists(directory / "data.mdb", failure)) {
    return base::fail(errc::unusable, fmt::format("{} holds no journal", directory.string()));
  }
  auto opened = lmdb_store::open(directory, {.read_only = true});
  if (!opened) return std::unexpected(opened.error());
  return dump(**opened, out, after);
}

}  // namespace evergate::journal
