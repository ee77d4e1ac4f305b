// evergate-replay: one connection's stream through the daemon's own classes, in one thread and without
// sockets, or through the floor (the same frames and inflation, and one copy). Made for counting
// instructions: what is counted happens inside of evergate_counted_path and evergate_counted_keeper, which
// callgrind is told to watch (instructions.py). Prints a line of JSON that says what was done.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstring>
#include <filesystem>
#include <string>

#include "bench/replay/daemon.h"
#include "bench/replay/stream.h"
#include "journal/lmdb_store.h"
#include "proto/compression.h"

namespace evergate::bench {
namespace {

constexpr std::size_t piece_bytes = 64 * 1024;  // what a read finds received

class floor_path {
 public:
  explicit floor_path(proto::compression kind)
      : decoder_(net::ws_role::client, {.check_utf8 = false}), inflater_(proto::inflater::make(kind)) {}

  void receive(std::string_view bytes) {
    const auto room = decoder_.prepare(bytes.size());
    std::memcpy(room.data(), bytes.data(), bytes.size());
    decoder_.commit(bytes.size());
  }
  void turn() {
    net::ws_decoder::item item;
    while (decoder_.next(item) == net::ws_decoder::outcome::item) {
      const auto payload = inflater_->feed(item.payload);
      if (!payload) std::exit(1);
      output_ += *payload;
      ++messages_;
    }
  }
  void keep() {}
  [[nodiscard]] bool read() {
    output_.clear();
    return true;
  }
  [[nodiscard]] std::uint64_t delivered() const noexcept { return messages_; }
  [[nodiscard]] static std::uint64_t versions() noexcept { return 0; }

 private:
  net::ws_decoder decoder_;
  std::unique_ptr<proto::inflater> inflater_;
  std::string output_;
  std::uint64_t messages_ = 0;
};

template <class Path, class Turn, class Keep>
void replay(Path& over, std::string_view bytes, Turn&& turn, Keep&& keep) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece_bytes, bytes.size()))) {
    over.receive(bytes.substr(0, piece_bytes));
    turn();
    keep();
    if (!over.read()) {
      fmt::print(stderr, "evergate-replay: the session was ended\n");
      std::exit(1);
    }
  }
}

}  // namespace
}  // namespace evergate::bench

// Names that callgrind can be given: neither inlined nor made into several.
extern "C" {
[[gnu::noinline, clang::optnone]] void evergate_counted_path(void (*work)(void*), void* on) {
  work(on);
}
[[gnu::noinline, clang::optnone]] void evergate_counted_keeper(void (*work)(void*), void* on) {
  work(on);
}
}

namespace {

using namespace evergate;

struct outcome {
  std::uint64_t delivered = 0;
  std::uint64_t versions = 0;
};

template <class Path>
outcome counted(Path& over, const bench::stream& from) {
  bench::replay(over, from.warm(), [&over] { over.turn(); }, [&over] { over.keep(); });
  const outcome before{over.delivered(), over.versions()};
  bench::replay(
      over, from.counted(),
      [&over] { evergate_counted_path([](void* on) { static_cast<Path*>(on)->turn(); }, &over); },
      [&over] { evergate_counted_keeper([](void* on) { static_cast<Path*>(on)->keep(); }, &over); });
  return {over.delivered() - before.delivered, over.versions() - before.versions};
}

void tell(const bench::stream& from, const outcome& what) {
  fmt::print("{{\"events\":{},\"delivered\":{},\"versions\":{}}}\n", from.counted_events, what.delivered,
             what.versions);
}

int run_daemon(const bench::stream& from, proto::compression kind, const std::string& directory) {
  std::filesystem::create_directories(directory);
  auto store = journal::lmdb_store::open(directory, {});
  if (!store) {
    fmt::print(stderr, "evergate-replay: {}: {}\n", directory, store.error().text());
    return 1;
  }
  bench::replay_daemon daemon(std::move(*store), kind);
  bench::replay(daemon, from.setup(), [&daemon] { daemon.turn(); }, [&daemon] { daemon.keep(); });
  if (!daemon.connect_bot()) {
    fmt::print(stderr, "evergate-replay: the bot was not served\n");
    return 1;
  }
  tell(from, counted(daemon, from));
  return 0;
}

int run_floor(const bench::stream& from, proto::compression kind) {
  bench::floor_path floor(kind);
  bench::replay(floor, from.setup(), [&floor] { floor.turn(); }, [] {});
  tell(from, counted(floor, from));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"A recorded stream through the daemon's path of an event, or through the floor."};
  std::string make;
  std::string stream_file;
  std::string over = "daemon";
  std::string directory = "replay-store";
  bench::stream_options options;
  options.codec = "zstd-stream";
  options.warm = 10'000;
  options.counted = 20'000;
  app.add_option("--make", make, "write a stream into this file, and end");
  app.add_option("--codec", options.codec, "zstd-stream, zlib-stream or none")->capture_default_str();
  app.add_option("--warm", options.warm, "events before those counted")->capture_default_str();
  app.add_option("--events", options.counted, "events counted")->capture_default_str();
  app.add_option("--guilds", options.guilds)->capture_default_str();
  app.add_option("--seed", options.seed)->capture_default_str();
  app.add_option("--stream", stream_file, "a file that --make wrote");
  app.add_option("--over", over, "daemon or floor")->capture_default_str();
  app.add_option("--directory", directory, "where the daemon's store is made")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (options.codec == "none") options.codec.clear();
  if (!make.empty()) return bench::write_stream(bench::make_stream(options), make) ? 0 : 1;
  const auto from = bench::read_stream(stream_file);
  const auto kind = proto::compression_of(options.codec);
  if (!from || !kind) {
    fmt::print(stderr, "evergate-replay: no stream in '{}', or an unknown codec\n", stream_file);
    return 2;
  }
  return over == "floor" ? run_floor(*from, *kind) : run_daemon(*from, *kind, directory);
}
