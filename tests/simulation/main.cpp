// evergate-simulate: runs seeds and says which of them fail.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/seeded_bug.h"
#include "run.h"

namespace evergate::base {
bug planted_bug = bug::none;
}

namespace evergate::simulation {
namespace {

constexpr std::string_view usage = R"(usage: evergate-simulate [OPTION...]
  --seeds FROM-TO     run these seeds (default 1-100)
  --seed N            run one; --trace prints all that happens
  --derive TEXT       run --count N seeds made from TEXT, for example a commit id
  --bug NAME          plant a bug: split_transaction, received_seq, replay_off_by_one, cursor_ahead,
                      stale_inflate, early_ready; with --reshard cut_by_clock, cut_owes_nothing, told_past_held
  --jobs N            processes (default 1)
  --list FILE         run the seeds named in FILE, one a line, with reshardings if --reshard follows; # begins
                      a comment
  --expect-failure    stop at the first seed that fails, and call that a success
  --no-bots           leave the bots out
  --reshard           with reshardings in every seed
  --twice             run every seed twice and compare the traces (otherwise each sixteenth)
)";

struct wishes {
  std::vector<std::uint64_t> seeds;
  std::set<std::uint64_t> with_reshardings;  ///< of these, though not all are to have some
  std::string derive;
  std::uint64_t count = 500;
  std::string bug;
  unsigned jobs = 1;
  bool print = false;
  bool twice = false;
  bool bots = true;
  bool reshard = false;
  bool expect_failure = false;
};

struct tally {
  std::uint64_t seeds = 0;
  std::uint64_t failed = 0;
  std::uint64_t steps = 0;
  std::uint64_t dispatches = 0;
  std::uint64_t gaps = 0;
  std::uint64_t lost_with_record = 0;
  std::uint64_t lives = 0;
  std::uint64_t received = 0;
  std::uint64_t redelivered = 0;
  std::uint64_t given_up = 0;
  std::uint64_t answers = 0;
  std::uint64_t interactions = 0;
  std::uint64_t interactions_spent = 0;
  std::uint64_t reshardings = 0;
  std::uint64_t guild_moves = 0;
  std::uint64_t unaligned = 0;
  std::uint64_t came_back = 0;
  double virtual_seconds = 0;

  void add(const tally& other) noexcept {
    seeds += other.seeds;
    failed += other.failed;
    steps += other.steps;
    dispatches += other.dispatches;
    gaps += other.gaps;
    lost_with_record += other.lost_with_record;
    lives += other.lives;
    received += other.received;
    redelivered += other.redelivered;
    given_up += other.given_up;
    answers += other.answers;
    interactions += other.interactions;
    interactions_spent += other.interactions_spent;
    reshardings += other.reshardings;
    guild_moves += other.guild_moves;
    unaligned += other.unaligned;
    came_back += other.came_back;
    virtual_seconds += other.virtual_seconds;
  }
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

bool add_range(std::string_view text, wishes& out) {
  const auto dash = text.find('-');
  const auto from = number(text.substr(0, dash));
  const auto to = dash == std::string_view::npos ? from : number(text.substr(dash + 1));
  if (!from || !to || *to < *from) return false;
  for (auto seed = *from; seed <= *to; ++seed) out.seeds.push_back(seed);
  return true;
}

bool add_list(const std::string& path, wishes& out) {
  std::ifstream file(path);
  if (!file) return false;
  for (std::string line; std::getline(file, line);) {
    const auto text = std::string_view(line).substr(0, line.find_first_of(" #"));
    if (text.empty()) continue;
    if (!add_range(text, out)) return false;
    if (std::string_view(line).substr(text.size()).starts_with(" --reshard")) {
      out.with_reshardings.insert(out.seeds.back());
    }
  }
  return true;
}

bool choose_bug(std::string_view name) {
  static constexpr std::string_view names[] = {
      "none",          "split_transaction", "received_seq", "replay_off_by_one", "cursor_ahead",
      "stale_inflate", "early_ready",       "cut_by_clock", "cut_owes_nothing",  "told_past_held"};
  const auto found = std::ranges::find(names, name);
  if (found == std::end(names)) return false;
  base::planted_bug = static_cast<base::bug>(found - std::begin(names));
  return true;
}

bool take_option(std::string_view name, std::string_view value, wishes& out) {
  const auto n = number(value);
  if (name == "--seeds") return add_range(value, out);
  if (name == "--seed") return n && add_range(value, out);
  if (name == "--list") return add_list(std::string(value), out);
  if (name == "--derive") return !(out.derive = value).empty();
  if (name == "--bug") return choose_bug(out.bug = value);
  if (!n) return false;
  if (name == "--count") out.count = *n;
  if (name == "--jobs") out.jobs = static_cast<unsigned>(std::clamp<std::uint64_t>(*n, 1, 64));
  return name == "--count" || name == "--jobs";
}

bool parse(int argc, char** argv, wishes& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--trace") {
      out.print = true;
    } else if (name == "--twice") {
      out.twice = true;
    } else if (name == "--expect-failure") {
      out.expect_failure = true;
    } else if (name == "--no-bots") {
      out.bots = false;
    } else if (name == "--reshard") {
      out.reshard = true;
    } else if (i + 1 >= argc || !take_option(name, argv[++i], out)) {
      return false;
    }
  }
  if (!out.derive.empty()) {
    std::uint64_t state = 0xcbf29ce484222325ULL;
    for (const char c : out.derive) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    base::rng chance(state);
    for (std::uint64_t i = 0; i < out.count; ++i) out.seeds.push_back(chance() >> 16);
  }
  if (out.seeds.empty()) add_range("1-100", out);
  return true;
}

