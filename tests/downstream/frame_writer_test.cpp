#include "downstream/frame_writer.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "downstream/frames.h"
#include "frames_read.h"

namespace evergate::downstream {
namespace {

using testing::frames_in;

const std::string first_event = R"({"t":"A","s":1,"op":0,"d":{"x":1}})";
const std::string second_event = R"({"t":"B","s":2147483647,"op":0,"d":[]})";

TEST(FrameWriterTest, PlainIsText) {
  frame_writer writer(proto::compression::none);
  std::string out;
  writer.dispatch("A", 1, R"({"x":1})", out);
  writer.dispatch("B", 2147483647, "[]", out);
  writer.control(frames::heartbeat_ack, out);
  const auto got = frames_in(out);
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[0].kind, net::ws_opcode::text);
  EXPECT_EQ(got[0].payload, first_event);
  EXPECT_EQ(got[1].payload, second_event);
  EXPECT_EQ(got[2].payload, frames::heartbeat_ack);
}

class FrameWriterTransport : public ::testing::TestWithParam<proto::compression> {};

TEST_P(FrameWriterTransport, OneBinaryMessageAPayload) {
  frame_writer writer(GetParam());
  writer.compress_payloads(true);  // ignored under transport compression
  std::string out;
  writer.control(frames::heartbeat_ack, out);
  writer.dispatch("A", 1, R"({"x":1})", out);
  const std::string big(3 * 1024 * 1024, 'x');
  writer.dispatch("BIG", 2, '"' + big + '"', out);
  writer.dispatch("B", 2147483647, "[]", out);
  const auto got = frames_in(out);
  ASSERT_EQ(got.size(), 4u);
  const auto inflate =
      proto::inflater::make(GetParam(), {.payload_bytes_max = 64 << 20, .ratio_max = 1'000'000});
  std::vector<std::string> payloads;
  for (const auto& one : got) {
    EXPECT_EQ(one.kind, net::ws_opcode::binary);
    const auto payload = inflate->feed(one.payload);
    ASSERT_TRUE(payload) << payload.error().text();
    payloads.emplace_back(*payload);
  }
  EXPECT_EQ(payloads[0], frames::heartbeat_ack);
  EXPECT_EQ(payloads[1], first_event);
  EXPECT_EQ(payloads[2].size(), big.size() + 31);
  EXPECT_EQ(payloads[3], second_event);
}

INSTANTIATE_TEST_SUITE_P(All, FrameWriterTransport,
                         ::testing::Values(proto::compression::zlib_stream, proto::compression::zstd_stream));

TEST(FrameWriterTest, CompressedPayloadsAreBlobsOfTheirOwn) {
  frame_writer writer(proto::compression::none);
  writer.compress_payloads(true);
  std::string out;
  writer.dispatch("A", 1, R"({"x":1})", out);
  writer.dispatch("B", 2147483647, "[]", out);
  const auto got = frames_in(out);
  ASSERT_EQ(got.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(got[i].kind, net::ws_opcode::binary);
    EXPECT_EQ(got[i].payload[0], 0x78);
    std::string text(1024, '\0');
    uLongf size = text.size();
    ASSERT_EQ(::uncompress(reinterpret_cast<Bytef*>(text.data()), &size,
                           reinterpret_cast<const Bytef*>(got[i].payload.data()), got[i].payload.size()),
              Z_OK);
    EXPECT_EQ(text.substr(0, size), i == 0 ? first_event : second_event);
  }
}

}  // namespace
}  // namespace evergate::downstream
