// The core of a bot's connection under virtual time: the simulation's bots against it, over a journal in
// memory whose writes are durable at once. What tests/simulation does with the whole daemon, in small.
#include "downstream/bot_core.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "bot_check.h"
#include "bot_crowd.h"
#include "bot_gateway.h"
#include "fake_journal.h"

namespace evergate::downstream {
namespace {

using namespace simulation;
using proto::event_type;
using testing::fake_journal;

class silent_fleet final : public flow::command_sink, public flow::fleet_view {
 public:
  bool submit(flow::command) override { return true; }
  std::uint32_t shard_count() const override { return 2; }
  std::uint32_t shards_ready() const override { return 2; }
};

/// One run: bots, a daemon that dies now and then, and a world of messages and interactions.
class bot_run {
 public:
  explicit bot_run(std::uint64_t seed) : chance_(seed) {
    if (std::getenv("EVERGATE_NARRATE") != nullptr) {
      log_.narrate = [this](std::string_view what) {
        fmt::print("{:9.3f} head {} {}\n",
                   std::chrono::duration<double>(time_.now().time_since_epoch()).count(),
                   journal_.head().value, what);
      };
    }
    options_.token = base::secret("MTA.x.y");
    options_.intents = proto::intent::all;
    options_.socket.output_bytes_high = 4'096 + chance_.below(100'000);
    options_.pump_bytes = 500 + chance_.below(20'000);
    options_.heartbeat_interval = base::milliseconds(1'000 + chance_.below(10'000));
    consumer_policy policy;
    if (chance_.chance(0.3)) policy.ack_window = static_cast<std::uint32_t>(200 + chance_.below(300));
    if (chance_.chance(0.3)) policy.on_clean_close = clean_close::acked;
    options_.consumers.fallback = std::make_shared<const consumer_policy>(std::move(policy));
    how_.lanes = static_cast<std::uint32_t>(1 + chance_.below(3));
    how_.manner.token = "MTA.x.y";
    how_.manner.intents = proto::intent::all;
    how_.manner.transport = static_cast<proto::compression>(chance_.below(3));
    how_.manner.compress_payloads = chance_.chance(0.3);
    how_.manner.answers_requests = chance_.chance(0.7);
    how_.manner.answer_delay = base::milliseconds(chance_.below(2) * chance_.below(900));
    how_.wire.buffer_bytes = 2'000 + chance_.below(100'000);
    for (proto::snowflake id = 1; id <= 12; ++id) {
      guilds_.push_back((id * 977) << 22);
      journal_.set_guild(guilds_.back(),
                         fmt::format(R"({{"id":"{}","unavailable":false,"members":[]}})", guilds_.back()));
    }
  }