bool reshards(const wishes& w, std::uint64_t seed) {
  return w.reshard || w.with_reshardings.contains(seed);
}

std::string more_options(const wishes& w, std::uint64_t seed) {
  return (reshards(w, seed) ? std::string(" --reshard") : std::string()) +
         (w.bug.empty() ? "" : " --bug " + w.bug);
}

void report(const wishes& w, std::uint64_t seed, const std::vector<std::string>& findings) {
  for (const auto& what : findings) fmt::print("seed {}: {}\n", seed, what);
  fmt::print("reproduce: evergate-simulate --seed {} --trace{}\n", seed, more_options(w, seed));
  std::fflush(stdout);
}

void run_one(const wishes& w, std::uint64_t seed, bool twice, tally& total) {
  auto result = run_seed(seed, {w.print, w.bots, reshards(w, seed)});
  if (twice) {
    const auto again = run_seed(seed, {false, w.bots, reshards(w, seed)});
    if (again.hash != result.hash) result.findings.push_back("two runs of this seed differ");
  }
  ++total.seeds;
  total.steps += result.steps;
  total.dispatches += result.dispatches;
  total.gaps += result.gaps;
  total.lost_with_record += result.lost_with_record;
  total.lives += result.daemon_lives;
  total.received += result.received;
  total.redelivered += result.redelivered;
  total.given_up += result.given_up;
  total.answers += result.answers;
  total.interactions += result.interactions;
  total.interactions_spent += result.interactions_spent;
  total.reshardings += result.reshardings;
  total.guild_moves += result.guild_moves;
  total.unaligned += result.unaligned;
  total.came_back += result.came_back;
  total.virtual_seconds += result.virtual_seconds;
  if (w.print) fmt::print("trace {:016x}\n", result.hash);
  if (result.findings.empty()) return;
  ++total.failed;
  report(w, seed, result.findings);
}

/// A worker takes every jobs-th seed. It tells its parent which seed it is at, so that a crash has a name and
/// another worker goes on behind it.
struct progress {
  std::size_t at = 0;
  bool last = false;
  tally total;
};

void work(const wishes& w, std::size_t first, int to) {
  progress now;
  const auto tell = [&] {
    if (::write(to, &now, sizeof now) != sizeof now) ::_exit(2);
  };
  for (std::size_t i = first; i < w.seeds.size(); i += w.jobs) {
    now.at = i;
    tell();
    run_one(w, w.seeds[i], w.twice || (i % 16 == 0 && !w.print), now.total);
    if (w.expect_failure && now.total.failed > 0) break;
  }
  now.last = true;
  tell();
}

struct worker {
  pid_t id = 0;
  int from = -1;
};

worker start_worker(const wishes& w, std::size_t first) {
  int ends[2];
  if (::pipe(ends) != 0) std::exit(2);
  std::fflush(stdout);
  const auto id = ::fork();
  if (id == 0) {
    ::close(ends[0]);
    work(w, first, ends[1]);
    std::fflush(stdout);
    ::_exit(0);
  }
  ::close(ends[1]);
  return {id, ends[0]};
}

tally watch(const wishes& w, worker one) {
  tally total;
  for (;;) {
    progress now;
    progress next;
    while (::read(one.from, &next, sizeof next) == sizeof next) now = next;
    ::close(one.from);
    int status = 0;
    ::waitpid(one.id, &status, 0);
    total.add(now.total);
    if (now.last) return total;
    ++total.failed;
    ++total.seeds;
    report(w, w.seeds[now.at],
           {fmt::format("the process died ({})", WIFSIGNALED(status) ? WTERMSIG(status) : status)});
    if (w.expect_failure) return total;
    one = start_worker(w, now.at + w.jobs);
  }
}

tally run_all(const wishes& w) {
  std::vector<worker> workers;
  for (unsigned i = 0; i < w.jobs; ++i) workers.push_back(start_worker(w, i));
  tally total;
  for (const auto& one : workers) total.add(watch(w, one));
  return total;
}

}  // namespace
}  // namespace evergate::simulation

int main(int argc, char** argv) {
  using namespace evergate::simulation;
  wishes w;
  if (!parse(argc, argv, w)) {
    fmt::print(stderr, "{}", usage);
    return 2;
  }
  const auto began = std::chrono::steady_clock::now();
  const auto total = run_all(w);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - began;
  fmt::print(
      "simulation: {} seeds, {} failed, {} events, virtual {:.0f} s, wall {:.1f} s ({} dispatches, {} of "
      "them lost behind {} gaps, {} had by bots, {} of them again, {} given up without room, {} answers, {} "
      "daemon "
      "lives; {} interactions had, {} spent)\n",
      total.seeds, total.failed, total.steps, total.virtual_seconds, wall.count(), total.dispatches,
      total.lost_with_record, total.gaps, total.received, total.redelivered, total.given_up, total.answers,
      total.lives, total.interactions, total.interactions_spent);
  if (total.reshardings > 0) {
    fmt::print(
        "reshardings: {} brought to their end, {} guilds moved, {} of them with a GAP, {} came back "
        "meanwhile\n",
        total.reshardings, total.guild_moves, total.unaligned, total.came_back);
  }
  return (total.failed > 0) == w.expect_failure ? 0 : 1;
}
