#include "proto/envelope.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <string>

#include "guarded_page.h"
#include "json_generator.h"
#include "proto/errc.h"

namespace evergate::proto {
namespace {

using simdjson::dom::element;

/// The id in a DOM value, by the rules of envelope.h.
snowflake id_in(simdjson::simdjson_result<element> value) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return 0;
  return parse_snowflake(text).value_or(0);
}

/// Compares a scan with what simdjson makes of a document that it takes for valid.
void expect_agrees(std::string_view json, element root) {
  const auto scanned = scan_envelope(json);
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS) {
    EXPECT_FALSE(scanned) << json;
    return;
  }
  if (!scanned) {
    // Only the meaning of op, s and t may be refused in well-formed JSON.
    std::int64_t number = 0;
    std::string_view name;
    const auto is_bad_number = [&](const char* key, bool null_allowed) {
      element value;
      if (object.at_key(key).get(value) != simdjson::SUCCESS) return false;
      if (null_allowed && value.is_null()) return false;
      return value.get(number) != simdjson::SUCCESS || number < 0 || (!null_allowed && number > INT32_MAX);
    };
    element t;
    const bool bad_name =
        object.at_key("t").get(t) == simdjson::SUCCESS && !t.is_null() &&
        (t.get(name) != simdjson::SUCCESS || name.size() > 64 || json.find('\\') != json.npos ||
         std::ranges::any_of(name, [](char c) { return c < 0x20 || c > 0x7e; }));
    EXPECT_TRUE(is_bad_number("op", false) || is_bad_number("s", true) || bad_name)
        << scanned.error().text() << "\n"
        << json;
    return;
  }
  std::int64_t number = 0;
  EXPECT_EQ(scanned->op, object.at_key("op").get(number) == simdjson::SUCCESS ? number : -1) << json;
  EXPECT_EQ(scanned->s, object.at_key("s").get(number) == simdjson::SUCCESS ? number : -1) << json;
  std::string_view name;
  if (object.at_key("t").get(name) != simdjson::SUCCESS) name = {};
  EXPECT_EQ(scanned->t, name) << json;
  element d;
  if (object.at_key("d").get(d) != simdjson::SUCCESS) {
    EXPECT_TRUE(scanned->d.empty()) << json;
    return;
  }
  simdjson::dom::parser second;
  element d_again;
  ASSERT_EQ(second.parse(simdjson::padded_string(scanned->d)).get(d_again), simdjson::SUCCESS) << json;
  EXPECT_EQ(simdjson::minify(d), simdjson::minify(d_again));
  EXPECT_EQ(scanned->id, id_in(d["id"])) << json;
  EXPECT_EQ(scanned->channel, id_in(d["channel_id"])) << json;
  snowflake guild = 0;
  switch (info_of(scanned->type).place) {
    case guild_place::none:
      break;
    case guild_place::guild:
      guild = id_in(d["guild_id"]);
      break;
    case guild_place::id:
      guild = id_in(d["id"]);
      break;
    case guild_place::meta: {
      // Here, off the hot path, a bare number passes for an id too.
      guild = id_in(d["meta"]["guild_id"]);
      std::uint64_t bare = 0;
      if (d["meta"]["guild_id"].get(bare) == simdjson::SUCCESS) guild = bare;
      break;
    }
  }
  EXPECT_EQ(scanned->guild, guild) << json;
}

TEST(envelope, reads_a_message) {
  const std::string d =
      R"({"content":"a \"guild_id\":\"1\" {[","message_snapshots":[{"message":{"guild_id":"5"}}],"id":"1307423459381510246","channel_id":"22","guild_id":"18446744073709551615"})";
  const std::string json = R"({"t":"MESSAGE_CREATE","s":7,"op":0,"d":)" + d + "}";
  const auto scanned = scan_envelope(json);
  ASSERT_TRUE(scanned) << scanned.error().text();
  EXPECT_EQ(scanned->op, 0);
  EXPECT_EQ(scanned->s, 7);
  EXPECT_EQ(scanned->t, "MESSAGE_CREATE");
  EXPECT_EQ(scanned->type, event_type::message_create);
  EXPECT_EQ(scanned->d, d);
  EXPECT_EQ(scanned->id, 1307423459381510246u);
  EXPECT_EQ(scanned->channel, 22u);
  EXPECT_EQ(scanned->guild, 18446744073709551615u);
}

