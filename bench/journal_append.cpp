// Microseconds per event of a journal on disk: 1.2 KB events in batches of 64, from one thread, with the ring
// full and evicting. Usage: journal_append DIRECTORY [EVENTS [ROUND_BYTES]]
#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <ctime>
#include <string>
#include <thread>

#include "flow/intake.h"
#include "journal/journal.h"

namespace {

class counter final : public evergate::flow::commit_listener {
 public:
  void on_commit(const std::shared_ptr<const evergate::flow::commit>& done) override {
    head_.store(done->head.value);
    head_.notify_all();
  }
  void on_room() override {}
  void on_stalled(const std::string& why) override { fmt::print(stderr, "stalled: {}\n", why); }
  void wait(std::uint64_t head) {
    for (auto now = head_.load(); now < head; now = head_.load()) head_.wait(now);
  }

 private:
  std::atomic<std::uint64_t> head_{0};
};

double cpu_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

std::unique_ptr<evergate::flow::event_batch> make_batch(std::uint64_t number, const std::string& d) {
  using evergate::proto::event_type;
  auto batch = std::make_unique<evergate::flow::event_batch>();
  for (std::uint64_t i = 0; i < 64; ++i) {
    const auto type = i % 8 == 0   ? event_type::guild_member_update
                      : i % 8 == 1 ? event_type::typing_start
                                   : event_type::message_create;
    auto& row = evergate::flow::append_row(*batch, type, {}, d);
    row.guild = ((number * 64 + i) % 1000 + 1) << 22;
    row.seq = static_cast<std::uint32_t>(number * 64 + i);
  }
  batch->progress.push_back({{0, 1}, static_cast<std::int64_t>(number * 64 + 63)});
  return batch;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: {} DIRECTORY [EVENTS [ROUND_BYTES]]\n", argv[0]);
    return 2;
  }
  const std::uint64_t batches = (argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000) / 64;
  evergate::base::logger log;
  evergate::journal::journal_options options;
  options.directory = argv[1];
  options.max_events = 200'000;
  if (argc > 3) options.round_bytes_max = std::strtoull(argv[3], nullptr, 10);
  auto made = evergate::journal::journal::open(options, log);
  if (!made) {
    fmt::print(stderr, "{}\n", made.error().text());
    return 1;
  }
  auto& journal = **made;
  counter heard;
  journal.start({&heard});
  const std::string d = R"({"content":")" + std::string(1180, 'x') + "\"}";
  const auto head = journal.head().value;
  const auto began = evergate::base::boot_clock::now();
  const double cpu = cpu_seconds();
  for (std::uint64_t i = 0; i < batches; ++i) {
    auto batch = make_batch(i, d);
    while (!journal.append(batch)) std::this_thread::yield();
  }
  heard.wait(head + batches * 64);
  const double wall = static_cast<double>((evergate::base::boot_clock::now() - began).count()) / 1e9;
  const double used = cpu_seconds() - cpu;
  const auto events = static_cast<double>(batches * 64);
  fmt::print("{} events, {} commits: {:.3f} us/event wall, {:.3f} us/event cpu, {:.0f} events/s\n",
             batches * 64, journal.status().commits, wall * 1e6 / events, used * 1e6 / events, events / wall);
  journal.stop();
  return 0;
}
