#include "app/configuration.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "app/option_table.h"

namespace evergate::app {
namespace {

using variables = std::map<std::string, std::string>;

environment from(variables values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

class configuration : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "evergate-config-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name) << text;
    return directory_ / name;
  }

  base::result<gateway_options> load(const std::string& toml,
                                     variables env = {{"DISCORD_TOKEN", "abc.def.ghi"}}) {
    return load_configuration(write("evergate.toml", toml), from(std::move(env)));
  }

  std::string problem(const std::string& toml, variables env = {{"DISCORD_TOKEN", "abc.def.ghi"}}) {
    auto loaded = load(toml, std::move(env));
    return loaded ? "accepted" : loaded.error().text();
  }

  std::filesystem::path directory_;
};

TEST_F(configuration, defaults_need_only_a_token) {
  const auto loaded = load("");
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(loaded->token, "abc.def.ghi");
  EXPECT_EQ(loaded->listen.port, 7878);
  EXPECT_EQ(loaded->discord.compression, transport_compression::zstd_stream);
}

TEST_F(configuration, every_kind_of_value_is_read) {
  const auto loaded = load(R"(
intents = ["guilds", "guild_messages"]
data_dir = "/somewhere"
workers = 3
[listen]
port = 1234
allow_plain_remote = true
address = "0.0.0.0"
[discord]
compression = "none"
payload_bytes_max = "2MiB"
[queue]
max_age = "2h"
tick = "250us"
max_bytes = 33554432
[downstream]
heartbeat_interval = "1500ms"
)");
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(loaded->intents, 1u | 512u);
  EXPECT_EQ(loaded->data_dir, "/somewhere");
  EXPECT_EQ(loaded->workers, 3u);
  EXPECT_EQ(loaded->listen.port, 1234);
  EXPECT_EQ(loaded->discord.compression, transport_compression::none);
  EXPECT_EQ(loaded->discord.payload_bytes_max, 2u << 20);
  EXPECT_EQ(loaded->queue.max_age, std::chrono::hours(2));
  EXPECT_EQ(loaded->queue.tick, std::chrono::microseconds(250));
  EXPECT_EQ(loaded->queue.max_bytes, 33554432u);
  EXPECT_EQ(loaded->downstream.heartbeat_interval, std::chrono::milliseconds(1500));
}

TEST_F(configuration, an_unknown_key_is_named_with_its_line_and_a_neighbour) {
  const auto text = problem("[listen]\nprot = 1\n");
  EXPECT_NE(text.find("listen.prot"), std::string::npos) << text;
  EXPECT_NE(text.find("line 2"), std::string::npos) << text;
  EXPECT_NE(text.find("did you mean listen.port?"), std::string::npos) << text;
}

TEST_F(configuration, a_bad_value_is_named_with_what_is_allowed) {
  const std::map<std::string, std::vector<std::string>> cases{
      {"[listen]\nport = 70000", {"listen.port = 70000", "0 to 65535"}},
      {"[listen]\nport = \"x\"", {"listen.port = \"x\"", "an integer"}},
      {"[listen]\naddress = \"localhost\"", {"listen.address", "numeric"}},
      {"[listen]\naddress = \"0.0.0.0\"", {"listen.address", "loopback", "allow_plain_remote"}},
      {"[listen]\ntls_certificate = \"x.pem\"", {"listen.tls_key"}},
      {"[listen]\npublic_url = \"http://x\"", {"listen.public_url", "ws://"}},
      {"[discord]\ncompression = \"gzip\"", {"discord.compression = \"gzip\"", "\"zstd-stream\""}},
      {"[discord]\nrest = \"discord.com\"", {"discord.rest", "https://"}},
      {"intents = 262144", {"intents = 262144", "53608447"}},
      {"intents = [\"guild\"]", {"intents = \"guild\"", "intent names"}},
      {"[queue]\nmax_age = \"2 hours\"", {"queue.max_age = \"2 hours\"", "a duration"}},
      {"[queue]\nmax_bytes = \"1KiB\"", {"queue.max_bytes = \"1KiB\"", "16MiB"}},
      {"[shards]\ntotal = 2\nlast = 2", {"shards.last = 2", "below shards.total"}},
      {"[shards]\nfirst = 3\nlast = 2", {"shards.first = 3"}},
      {"[reshard]\nthreshold = 40\nfill = 40", {"reshard.fill = 40", "below reshard.threshold"}},
      {"workers = 257", {"workers = 257", "0 to 256"}},
      {"workers = 1.5", {"workers"}},
      {"workers = [1]", {"workers"}},
      {"workers =", {"line 1"}},
  };
  for (const auto& [toml, parts] : cases) {
    const auto text = problem(toml);
    for (const auto& part : parts) EXPECT_NE(text.find(part), std::string::npos) << toml << " -> " << text;
  }
}

TEST_F(configuration, the_environment_overrides_the_file_and_is_judged_too) {
  const auto loaded =
      load("[listen]\nport = 1", {{"DISCORD_TOKEN", "Bot a.b.c"}, {"EVERGATE_LISTEN_PORT", "2"}});
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(loaded->listen.port, 2);
  EXPECT_EQ(loaded->token, "a.b.c");
  const auto text = problem("", {{"DISCORD_TOKEN", "a"}, {"EVERGATE_QUEUE_STORAGE", "tape"}});
  EXPECT_NE(text.find("EVERGATE_QUEUE_STORAGE"), std::string::npos) << text;
  EXPECT_NE(text.find("\"disk\""), std::string::npos) << text;
}

TEST_F(configuration, a_token_of_digits_is_text_and_a_number_in_its_place_is_not_shown) {
  const auto loaded = load(
      "",
      {{"DISCORD_TOKEN", "a.b.c"}, {"EVERGATE_ADMIN_TOKEN", "8374658293847561"}, {"EVERGATE_WORKERS", "3"}});
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(loaded->admin.token, "8374658293847561");
  EXPECT_EQ(loaded->workers, 3U);
  const auto text = problem("[admin]\ntoken = 8374658293847561\n");
  EXPECT_NE(text.find("admin.token"), std::string::npos) << text;
  EXPECT_EQ(text.find("8374658293847561"), std::string::npos) << text;
  const auto wrong = problem("", {{"DISCORD_TOKEN", "a"}, {"EVERGATE_WORKERS", "-1"}});
  EXPECT_NE(wrong.find("workers = -1"), std::string::npos) << wrong;
}

TEST(option_table, an_inherited_socket_follows_the_rule_of_the_address) {
  listen_settings listen;
  EXPECT_TRUE(judge_inherited(listen, "127.0.0.1"));
  EXPECT_TRUE(judge_inherited(listen, "::1"));
  for (const auto* open : {"0.0.0.0", "::", "192.0.2.1", ""})
    EXPECT_FALSE(judge_inherited(listen, open)) << open;
  listen.allow_plain_remote = true;
  EXPECT_TRUE(judge_inherited(listen, "::"));
}

TEST_F(configuration, the_token_comes_from_a_file_and_never_shows_in_errors) {
  const auto path = write("token", "secret.token.value\n");
  const auto loaded = load("token_file = \"" + path.string() + "\"", {});
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(loaded->token, "secret.token.value");
  EXPECT_NE(problem("", {}).find("DISCORD_TOKEN"), std::string::npos);
  const auto bad = problem("token = \"secret value\"", {});
  EXPECT_EQ(bad.find("secret"), std::string::npos) << bad;
}

TEST_F(configuration, a_file_that_cannot_be_read_is_named) {
  const auto loaded = load_configuration(directory_ / "missing.toml", from({}));
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().text().find("missing.toml"), std::string::npos);
}

