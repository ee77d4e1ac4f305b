// The campaign of damage: a small store is damaged in N random places, one at a time, and each time opened,
// read in full and, every fourth time and after damage, written to and read again. Every place must be
// detected or harmless; nothing else than what was written may be shown, and the process must live. Usage:
// journal_flip [--places N] [--seed S] [--first I]
// (--first with --places 1 repeats one). Status 1 when a place was served or ended the process.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include "damage.h"
#include "journal/errc.h"
#include "journal/run_marks.h"
#include "stored_world.h"

namespace {

using namespace evergate::journal;
namespace base = evergate::base;
using namespace evergate::journal::flip;
namespace fs = std::filesystem;

enum class outcome : std::uint32_t { harmless, at_start, when_read, served, crashed };
constexpr std::array outcome_names = {"harmless", "detected at the start", "detected when read", "SERVED",
                                      "ENDED THE PROCESS"};

struct settings {
  std::uint64_t places = 10'000;
  std::uint64_t seed = 1;
  std::uint64_t first = 0;
  unsigned jobs = 2;
};

struct campaign {
  settings with;
  fs::path home;
  std::string bytes;
  std::string older;
  run_marks marks;
  moments at;
  shown truth;
};

// What a worker says: that it begins with a place, then how that went.
struct word {
  std::uint64_t place = 0;
  std::uint32_t done = 0;
  outcome how = outcome::harmless;
  char text[240] = {};
};

struct judgement {
  outcome how = outcome::harmless;
  std::string text;
};

judgement judge(const campaign& all, const fs::path& directory, bool verified, bool write) {
  base::logger quiet(base::log_level::off);
  auto options = roomy(directory);
  std::string error;
  bool holes = false;
  shown news;
  {
    auto made = evergate::journal::journal::open(options, quiet);
    if (!made) {
      const bool known = made.error().code == errc::damaged || made.error().code == errc::unusable;
      return {known ? outcome::at_start : outcome::served, made.error().text()};
    }
    const auto seen = show(**made, all.at, error);
    holes = !error.empty() || (*made)->status().damaged > 0;
    if (auto wrong = difference(all.truth, seen, holes); !wrong.empty()) return {outcome::served, wrong};
    if (holes && verified)
      return {outcome::served, "verification found it whole: " + (*made)->status().last_error};
    if (!write && !holes) return {};
    news = append_news(**made);
  }
  auto again = evergate::journal::journal::open(options, quiet);
  if (!again) return {outcome::served, "after writing: " + again.error().text()};
  const auto seen = show(**again, all.at, error);
  if (auto wrong = difference(all.truth, seen, holes); !wrong.empty())
    return {outcome::served, "after writing: " + wrong};
  for (const auto& [name, text] : news) {
    const auto has = [&](const auto& item) { return item.second.find(text) != std::string::npos; };
    if (std::none_of(seen.begin(), seen.end(), has)) return {outcome::served, name + " is missing"};
  }
  return {holes ? outcome::when_read : outcome::harmless, error};
}

void lay_out(const campaign& all, const fs::path& directory, const std::string& bytes, bool verify) {
  fs::remove(directory / "lock.mdb");
  std::ofstream(directory / "data.mdb", std::ios::binary | std::ios::trunc) << bytes;
  auto marks = all.marks;
  if (verify) {
    marks.clean = false;
    marks.boot = "another";
  }
  if (!marks.save(directory)) std::abort();
}

void work(const campaign& all, unsigned job, std::uint64_t from, int to) {
  const auto directory = all.home / std::to_string(job);
  fs::create_directories(directory);
  if (std::freopen("/dev/null", "w", stderr) == nullptr) std::abort();
  for (auto place = from; place < all.with.first + all.with.places; place += all.with.jobs) {
    word said{.place = place};
    base::rng random(all.with.seed * 1'000'003 + place);
    auto bytes = all.bytes;
    const auto made = damage_at_random(bytes, all.older, random);
    made.what.copy(said.text, sizeof(said.text) - 1);
    if (::write(to, &said, sizeof(said)) != sizeof(said)) return;
    lay_out(all, directory, bytes, made.verify);
    ::alarm(60);  // going round in circles is an end too
    const auto verdict = judge(all, directory, made.verify, place % 4 == 0);
    said.done = 1;
    said.how = verdict.how;
    const auto text = made.what + ": " + verdict.text;
    std::memset(said.text, 0, sizeof(said.text));
    text.copy(said.text, sizeof(said.text) - 1);
    if (::write(to, &said, sizeof(said)) != sizeof(said)) return;
  }
}

struct tally {
  std::array<std::uint64_t, outcome_names.size()> count{};
  void take(const word& said) {
    ++count[static_cast<std::size_t>(said.how)];
    if (said.how == outcome::served || said.how == outcome::crashed)
      fmt::print("place {}: {}: {}\n", said.place, outcome_names[static_cast<std::size_t>(said.how)],
                 said.text);
  }
};

// Runs one worker until it ends; returns the place to go on with.
std::uint64_t run_worker(const campaign& all, unsigned job, std::uint64_t from, tally& sum) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    work(all, job, from, ends[1]);
    ::_exit(0);
  }
  ::close(ends[1]);
  word last;
  bool begun = false;
  for (word said; ::read(ends[0], &said, sizeof(said)) == sizeof(said);) {
    last = said;
    begun = true;
    if (said.done != 0) sum.take(said);
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (begun && last.done == 0) {
    last.how = outcome::crashed;
    sum.take(last);
  }
  if (!begun && status != 0) std::abort();
  return begun ? last.place + all.with.jobs : ~std::uint64_t{0};
}

