#include "journal/verify.h"

#include <fmt/format.h>

#include <charconv>
#include <map>

#include "journal/errc.h"
#include "journal/journal_core.h"
#include "journal/lmdb_store.h"
#include "journal/sealed.h"

namespace evergate::journal {
namespace {

constexpr std::size_t sessions_max = 65'536;
constexpr std::size_t text_max = 2'048;  // of a session id or URL

// The values of a table that are whole, as far as the table can be walked.
template <class Use>
void each_whole(snapshot& view, table where, Use&& use) {
  auto at = view.scan(where);
  if (!at) return;
  for (auto more = (*at)->seek({}); more && *more; more = (*at)->next()) {
    const auto payload = unseal(where, (*at)->key(), (*at)->value());
    if (payload) use((*at)->key(), *payload);
  }
}

std::vector<flow::session_record> whole_sessions(store& from) {
  std::vector<flow::session_record> out;
  auto view = from.read();
  if (!view) return out;
  std::map<std::string, std::vector<std::int64_t>> sequences;  // by key: a twin's fleet has one of its own
  each_whole(**view, table::sequences, [&](std::string_view key, std::string_view payload) {
    std::vector<std::int64_t> all;
    if (decode(payload, all)) sequences.insert_or_assign(std::string(key), std::move(all));
  });
  each_whole(**view, table::sessions, [&](std::string_view, std::string_view payload) {
    flow::session_record one;
    if (out.size() == sessions_max || !decode(payload, one)) return;
    const auto fleet = sequences.find(count_key(one.shard.count));
    if (fleet != sequences.end() && one.shard.id < fleet->second.size())
      one.seq = fleet->second[one.shard.id];
    out.push_back(std::move(one));
  });
  return out;
}

base::result<void> read_all(const std::filesystem::path& directory, verdict& out) {
  auto opened = lmdb_store::open(directory, {.read_only = true});
  if (!opened) return std::unexpected(opened.error());
  const journal_options defaults;
  mirror guilds(**opened, defaults.document_bytes_max);
  batch_ring ring(defaults.ring_bytes_max);
  journal_core core(**opened, guilds, ring, defaults);
  auto whole = core.recover(true);
  out.book = core.state().book;
  out.guilds = std::as_const(guilds).index().size();
  out.sessions = whole_sessions(**opened);
  return whole;
}

std::string hex(std::string_view text) {
  std::string out;
  for (const char c : text) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0 || text.size() > 2 * text_max) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    const auto [end, failure] = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    if (failure != std::errc() || end != text.data() + i + 2) return std::nullopt;
    out.push_back(static_cast<char>(value));
  }
  return out;
}

// The next word of a line.
std::string_view take_word(std::string_view& line) {
  const auto end = std::min(line.find(' '), line.size());
  const auto word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

template <class Number>
bool take_number(std::string_view& line, Number& out) {
  const auto word = take_word(line);
  const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), out);
  return failure == std::errc() && end == word.data() + word.size();
}

bool hear_session(std::string_view line, verdict& out) {
  flow::session_record one;
  if (!take_number(line, one.shard.id) || !take_number(line, one.shard.count) || !take_number(line, one.seq))
    return false;
  auto id = from_hex(take_word(line));
  const auto count = one.shard.count & ~flow::twin_fleet;
  const bool possible =
      one.shard.count < 2 * flow::twin_fleet && count > 0 && count <= 65'535 && one.shard.id < count;
  if (!id || !possible || out.sessions.size() == sessions_max) return false;
  one.session_id = std::move(*id);
  out.sessions.push_back(std::move(one));
  return true;
}

}  // namespace

base::result<verdict> verify(const std::filesystem::path& directory, bool pages) {
  const auto file = directory / "data.mdb";
  std::error_code failure;
  if (!std::filesystem::exists(file, failure))
    return base::fail(errc::unusable, fmt::format("{} holds no journal", directory.string()));
  verdict out;
  const auto judge = [&](const base::error& why) {
    out.sound = false;
    out.found = why.text();
  };
  if (pages) {
    const auto report = check_pages(file, false);
    if (!report) {
      judge(report.error());
      return out;
    }
    if (report->empty) return out;
  }
  if (auto whole = read_all(directory, out); !whole) {
    // What keeps the file from being read at all says nothing about what it holds.
    if (whole.error().code == errc::unusable) return std::unexpected(whole.error());
    judge(whole.error());
  }
  return out;
}

std::string summary(const verdict& of) {
  if (!of.sound) return "damaged: " + of.found;
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
  for (const auto& one : of.book.classes) {
    events += one.events;
    bytes += one.bytes;
  }
  return fmt::format("sound: {} events in {} bytes, newest offset {}, {} guilds, {} sessions", events, bytes,
                     of.book.head, of.guilds, of.sessions.size());
}

std::string told(const verdict& of) {
  std::string out = of.sound ? "sound\n" : "damaged " + hex(of.found.substr(0, text_max)) + '\n';
  for (const auto& one : of.sessions) {
    out += fmt::format("session {} {} {} {}\n", one.shard.id, one.shard.count, one.seq,
                       hex(std::string_view(one.session_id).substr(0, text_max)));
  }
  return out + "end\n";
}

std::optional<verdict> heard(std::string_view text) {
  verdict out;
  bool first = true;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const auto word = take_word(line);
    if (first) {
      out.sound = word == "sound";
      auto found = from_hex(line);
      if ((!out.sound && word != "damaged") || !found) return std::nullopt;
      out.found = std::move(*found);
      first = false;
    } else if (word == "end") {
      return text.empty() ? std::optional(std::move(out)) : std::nullopt;
    } else if (word != "session" || !hear_session(line, out)) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace evergate::journal