TEST(envelope, takes_the_guild_from_the_place_of_the_event) {
  const auto guild_of = [](std::string_view t, std::string_view d) {
    const std::string json =
        R"({"op":0,"d":)" + std::string(d) + R"(,"t":")" + std::string(t) + R"(","s":1})";
    return scan_envelope(json)->guild;
  };
  EXPECT_EQ(guild_of("GUILD_CREATE", R"({"channels":[{"guild_id":"9","id":"8"}],"id":"3"})"), 3u);
  EXPECT_EQ(guild_of("GUILD_UPDATE", R"({"guild_id":"4","id":"3"})"), 3u);
  EXPECT_EQ(guild_of("ENTITLEMENT_CREATE", R"({"guild_id":"4"})"), 0u);
  EXPECT_EQ(guild_of("RATE_LIMITED", R"({"guild_id":"4","meta":{"x":{"guild_id":"6"},"guild_id":"5"}})"), 5u);
  EXPECT_EQ(guild_of("SOMETHING_NEW", R"({"guild_id":"4"})"), 4u);
  EXPECT_EQ(guild_of("MESSAGE_CREATE", R"({"referenced_message":{"guild_id":"4"}})"), 0u);
  EXPECT_EQ(guild_of("MESSAGE_CREATE", R"({"guild_id":null})"), 0u);
  EXPECT_EQ(guild_of("MESSAGE_CREATE", R"({"guild_id":"18446744073709551616"})"), 0u);
  EXPECT_EQ(guild_of("MESSAGE_CREATE", R"({"guild_id":"12a"})"), 0u);
  EXPECT_EQ(guild_of("MESSAGE_CREATE", R"({"guild_id":""})"), 0u);
  EXPECT_EQ(guild_of("MESSAGE_CREATE", R"({"a":"guild_id","b":"1","guild_id":"2","guild_id":"3"})"), 2u);
  EXPECT_EQ(guild_of("MESSAGE_CREATE", R"(["guild_id"])"), 0u);
}

TEST(envelope, takes_payloads_without_an_event) {
  const auto hello = scan_envelope(R"({"t":null,"s":null,"op":10,"d":{"heartbeat_interval":41250}})");
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->op, 10);
  EXPECT_EQ(hello->s, -1);
  EXPECT_TRUE(hello->t.empty());
  EXPECT_EQ(hello->d, R"({"heartbeat_interval":41250})");
  EXPECT_EQ(scan_envelope(R"({"op":9,"d":false})")->d, "false");
  EXPECT_EQ(scan_envelope(R"({"op":11})")->d, "");
  EXPECT_EQ(scan_envelope("{}")->op, -1);
}