TEST_F(configuration, a_consumer_begins_with_the_general_options) {
  const auto loaded = load(R"(
[downstream]
ack_window = 7
close_grace = "2s"
[consumers.main]
ack_window = 9
[consumers.staging]
read_only = true
events.deny = ["TYPING_START"]
guilds.allow = [12, "34"]
intents = ["guilds"]
start = 2026-11-25T08:00:00Z
acknowledge = "explicit"
)");
  ASSERT_TRUE(loaded) << loaded.error().text();
  ASSERT_EQ(loaded->consumers.size(), 2u);
  const auto& staging = loaded->consumers.at("staging");
  EXPECT_EQ(loaded->consumers.at("main").ack_window, 9u);
  EXPECT_EQ(staging.ack_window, 7u);
  EXPECT_EQ(staging.close_grace, std::chrono::seconds(2));
  EXPECT_EQ(staging.events_deny, std::vector<std::string>{"TYPING_START"});
  EXPECT_EQ(staging.guilds_allow, (std::vector<std::uint64_t>{12, 34}));
  EXPECT_EQ(staging.intents, 1u);
  EXPECT_EQ(staging.start, (start_position{start_position::kind::time, 1'795'593'600'000}));
  EXPECT_EQ(staging.acknowledge, acknowledgement::explicit_only);
  EXPECT_TRUE(staging.read_only);
  EXPECT_FALSE(loaded->consumers.at("main").read_only);
}

