#include "network.h"

#include <gtest/gtest.h>

#include <string>

namespace evergate::simulation {
namespace {

using std::chrono::milliseconds;

struct receiver final : link_end {
  void on_bytes(link_id, std::string_view bytes) override { heard += bytes; }
  void on_end(link_id, bool) override { ended = true; }
  std::string heard;
  bool ended = false;
};

struct host final : listener {
  link_end* accept(link_id, const std::string&) override { return &end; }
  receiver end;
};

class NetworkTest : public testing::Test {
 protected:
  void SetUp() override {
    link_ = net_.dial(client_, server_, "");
    run_for(milliseconds(100));
  }
  void run_for(base::nanoseconds span) {
    bool over = false;
    timeline_.in(span, "over", [&over] { over = true; });
    while (!over) ASSERT_TRUE(time_.step());
  }
  void say(std::string_view text) { net_.send(link_, side::server, text); }

  trace log_{false};
  virtual_time time_{log_};
  timeline timeline_{time_};
  network net_{time_, log_, {}, 1};
  receiver client_;
  host server_;
  link_id link_ = 0;
};

// Seed 1286: what came in the second stall overtook what had come in the first.
TEST_F(NetworkTest, AStallThatIsProlongedKeepsTheOrder) {
  net_.stall(link_, milliseconds(1'000));
  say("a");
  run_for(milliseconds(500));
  net_.stall(link_, milliseconds(1'000));
  say("b");
  run_for(milliseconds(600));
  EXPECT_EQ(client_.heard, "");
  say("c");
  run_for(milliseconds(1'000));
  EXPECT_EQ(client_.heard, "abc");
}

TEST_F(NetworkTest, TheEndWaitsForTheStallToo) {
  net_.stall(link_, milliseconds(1'000));
  say("a");
  net_.shut(link_, side::server);
  run_for(milliseconds(500));
  EXPECT_FALSE(client_.ended);
  run_for(milliseconds(600));
  EXPECT_EQ(client_.heard, "a");
  EXPECT_TRUE(client_.ended);
}

// Seed 373: presences came too close together when the lag of the earlier ones had ended.
TEST_F(NetworkTest, TheEndOfALagDisturbsForAsLongAsItWas) {
  base::nanoseconds told{0};
  net_.on_disturbed = [&](link_id, base::instant from, base::instant until) { told = until - from; };
  net_.lag(link_, milliseconds(3'000));
  EXPECT_EQ(told, milliseconds(3'000));
  net_.lag(link_, milliseconds(20));
  EXPECT_EQ(told, milliseconds(3'000));
  told = {};
  net_.heal();
  EXPECT_EQ(told, milliseconds(20));
  told = {};
  net_.heal();
  EXPECT_EQ(told, base::nanoseconds{0}) << "there was none any more";
}

TEST_F(NetworkTest, AResetOvertakesAStall) {
  net_.stall(link_, milliseconds(1'000));
  say("a");
  net_.reset(link_);
  run_for(milliseconds(500));
  EXPECT_TRUE(client_.ended);
  run_for(milliseconds(1'000));
  EXPECT_EQ(client_.heard, "");
}

}  // namespace
}  // namespace evergate::simulation
