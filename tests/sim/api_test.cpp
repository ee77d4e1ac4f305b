// The REST and control APIs without sockets, and the encoders.
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "recorded_gateway.h"
#include "sim/control_api.h"
#include "sim/frame_encoder.h"
#include "sim/rest_api.h"

namespace evergate::sim {
namespace {

using nlohmann::json;

struct apis {
  recorded_gateway g;
  rest_api rest{g.core};
  control_api control{g.core, rest};

  http_reply call(std::string_view method, std::string_view path, std::string_view body = {},
                  bool token = true) {
    const std::string authorization = token ? std::string("Bot ") + default_token : "Bot x";
    return rest.handle(method, path, authorization, body, g.now);
  }
  control_api::outcome ask(std::string_view method, std::string_view path, std::string_view body = {},
                           std::map<std::string, std::string> query = {}) {
    return control.handle({method, path,
                           [&](std::string_view name) -> std::optional<std::string> {
                             const auto at = query.find(std::string(name));
                             if (at == query.end()) return std::nullopt;
                             return at->second;
                           },
                           body},
                          g.now);
  }
  json told(std::string_view path, std::map<std::string, std::string> query = {}) {
    return json::parse(std::get<http_reply>(ask("GET", path, {}, std::move(query))).body);
  }
  unsigned status(std::string_view path, std::string_view body) {
    const auto outcome = ask("POST", path, body);
    const auto* reply = std::get_if<http_reply>(&outcome);
    return reply == nullptr ? 0 : reply->status;
  }
};

TEST(rest_api, gateway_bot_needs_the_token) {
  apis a;
  EXPECT_EQ(a.call("GET", "/api/v10/gateway/bot", {}, false).status, 401U);
  const json bot = json::parse(a.call("GET", "/api/v10/gateway/bot").body);
  EXPECT_EQ(bot["shards"], 1);
  EXPECT_EQ(bot["session_start_limit"]["max_concurrency"], 16);
  EXPECT_EQ(bot["session_start_limit"]["remaining"], 1000);
  EXPECT_EQ(a.call("GET", "/api/v9/gateway", {}, false).status, 200U);
  EXPECT_EQ(a.rest.handle("GET", "/api/v10/users/@me", default_token, {}, a.g.now).status,
            401U);  // no "Bot "
}

TEST(rest_api, messages_are_dispatched_and_interactions_recorded) {
  apis a;
  const auto id = a.g.identify();
  a.g.backfill();
  const std::string channel = std::to_string(a.g.core.world().touch(2).system_channel);
  const json message =
      json::parse(a.call("POST", "/api/v10/channels/" + channel + "/messages", R"({"content":"hé"})").body);
  EXPECT_EQ(message["content"], "hé");
  EXPECT_EQ(a.g.last_sent(id)["t"], "MESSAGE_CREATE");
  EXPECT_EQ(a.g.last_sent(id)["d"]["id"], message["id"]);
  EXPECT_EQ(a.call("POST", "/api/v10/interactions/1/tok/callback", R"({"type":4})", false).status, 204U);
  EXPECT_EQ(a.call("POST", "/api/v10/channels/5/messages", "{}").status, 404U);
  EXPECT_EQ(a.call("POST", "/api/v10/channels/x/messages", "{}").status, 400U);
  EXPECT_EQ(a.call("POST", "/api/v10/channels/" + channel + "/messages", "nonsense").status, 400U);
  EXPECT_EQ(a.call("PUT", "/api/v10/applications/1/commands", R"([{"name":"ping"}])").status, 200U);
  EXPECT_EQ(a.call("PUT", "/api/v10/applications/1/commands", "{}").status, 400U);
  EXPECT_EQ(a.call("GET", "/api/v10/no/such").status, 404U);
  EXPECT_EQ(a.call("GET", "/").status, 404U);
  const json recorded = a.told("/control/rest");
  EXPECT_EQ(recorded["routes"]["POST interactions/*/*/callback"], 1);
  EXPECT_EQ(recorded["calls"].size(), a.rest.calls());
}

TEST(control_api, judges_its_commands) {
  apis a;
  EXPECT_EQ(a.status("/control/rate", R"({"events_per_second":500})"), 200U);
  EXPECT_EQ(a.g.core.rate(), 500);
  EXPECT_EQ(a.status("/control/rate", R"({"events_per_second":-1})"), 400U);
  EXPECT_EQ(a.status("/control/rate", "{"), 400U);
  EXPECT_EQ(a.status("/control/emit", R"({"count":"1"})"), 400U);
  EXPECT_EQ(a.status("/control/emit", R"({"count":1,"type":"NO"})"), 400U);
  EXPECT_EQ(a.status("/control/emit", R"({"count":5})"), 0U);  // a job for the shell
  EXPECT_EQ(a.status("/control/nonsense", ""), 404U);
  EXPECT_EQ(a.status("/elsewhere", ""), 404U);
  EXPECT_EQ(a.status("/control/compare", "[]"), 400U);
  EXPECT_EQ(a.status("/control/compare", R"({"id":"1"})"), 404U);
  EXPECT_TRUE(std::holds_alternative<quit_wish>(a.ask("POST", "/control/quit")));
  EXPECT_EQ(std::get<http_reply>(a.ask("DELETE", "/control/status")).status, 405U);
}

TEST(control_api, rate_makes_that_many_events) {
  apis a;
  EXPECT_EQ(a.status("/control/rate", R"({"events_per_second":2000})"), 200U);
  for (int i = 0; i < 200; ++i) a.g.pass(5);
  EXPECT_NEAR(static_cast<double>(a.g.core.counters().events), 2000, 2);
  EXPECT_EQ(a.status("/control/pause", "{}"), 200U);
  const auto before = a.g.core.counters().events;
  a.g.pass(1000);
  EXPECT_EQ(a.g.core.counters().events, before);
}

TEST(control_api, tells_status_guilds_and_truth) {
  apis a;
  const auto id = a.g.identify(1, 2);
  a.g.backfill();
  const json status = a.told("/control/status");
  EXPECT_EQ(status["sessions"].size(), 1U);
  EXPECT_EQ(status["sessions"][0]["shard"], 1);
  EXPECT_EQ(status["sessions"][0]["state"], "ready");
  EXPECT_EQ(status["identifies"], 1);
  EXPECT_EQ(status["violations"], 0);
  const json guilds = a.told("/control/guilds", {{"shard", "1"}, {"count", "2"}});
  EXPECT_EQ(guilds.size(), a.g.dispatches(id).size() - 1);
  const std::string path = "/control/guild/" + guilds[0]["id"].get<std::string>();
  const json truth = a.told(path);
  const auto same = a.ask("POST", "/control/compare", truth.dump());
  EXPECT_EQ(json::parse(std::get<http_reply>(same).body)["equal"], true);
  json wrong = truth;
  wrong["name"] = "x";
  const auto other = a.ask("POST", "/control/compare", wrong.dump());
  EXPECT_EQ(json::parse(std::get<http_reply>(other).body)["differences"].size(), 1U);
  EXPECT_EQ(a.told(path, {{"intents", "1"}})["presences"].size(), 0U);
  EXPECT_EQ(std::get<http_reply>(a.ask("GET", "/control/guild/77")).status, 404U);
  EXPECT_EQ(a.told("/control/user")["id"], "1100000000000000001");
  a.g.say(id, {{"op", 99}});
  EXPECT_EQ(a.told("/control/violations")[0]["kind"], "bad_opcode");
}

TEST(frame_encoder, each_message_of_a_stream_can_be_read_on_its_own_arrival) {
  const std::string big(200'000, 'x');
  const std::vector<std::string> payloads{"{\"a\":1}", big, "{\"b\":2}"};
  auto zlib = frame_encoder::make("zlib-stream");
  z_stream in{};
  ASSERT_EQ(inflateInit(&in), Z_OK);
  auto zstd = frame_encoder::make("zstd-stream");
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> reader(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  for (const auto& payload : payloads) {
    const std::string_view view = payload;
    std::string message;
    zlib->encode(view.substr(0, 3), view.substr(3), {}, message);
    EXPECT_TRUE(message.ends_with(std::string("\x00\x00\xff\xff", 4)));
    std::string out(300'000, '\0');
    in.next_in = reinterpret_cast<Bytef*>(message.data());
    in.avail_in = static_cast<uInt>(message.size());
    in.next_out = reinterpret_cast<Bytef*>(out.data());
    in.avail_out = static_cast<uInt>(out.size());
    ASSERT_EQ(inflate(&in, Z_SYNC_FLUSH), Z_OK);
    EXPECT_EQ(out.substr(0, out.size() - in.avail_out), payload);
    message.clear();
    zstd->encode(view, {}, {}, message);
    ZSTD_inBuffer from{message.data(), message.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    while (from.pos < from.size) ASSERT_FALSE(ZSTD_isError(ZSTD_decompressStream(reader.get(), &to, &from)));
    EXPECT_EQ(out.substr(0, to.pos), payload);
  }
  inflateEnd(&in);
  EXPECT_EQ(frame_encoder::make("brotli"), nullptr);
}

}  // namespace
}  // namespace evergate::sim