TEST_F(configuration, the_environment_overrides_a_consumer) {
  const auto loaded = load("[consumers.my-bot_2]\nread_only = false",
                           {{"DISCORD_TOKEN", "a"},
                            {"EVERGATE_CONSUMERS_MY_BOT_2_READ_ONLY", "true"},
                            {"EVERGATE_CONSUMERS_MY_BOT_2_EVENTS_DENY", "TYPING_START, PRESENCE_UPDATE"},
                            {"EVERGATE_CONSUMERS_MAIN_START", "earliest"},
                            {"EVERGATE_CONSUMERS_UNLISTED", "refuse"}});
  ASSERT_TRUE(loaded) << loaded.error().text();
  const auto& bot = loaded->consumers.at("my-bot_2");
  EXPECT_TRUE(bot.read_only);
  EXPECT_EQ(bot.events_deny, (std::vector<std::string>{"TYPING_START", "PRESENCE_UPDATE"}));
  EXPECT_EQ(loaded->consumers.at("main").start.what, start_position::kind::earliest);
  EXPECT_FALSE(loaded->downstream.unlisted_consumers);
  EXPECT_NE(problem("", {{"DISCORD_TOKEN", "a"}, {"EVERGATE_CONSUMERS_MAIN_ACK_WINDOW", "0"}})
                .find("EVERGATE_CONSUMERS_MAIN_ACK_WINDOW: consumers.main.ack_window = 0"),
            std::string::npos);
}

TEST_F(configuration, what_is_wrong_with_a_consumer_is_named) {
  const std::map<std::string, std::vector<std::string>> cases{
      {"[consumers.x]\nack_windov = 1",
       {"consumers.x.ack_windov (line 2)", "did you mean consumers.x.ack_window?"}},
      {"[consumers.x]\nack_window = 0", {"line 2", "consumers.x.ack_window = 0", "1 to 16777216"}},
      {"[consumers.x.events]\ndeny = [\"GUILD_CREATE\"]", {"consumers.x.events.deny = \"GUILD_CREATE\""}},
      {"[consumers.x]\nevents.allow = [\"typing\"]", {"consumers.x.events.allow = \"typing\""}},
      {"[consumers.x]\nguilds.deny = [\"-1\"]", {"consumers.x.guilds.deny = \"-1\"", "guild ids"}},
      {"[consumers.x]\nintents = 262144", {"consumers.x.intents = 262144"}},
      {"[consumers.x]\nstart = \"yesterday\"", {"consumers.x.start = \"yesterday\"", "earliest"}},
      {"[consumers.Main]\nack_window = 1", {"consumers.Main", "a-z"}},
      {"[consumers]\nunlisted = \"maybe\"", {"consumers.unlisted = \"maybe\"", "\"refuse\""}},
  };
  for (const auto& [toml, parts] : cases) {
    const auto text = problem(toml);
    for (const auto& part : parts) EXPECT_NE(text.find(part), std::string::npos) << toml << " -> " << text;
  }
}

TEST(option_table, rows_judge_what_a_program_filled_in) {
  gateway_options options;
  options.token = "a.b.c";
  EXPECT_TRUE(judge_options(options)) << judge_options(options).error().text();
  options.downstream.consumer.ack_window = 0;
  ASSERT_FALSE(judge_options(options));
  EXPECT_NE(judge_options(options).error().text().find("downstream.ack_window = 0"), std::string::npos);
}

TEST(option_table, the_document_holds_the_table_as_it_is) {
  std::ifstream in(EVERGATE_SOURCE_DIR "/docs/configuration.md");
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_NE(text.str().find(option_table_markdown()), std::string::npos)
      << "docs/configuration.md must hold the output of `evergate options`";
}

TEST(units, durations_and_sizes) {
  using namespace std::chrono_literals;
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("250"), 250ms);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("-1s"), std::nullopt);
  EXPECT_EQ(parse_duration("1 s"), std::nullopt);
  EXPECT_EQ(parse_duration("99999999999999999999s"), std::nullopt);
  EXPECT_EQ(parse_size("64MiB"), 64u << 20);
  EXPECT_EQ(parse_size("18446744073709551615GiB"), std::nullopt);
  EXPECT_EQ(parse_size("MiB"), std::nullopt);
}

}  // namespace
}  // namespace evergate::app
