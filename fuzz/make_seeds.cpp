// make_seeds FOLDER: the seeds that a program has to write.
#include "fuzz/make_seeds.h"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>

#include "base/check.h"
#include "sim/event_mix.h"
#include "sim/world.h"

namespace evergate::fuzz {

void seed_writer::write(std::string_view target, std::string_view name, std::string_view bytes) const {
  const auto folder = root_ / target;
  std::filesystem::create_directories(folder);
  std::ofstream out(folder / name, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  base::check(out.good(), "a seed is written");
}

std::string number(std::uint64_t value, std::size_t bytes) {
  std::string out;
  for (; bytes > 0; --bytes, value >>= 8) out += static_cast<char>(value & 0xff);
  return out;
}

std::string text(std::string_view bytes) {
  return number(bytes.size(), 2) + std::string(bytes);
}

namespace {

/// One of every event of the simulated Discord, as a payload, as an edit and as part of a guild's life.
void write_events(const seed_writer& out) {
  sim::world_options options;
  options.guilds = 10;
  options.members = 2;
  sim::world world(options);
  sim::event_mix mix(world, {.message_bytes = 200}, 1);
  constexpr std::int64_t now_ms = 1'750'000'000'000;
  std::string life;
  const auto note = [&](std::string_view type, const std::string& d) {
    out.write("envelope_scan", fmt::format("sim_{}", type),
              fmt::format(R"({{"t":"{}","s":{},"op":0,"d":{}}})", type, 7, d));
    out.write("json_edit", fmt::format("sim_{}", type), fmt::format("{}\n{}", type, d));
    life += fmt::format("{} {}\n", type, d);
  };
  std::string guild;
  world.write_guild_create(guild, 0, {}, 1, true);
  note("GUILD_CREATE", guild);
  for (const auto type : sim::event_mix::types()) {
    sim::event event;
    if (!mix.make(type, now_ms, event) || event.guild_create) continue;
    note(event.type, event.d);
    out.write("guild_document", fmt::format("sim_{}", event.type),
              fmt::format("GUILD_CREATE {}\n{} {}\n", guild, event.type, event.d));
  }
  out.write("guild_document", "sim_life", life);
}

}  // namespace
}  // namespace evergate::fuzz

int main(int count, char** names) {
  if (count != 2) {
    std::fputs("usage: make_seeds FOLDER\n", stderr);
    return 2;
  }
  const evergate::fuzz::seed_writer out{std::filesystem::path(names[1])};
  evergate::fuzz::write_events(out);
  evergate::fuzz::write_binary_seeds(out);
  return 0;
}
