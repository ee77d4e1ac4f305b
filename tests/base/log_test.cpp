#include "base/log.h"

#include <gtest/gtest.h>

namespace evergate::base {
namespace {

std::string written(log_level level, log_format format, void (*use)(logger&)) {
  ::testing::internal::CaptureStderr();
  {
    logger log(level, format);
    use(log);
  }
  return ::testing::internal::GetCapturedStderr();
}

TEST(logger, text_has_the_event_and_its_fields_quoted_where_needed) {
  const auto line = written(log_level::info, log_format::text, [](logger& log) {
    log.info("shard.ready", {{"shard", 3u}, {"state", "a b"}, {"ok", true}, {"seq", -1}, {"plain", "x"}});
  });
  EXPECT_NE(line.find("info  shard.ready shard=3 state=\"a b\" ok=true seq=-1 plain=x\n"), std::string::npos)
      << line;
}

TEST(logger, json_escapes_what_would_break_the_line) {
  const auto line = written(log_level::info, log_format::json,
                            [](logger& log) { log.warn("x", {{"text", "quote\" slash\\ line\n"}}); });
  EXPECT_NE(line.find(R"("level":"warn","event":"x","text":"quote\" slash\\ line\u000a"})"),
            std::string::npos)
      << line;
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << "one event, one line";
}

TEST(logger, below_its_level_it_writes_nothing) {
  EXPECT_EQ(written(log_level::warn, log_format::text, [](logger& log) { log.info("quiet"); }), "");
  EXPECT_EQ(written(log_level::off, log_format::text, [](logger& log) { log.error("quiet"); }), "");
}

}  // namespace
}  // namespace evergate::base
