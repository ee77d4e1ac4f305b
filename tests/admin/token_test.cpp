#include "admin/token.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace evergate::admin {
namespace {

class TokenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "evergate-token-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    file_ = std::filesystem::path(pattern) / "deep" / "admin.token";
  }
  void TearDown() override { std::filesystem::remove_all(file_.parent_path().parent_path()); }
  void write(const std::string& text, ::mode_t mode) {
    std::filesystem::create_directories(file_.parent_path());
    std::ofstream(file_) << text;
    ::chmod(file_.c_str(), mode);
  }
  std::filesystem::path file_;
};

TEST_F(TokenTest, IsMadeOnceForItsOwnerOnly) {
  const auto made = read_or_make_token(file_);
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(made->reveal().size(), 64u);
  struct stat about{};
  ASSERT_EQ(::stat(file_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  EXPECT_EQ(read_or_make_token(file_)->reveal(), made->reveal());
  EXPECT_EQ(read_token(file_)->reveal(), made->reveal());
  std::filesystem::remove(file_);
  EXPECT_NE(read_or_make_token(file_)->reveal(), made->reveal());
}

TEST_F(TokenTest, WhatOthersMayReadOrGuessIsRefused) {
  EXPECT_FALSE(read_token(file_)) << "there is none";
  write("0123456789abcdef\n", 0640);
  ASSERT_FALSE(read_or_make_token(file_));
  EXPECT_NE(read_or_make_token(file_).error().text().find("0600"), std::string::npos);
  EXPECT_EQ(read_token(file_).error().text().find("0123456789abcdef"), std::string::npos);
  write("0123456789abcdef\n", 0600);
  EXPECT_EQ(read_token(file_)->reveal(), "0123456789abcdef");
  write("short\n", 0600);
  EXPECT_FALSE(read_token(file_));
}

}  // namespace
}  // namespace evergate::admin