TEST(envelope, refuses_what_is_no_envelope) {
  const std::string long_name(65, 'A');
  const std::string deep = R"({"d":)" + std::string(512, '[') + std::string(512, ']') + "}";
  const std::string cases[] = {"",
                               " ",
                               "[]",
                               "null",
                               "{",
                               R"({"op":0)",
                               R"({"op":0}x)",
                               R"({"op":"0"})",
                               R"({"op":1.5})",
                               R"({"op":-1})",
                               R"({"op":01})",
                               R"({"op":null})",
                               R"({"op":99999999999})",
                               R"({"s":"1"})",
                               R"({"s":-5})",
                               R"({"s":true})",
                               R"({"t":5})",
                               R"({"t":"A\u0041"})",
                               R"({"t":"A)",
                               "{\"t\":\"A\n\"}",
                               "{\"t\":\"\xff\"}",
                               R"({"t":")" + long_name + R"("})",
                               R"({"d":{)",
                               R"({"d":{"a":"})",
                               R"({"d":{]})",
                               R"({"d":[}})",
                               R"({"d":})",
                               R"({"d" {}})",
                               R"({"d":{},})",
                               R"({,"d":{}})",
                               R"({d:{}})",
                               R"({"d":{}"op":0})",
                               R"({"d":{\"a":1}})",
                               deep};
  for (const std::string& json : cases) {
    const auto scanned = scan_envelope(json);
    ASSERT_FALSE(scanned) << json;
    EXPECT_EQ(scanned.error().code, errc::bad_json) << json;
    EXPECT_FALSE(scanned.error().detail.empty());
  }
  const std::string deepest = R"({"d":)" + std::string(511, '[') + std::string(511, ']') + "}";
  EXPECT_TRUE(scan_envelope(deepest));
}

TEST(envelope, agrees_with_simdjson_on_generated_documents) {
  test::json_generator generator(1);
  simdjson::dom::parser parser;
  for (int i = 0; i < 20'000; ++i) {
    const std::string json = generator.envelope();
    element root;
    ASSERT_EQ(parser.parse(json).get(root), simdjson::SUCCESS) << json;
    ASSERT_TRUE(scan_envelope(json)) << json;
    expect_agrees(json, root);
    if (HasFailure()) return;
  }
}

TEST(envelope, never_refuses_what_simdjson_takes_after_mutation) {
  test::json_generator generator(2);
  simdjson::dom::parser parser;
  static constexpr char alphabet[] = "\"\\{}[]:, d0nul\x80\xc3\x00";
  int still_valid = 0;
  for (int i = 0; i < 40'000; ++i) {
    std::string json = generator.envelope();
    base::rng& rng = generator.rng();
    for (auto n = 1 + rng.below(3); n > 0 && !json.empty(); --n) {
      const auto at = static_cast<std::size_t>(rng.below(json.size()));
      const char c = alphabet[rng.below(sizeof(alphabet) - 1)];
      switch (rng.below(4)) {
        case 0:
          json[at] = c;
          break;
        case 1:
          json.erase(at, 1 + rng.below(3));
          break;
        case 2:
          json.insert(at, 1, c);
          break;
        default:
          if (rng.chance(0.3)) json.resize(at);
          break;
      }
    }
    element root;
    if (parser.parse(json).get(root) != simdjson::SUCCESS) {
      (void)scan_envelope(json);  // must only survive it
      continue;
    }
    ++still_valid;
    expect_agrees(json, root);
    if (HasFailure()) return;
  }
  EXPECT_GT(still_valid, 2'000);
}

TEST(envelope, never_reads_outside_its_view) {
  test::json_generator generator(3);
  test::guarded_page page(std::size_t{1} << 16);
  for (int i = 0; i < 300; ++i) {
    std::string json = generator.envelope();
    if (json.size() > 3'000) json.resize(3'000);
    for (std::size_t cut = 0; cut <= json.size(); cut += 1 + cut / 40) {
      const std::string_view text = std::string_view(json).substr(0, cut);
      const auto at_end = scan_envelope(page.at_end(text));
      const auto at_begin = scan_envelope(page.at_begin(text));
      ASSERT_EQ(at_end.has_value(), at_begin.has_value()) << text;
    }
  }
}

TEST(envelope, survives_random_bytes) {
  base::rng rng(4);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = R"({"d":{)";
    for (auto n = rng.below(300); n > 0; --n) bytes += static_cast<char>(rng.below(256));
    if (const auto scanned = scan_envelope(bytes)) {
      EXPECT_LE(scanned->d.size(), bytes.size());
    }
  }
}

}  // namespace
}  // namespace evergate::proto