  bot_verdict run(base::milliseconds trouble) {
    crowd_ = std::make_unique<bot_crowd>(time_, chance_(), how_, log_);
    boot();
    crowd_->start();
    talk();
    if (daemon_dies) arm_kill();
    time_.run_for(trouble);
    calm_ = true;
    crowd_->calm();
    if (!gateway_) boot();
    time_.run_for(base::seconds{90});
    bot_rules rules;
    rules.clean_close_counts = options_.consumers.fallback->on_clean_close == clean_close::sent;
    guild_history there({}, {});
    there.announced({0, 1}, guilds_, {}, {});
    for (const auto id : guilds_) there.stands(id, guild_standing::there, {}, {});
    rules.guilds = &there;
    rules.interactions_within = [](base::instant) { return base::milliseconds{1'500}; };
    auto verdict = check_bots(log_, rows_, rules);
    if (!crowd_->all_live()) verdict.breaches.insert(verdict.breaches.begin(), crowd_->state());
    return verdict;
  }

  void make_guilds_large(std::size_t bytes) {
    for (const auto id : guilds_) {
      journal_.set_guild(
          id, fmt::format(R"({{"id":"{}","unavailable":false,"members":[],"description":"{}"}})", id,
                          std::string(bytes, 'x')));
    }
  }

  bool daemon_dies = true;
  gateway_options options_;
  bot_crowd_options how_;
  bot_log log_;

 private:
  void boot() {
    gateway_ = std::make_unique<bot_gateway>(bot_gateway_parts{time_, options_, journal_, journal_, journal_,
                                                               fleet_, replies_, fleet_, quiet_, log_},
                                             chance_());
    ASSERT_TRUE(gateway_->start());
    crowd_->daemon(gateway_.get());
  }
  void arm_kill() {
    time_.after(base::milliseconds(2'000 + chance_.below(40'000)), [this] {
      if (calm_ || !gateway_) return;
      if (log_.narrate) log_.narrate("the daemon is killed");
      crowd_->daemon(nullptr);
      gateway_.reset();
      log_.daemon_kills.push_back(time_.now());
      time_.after(base::milliseconds(chance_.below(3'000)), [this] {
        if (!gateway_) boot();
      });
      arm_kill();
    });
  }
  void talk() {
    time_.after(base::milliseconds(chance_.below(150)), [this] {
      if (calm_) return;
      const auto burst = chance_.chance(0.05) ? 1 + chance_.below(60) : 1;
      for (std::uint64_t i = 0; i < burst; ++i) say();
      if (gateway_) gateway_->on_commit();
      talk();
    });
  }
  void say() {
    const auto guild = chance_.chance(0.05) ? 0 : guilds_[chance_.below(guilds_.size())];
    const bool interaction = chance_.chance(0.1);  // internal ones are nobody's
    const auto type = interaction ? event_type::interaction_create : event_type::message_create;
    const auto serial = ++serial_;
    const std::string filling(chance_.below(600), 'x');
    const auto made = static_cast<std::uint64_t>(time_.unix_ms() - proto::discord_epoch_ms);
    auto d = fmt::format(R"({{"_serial":{},{}"id":"{}","type":2,"content":"{}"}})", serial,
                         guild == 0 ? "" : fmt::format(R"("guild_id":"{}",)", guild), made << 22, filling);
    const auto flags = chance_.chance(0.03) ? flow::row_flag::internal : std::uint8_t{0};
    const auto at = journal_.add(type, guild, std::move(d), flags);
    rows_.push_back({.offset = at,
                     .type = interaction ? "INTERACTION_CREATE" : "MESSAGE_CREATE",
                     .guild = guild,
                     .serial = serial,
                     .flags = flags,
                     .at = time_.now()});
  }

  base::rng chance_;
  plain_agenda time_;
  fake_journal journal_;
  silent_fleet fleet_;
  flow::reply_table replies_;
  base::logger quiet_{base::log_level::off};
  std::vector<proto::snowflake> guilds_;
  std::vector<journal_row> rows_;
  std::uint64_t serial_ = 0;
  bool calm_ = false;
  std::unique_ptr<bot_crowd> crowd_;
  std::unique_ptr<bot_gateway> gateway_;
};

std::string first_of(const bot_verdict& verdict) {
  std::string out;
  for (std::size_t i = 0; i < std::min<std::size_t>(5, verdict.breaches.size()); ++i) {
    out += verdict.breaches[i] + "\n";
  }
  return out;
}

TEST(BotCoreTest, QuietBotsReceiveEverythingOnce) {
  bot_run one(1);
  one.how_.mischief.pause = base::milliseconds{0};
  one.daemon_dies = false;
  const auto verdict = one.run(base::seconds{30});
  EXPECT_EQ(verdict.breaches.size(), 0u) << first_of(verdict);
  EXPECT_GT(verdict.received, 100u);
  EXPECT_EQ(verdict.redelivered, 0u);
}

// What its wire brings in a heartbeat interval is a seventh of its guilds.
TEST(BotCoreTest, ABotBehindANarrowWireHasItsAnswersInTimeAndItsGuildsOnce) {
  bot_run one(1);
  one.how_.mischief.pause = base::milliseconds{0};
  one.daemon_dies = false;
  one.how_.lanes = 1;
  one.how_.manner.transport = proto::compression::none;
  one.how_.manner.compress_payloads = false;
  one.how_.wire = {
      .latency_min = base::milliseconds{20}, .latency_max = base::milliseconds{60}, .buffer_bytes = 4'096};
  one.options_.heartbeat_interval = base::seconds{2};
  one.options_.socket.output_bytes_high = 1024 * 1024;
  one.options_.pump_bytes = 256 * 1024;
  one.make_guilds_large(60'000);
  const auto verdict = one.run(base::seconds{30});
  EXPECT_EQ(verdict.breaches.size(), 0u) << first_of(verdict);
  EXPECT_EQ(one.log_.identifies, 1u) << "it took no connection for a dead one";
  EXPECT_EQ(verdict.redelivered, 0u);
}

TEST(BotCoreTest, MischiefLosesAndDoublesNothing) {
  std::uint64_t received = 0;
  std::uint64_t resumes = 0;
  // EVERGATE_BOT_SEEDS=FROM-TO runs others, EVERGATE_NARRATE=1 says what befalls the bots.
  unsigned from = 1;
  unsigned to = 12;
  if (const char* seeds = std::getenv("EVERGATE_BOT_SEEDS")) std::sscanf(seeds, "%u-%u", &from, &to);
  for (std::uint64_t seed = from; seed <= to; ++seed) {
    bot_run one(seed);
    const auto verdict = one.run(base::seconds{90});
    ASSERT_EQ(verdict.breaches.size(), 0u) << "seed " << seed << ": " << first_of(verdict);
    received += verdict.received;
    resumes += one.log_.resumes;
  }
  EXPECT_GT(received, 1'000u);
  EXPECT_GT(resumes, 10u);
}

}  // namespace
}  // namespace evergate::downstream
