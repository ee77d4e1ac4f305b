#include "proto/close_code.h"

#include <gtest/gtest.h>

namespace evergate::proto {
namespace {

TEST(CloseCode, EveryDocumentedCodeHasItsVerdict) {
  using enum close_verdict;
  const std::pair<int, close_verdict> rows[] = {
      {1000, resume},   {1001, resume},   {1005, resume},       {1006, resume},      {4000, resume},
      {4001, resume},   {4002, resume},   {4003, identify},     {4004, fatal},       {4005, identify},
      {4006, identify}, {4007, identify}, {4008, resume_later}, {4009, resume_once}, {4010, fatal},
      {4011, fatal},    {4012, fatal},    {4013, fatal},        {4014, fatal},
  };
  for (const auto& [code, verdict] : rows) {
    const auto meaning = meaning_of_close(static_cast<std::uint16_t>(code));
    EXPECT_EQ(meaning.verdict, verdict) << code;
    EXPECT_EQ(meaning.code, code);
    EXPECT_FALSE(meaning.meaning.empty()) << code;
  }
}

TEST(CloseCode, UnknownCodesTryResume) {
  for (const int code : {0, 1011, 3000, 4015, 4999, 65535}) {
    EXPECT_EQ(meaning_of_close(static_cast<std::uint16_t>(code)).verdict, close_verdict::resume) << code;
  }
}

}  // namespace
}  // namespace evergate::proto
