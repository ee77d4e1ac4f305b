// How long the envelope scan takes on a hot message event of about 1.2 KB and on a cold GUILD_CREATE of
// 1 MB, by each variant of the walk. Prints nanoseconds; judges nothing.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "proto/envelope.h"
#include "proto/json_view.h"
#include "proto/json_walk.h"
#include "proto/utf8.h"

namespace {

using evergate::proto::walk_variant;

std::string message_event() {
  return R"({"t":"MESSAGE_CREATE","s":48213,"op":0,"d":{"type":0,"tts":false,"timestamp":"2026-11-23T18:02:11.482000+00:00","pinned":false,"nonce":"1307423458093465600","mentions":[],"mention_roles":[],"mention_everyone":false,"member":{"roles":["613425648685547541","613426354628722689","613426435117252608"],"premium_since":null,"pending":false,"nick":null,"mute":false,"joined_at":"2021-03-14T17:21:43.541000+00:00","flags":2,"deaf":false,"communication_disabled_until":null,"banner":null,"avatar":null},"id":"1307423459381510246","flags":0,"embeds":[],"edited_timestamp":null,"content":"I tried the new build and the cache no longer grows over night, thanks! Still seeing \"unknown interaction\" now and then: https://example.org/logs/2026-11-23/a8f3","components":[],"channel_type":0,"channel_id":"613425648685547545","author":{"username":"someone","public_flags":64,"primary_guild":null,"id":"80351110224678912","global_name":"Some One","display_name_styles":null,"discriminator":"0","collectibles":null,"clan":null,"avatar_decoration_data":null,"avatar":"8342729096ea3675442027381ff50dfe"},"attachments":[],"guild_id":"613425648685547541"}})";
}

std::string guild_event() {
  std::string out = R"({"t":"GUILD_CREATE","s":2,"op":0,"d":{"members":[)";
  while (out.size() < (1u << 20)) {
    out +=
        R"({"user":{"username":"someone","id":"80351110224678912","bot":false},"roles":["613425648685547541"],"nick":null},)";
  }
  out.back() = ']';
  return out + R"(,"id":"613425648685547541"}})";
}

/// The best of many short rounds, so that a busy machine disturbs as little as can be.
template <class Work>
double nanoseconds_each(int rounds, Work work) {
  double best = 1e18;
  for (int attempt = 0; attempt < 3'000; ++attempt) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; ++i) work();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count() / rounds);
  }
  return best;
}

void keep(std::uint64_t value) {
  asm volatile("" : : "r"(value) : "memory");
}

void bench(std::string_view what, const std::string& json, int rounds) {
  fmt::print("{} ({} bytes)\n", what, json.size());
  fmt::print("  scan_envelope  {:8.1f} ns\n",
             nanoseconds_each(rounds, [&] { keep(evergate::proto::scan_envelope(json)->guild); }));
  fmt::print("  valid_utf8     {:8.1f} ns\n",
             nanoseconds_each(rounds, [&] { keep(evergate::proto::valid_utf8(json)); }));
  fmt::print("  skip_value     {:8.1f} ns\n",
             nanoseconds_each(rounds, [&] { keep(evergate::proto::skip_value(json, 0)); }));
  const simdjson::padded_string padded(json);
  simdjson::ondemand::parser parser;
  fmt::print("  simdjson       {:8.1f} ns (on demand, the same fields)\n", nanoseconds_each(rounds, [&] {
               auto document = parser.iterate(padded);
               const auto op = document["op"].get_int64();
               auto payload = document["d"];
               std::string_view guild;
               (void)payload["guild_id"].get(guild);
               keep(static_cast<std::uint64_t>(op.value_unsafe()) + guild.size());
             }));
  const std::size_t d = json.find("\"d\":") + 4;
  for (const auto [variant, name] :
       {std::pair{walk_variant::avx2, "avx2"}, std::pair{walk_variant::sse2, "sse2"},
        std::pair{walk_variant::words, "words"}}) {
    if (!evergate::proto::walk_supported(variant)) continue;
    fmt::print("  walk {:9} {:8.1f} ns\n", name, nanoseconds_each(rounds, [&] {
                 evergate::proto::member_ids ids;
                 keep(evergate::proto::walk_container_with(variant, json, d, 511, &ids));
               }));
  }
}

}  // namespace

int main() {
  bench("MESSAGE_CREATE", message_event(), 100);
  bench("GUILD_CREATE", guild_event(), 1);
}