tally run(const campaign& all) {
  std::vector<int> pipes;
  for (unsigned job = 0; job < all.with.jobs; ++job) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    if (::fork() == 0) {
      tally sum;
      const auto end = all.with.first + all.with.places;
      for (auto place = all.with.first + job; place < end;) place = run_worker(all, job, place, sum);
      std::fflush(stdout);
      const bool told = ::write(ends[1], &sum, sizeof(sum)) == sizeof(sum);
      ::_exit(told ? 0 : 1);
    }
    ::close(ends[1]);
    pipes.push_back(ends[0]);
  }
  tally out;
  for (const int from : pipes) {
    tally part;
    if (::read(from, &part, sizeof(part)) != sizeof(part)) std::abort();
    for (std::size_t i = 0; i < part.count.size(); ++i) out.count[i] += part.count[i];
    ::close(from);
  }
  while (::wait(nullptr) > 0) {
  }
  return out;
}

campaign prepare(const settings& with) {
  campaign all;
  all.with = with;
  std::string name = fs::exists("/dev/shm") ? "/dev/shm/evergate-flip-XXXXXX" : "/tmp/evergate-flip-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  all.home = name;
  const auto whole = all.home / "whole";
  fs::create_directory(whole);
  make_world(whole, all.older);
  std::ifstream file(whole / "data.mdb", std::ios::binary);
  all.bytes.assign(std::istreambuf_iterator<char>(file), {});
  all.marks = run_marks::load(whole);
  base::logger log(base::log_level::error);
  auto made = evergate::journal::journal::open(roomy(whole), log);
  if (!made) {
    fmt::print("the whole store: {}\n", made.error().text());
    std::exit(2);
  }
  all.at = moments_of(**made);
  std::string error;
  all.truth = show(**made, all.at, error);
  fmt::print("{} bytes, {} items shown{}\n", all.bytes.size(), all.truth.size(), error);
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  settings with;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const auto value = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--places") with.places = value;
    if (name == "--seed") with.seed = value;
    if (name == "--first") with.first = value;
    if (name == "--jobs") with.jobs = static_cast<unsigned>(value);
  }
  const auto all = prepare(with);
  std::fflush(stdout);
  const auto sum = run(all);
  fs::remove_all(all.home);
  fmt::print("{} places, seed {}:", with.places, with.seed);
  std::uint64_t judged = 0;
  for (std::size_t i = 0; i < sum.count.size(); ++i) {
    fmt::print("{} {} {}", i == 0 ? "" : ",", sum.count[i], outcome_names[i]);
    judged += sum.count[i];
  }
  fmt::print("\n");
  const bool good = judged == with.places && sum.count[static_cast<std::size_t>(outcome::served)] == 0 &&
                    sum.count[static_cast<std::size_t>(outcome::crashed)] == 0;
  return good ? 0 : 1;
}
