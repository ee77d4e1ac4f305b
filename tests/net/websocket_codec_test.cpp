#include "net/websocket_codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/rng.h"

namespace evergate::net {
namespace {

struct got {
  ws_opcode opcode;
  std::string payload;
  bool operator==(const got&) const = default;
};

struct outcome {
  std::vector<got> items;
  std::uint16_t violation = 0;
  bool operator==(const outcome&) const = default;
};

/// Feeds `bytes` in pieces of the sizes `next_size` gives.
template <class NextSize>
outcome decode(ws_role role, std::string_view bytes, NextSize next_size, ws_limits limits = {}) {
  ws_decoder decoder(role, limits);
  outcome out;
  while (!bytes.empty()) {
    const auto size = std::min<std::size_t>(bytes.size(), next_size());
    std::memcpy(decoder.prepare(size).data(), bytes.data(), size);
    decoder.commit(size);
    bytes.remove_prefix(size);
    ws_decoder::item item;
    for (;;) {
      const auto step = decoder.next(item);
      if (step == ws_decoder::outcome::need_more) break;
      if (step == ws_decoder::outcome::violation) {
        out.violation = decoder.violation().close_code;
        return out;
      }
      out.items.push_back({item.opcode, std::string(item.payload)});
    }
  }
  return out;
}

outcome decode_whole(ws_role role, std::string_view bytes, ws_limits limits = {}) {
  return decode(role, bytes, [&] { return bytes.size(); }, limits);
}

/// One frame by hand: opcode byte, then mask and length as a peer of `role`'s decoder writes them.
std::string frame(unsigned first, std::string_view payload, bool masked = false) {
  std::string out;
  append_frame(out, masked ? ws_role::client : ws_role::server, ws_opcode::text, payload, 0x01020304);
  out[0] = static_cast<char>(first);
  return out;
}

constexpr unsigned fin = 0x80;

std::string random_message(base::rng& random) {
  static constexpr std::size_t sizes[] = {0, 1, 7, 8, 125, 126, 1000, 65535, 65536, 70000};
  std::string out(sizes[random.below(std::size(sizes))], ' ');
  for (auto& c : out) c = static_cast<char>(' ' + random.below(95));
  return out;
}

TEST(websocket_codec_test, what_is_appended_is_decoded_in_both_roles) {
  for (const auto sender : {ws_role::client, ws_role::server}) {
    const auto receiver = sender == ws_role::client ? ws_role::server : ws_role::client;
    base::rng random(1);
    for (int round = 0; round < 200; ++round) {
      std::string bytes;
      outcome expected;
      for (auto n = random.below(6) + 1; n > 0; --n) {
        const bool ping = random.chance(0.2);
        const auto payload = ping ? std::string("ping") : random_message(random);
        const auto opcode = ping ? ws_opcode::ping : random.chance(0.5) ? ws_opcode::text : ws_opcode::binary;
        append_frame(bytes, sender, opcode, payload, static_cast<std::uint32_t>(random()));
        expected.items.push_back({opcode, payload});
      }
      EXPECT_EQ(decode(receiver, bytes, [&] { return random.below(40'000) + 1; }), expected);
    }
  }
}

TEST(websocket_codec_test, every_split_gives_the_same) {
  std::string bytes = frame(1, "frag", true) + frame(fin | 9, "ping", true) + frame(0, "", true) +
                      frame(fin | 0, "mented", true) + frame(fin | 2, std::string(300, 'b'), true) +
                      frame(fin | 8, close_payload(4000, "bye"), true);
  const outcome expected{{{ws_opcode::ping, "ping"},
                          {ws_opcode::text, "fragmented"},
                          {ws_opcode::binary, std::string(300, 'b')},
                          {ws_opcode::close, close_payload(4000, "bye")}},
                         0};
  EXPECT_EQ(decode(ws_role::server, bytes, [] { return 1; }), expected);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    bool first = true;
    const auto sizes = [&] { return std::exchange(first, false) ? cut : bytes.size(); };
    ASSERT_EQ(decode(ws_role::server, bytes, sizes), expected) << "cut at " << cut;
  }
}

TEST(websocket_codec_test, violations_have_the_right_code) {
  const auto huge_length = [](std::uint64_t length) {
    std::string out("\x82\x7f", 2);
    for (int i = 7; i >= 0; --i) out += static_cast<char>(length >> (8 * i));
    return out;
  };
  const std::pair<std::string, std::uint16_t> table[] = {
      {frame(fin | 0x40 | 1, "rsv1"), 1002},
      {frame(fin | 0x20 | 1, "rsv2"), 1002},
      {frame(fin | 0x10 | 1, "rsv3"), 1002},
      {frame(fin | 3, "reserved"), 1002},
      {frame(fin | 11, "reserved"), 1002},
      {frame(fin | 0, "lone continuation"), 1002},
      {frame(1, "a") + frame(fin | 1, "b"), 1002},
      {frame(9, "fragmented ping"), 1002},
      {frame(fin | 9, std::string(126, 'x')), 1002},
      {frame(fin | 1, "masked", true), 1002},
      {frame(fin | 1, "\xff\xfe"), 1007},
      {frame(1, "\xe2\x82") + frame(fin | 0, "x"), 1007},
      {frame(fin | 8, "x"), 1002},
      {frame(fin | 8, std::string("\x03\xed", 2)), 1002},  // 1005
      {frame(fin | 8, std::string("\x03\xe7", 2)), 1002},  // 999
      {frame(fin | 8, std::string("\x07\xd0", 2)), 1002},  // 2000
      {frame(fin | 8, std::string("\x03\xe8\xff", 3)), 1007},
      {std::string("\x81\x7e\x00\x05hello", 9), 1002},  // length not shortest
      {huge_length(65535), 1002},
      {huge_length(std::uint64_t{1} << 63), 1002},
      {huge_length((std::uint64_t{1} << 63) - 1), 1009},
      {huge_length((std::uint64_t{64} << 20) + 1), 1009},
  };
  for (const auto& [bytes, code] : table) {
    EXPECT_EQ(decode_whole(ws_role::client, bytes).violation, code)
        << ::testing::PrintToString(bytes.substr(0, 20));
    EXPECT_EQ(decode(ws_role::client, bytes, [] { return 1; }).violation, code);
  }
  EXPECT_EQ(decode_whole(ws_role::server, frame(fin | 1, "unmasked")).violation, 1002);
}

TEST(websocket_codec_test, a_violation_stays) {
  ws_decoder decoder(ws_role::client, {});
  const auto bad = frame(fin | 3, "") + frame(fin | 1, "fine");
  std::memcpy(decoder.prepare(bad.size()).data(), bad.data(), bad.size());
  decoder.commit(bad.size());
  ws_decoder::item item;
  EXPECT_EQ(decoder.next(item), ws_decoder::outcome::violation);
  EXPECT_EQ(decoder.next(item), ws_decoder::outcome::violation);
}

TEST(websocket_codec_test, text_that_a_code_point_splits_over_fragments_is_fine) {
  const auto bytes = frame(1, "\xe2\x82") + frame(fin | 0, "\xac");
  EXPECT_EQ(decode_whole(ws_role::client, bytes).items,
            (std::vector<got>{{ws_opcode::text, "\xe2\x82\xac"}}));
}

TEST(websocket_codec_test, utf8_is_let_through_when_not_checked) {
  EXPECT_EQ(decode_whole(ws_role::client, frame(fin | 1, "\xff"), {.check_utf8 = false}).items.size(), 1U);
}

TEST(websocket_codec_test, fragments_are_bounded_by_bytes_and_by_number) {
  const ws_limits limits{.message_bytes_max = 100, .fragments_max = 4};
  EXPECT_EQ(decode_whole(ws_role::client,
                         frame(1, std::string(60, 'x')) + frame(fin | 0, std::string(41, 'x')), limits)
                .violation,
            1009);
  const auto at_bound = frame(1, std::string(60, 'x')) + frame(fin | 0, std::string(40, 'x'));
  EXPECT_EQ(decode_whole(ws_role::client, at_bound, limits).items.size(), 1U);
  std::string endless = frame(1, "");
  for (int i = 0; i < 3; ++i) endless += frame(0, "");
  EXPECT_EQ(decode_whole(ws_role::client, endless, limits).violation, 0);
  EXPECT_EQ(decode_whole(ws_role::client, endless + frame(0, ""), limits).violation, 1009);
  EXPECT_EQ(decode_whole(ws_role::client, endless + frame(fin | 0, ""), limits).violation, 1009);
}

TEST(websocket_codec_test, mutated_input_never_yields_more_than_it_holds) {
  base::rng random(20);
  const ws_limits limits{.message_bytes_max = 5000, .fragments_max = 8};
  int violations = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    for (int i = 0; i < 4; ++i) {
      const unsigned first = static_cast<unsigned>(random.below(256));
      bytes +=
          frame(random.chance(0.5) ? (fin | (first % 3)) : first, std::string(random.below(300), 'm'), true);
    }
    for (auto n = random.below(4); n > 0; --n) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    }
    const auto whole = decode_whole(ws_role::server, bytes, limits);
    const auto split = decode(ws_role::server, bytes, [&] { return random.below(50) + 1; }, limits);
    ASSERT_EQ(whole, split) << "round " << round;
    std::size_t total = 0;
    for (const auto& item : whole.items) total += item.payload.size();
    ASSERT_LE(total, bytes.size());
    violations += whole.violation != 0;
  }
  EXPECT_GT(violations, 1000);
  EXPECT_LT(violations, 20'000);
}

TEST(websocket_codec_test, frames_built_in_place_equal_appended_ones) {
  for (const std::size_t size : {0, 1, 125, 126, 65535, 65536, 100'000}) {
    const std::string payload(size, 'p');
    std::string appended = "before";
    append_frame(appended, ws_role::server, ws_opcode::binary, payload);
    std::string built = "before";
    const auto mark = begin_server_frame(built);
    built += payload;
    end_server_frame(built, mark, ws_opcode::binary);
    EXPECT_TRUE(built == appended) << size;
  }
}

TEST(websocket_codec_test, close_payloads_keep_the_rules) {
  EXPECT_EQ(close_payload(1000, ""), std::string("\x03\xe8", 2));
  EXPECT_EQ(close_payload(1005, "x"), "") << "may not be sent";
  EXPECT_EQ(close_payload(999, "x"), "");
  const auto longest = close_payload(4000, std::string(121, 'x') + "\xe2\x82\xac");
  EXPECT_EQ(longest.size(), 2U + 121) << "cut before the code point that does not fit";
}

TEST(websocket_codec_test, accept_key_is_the_one_of_the_rfc) {
  EXPECT_EQ(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(websocket_codec_test, the_buffer_shrinks_after_a_huge_message) {
  ws_decoder decoder(ws_role::client, {});
  ws_decoder::item item;
  const auto feed = [&](const std::string& bytes) {
    std::memcpy(decoder.prepare(bytes.size()).data(), bytes.data(), bytes.size());
    decoder.commit(bytes.size());
    return decoder.next(item);
  };
  ASSERT_EQ(feed(frame(fin | 2, std::string(8'000'000, 'x'))), ws_decoder::outcome::item);
  ASSERT_EQ(feed(frame(fin | 2, "small")), ws_decoder::outcome::item);
  EXPECT_LT(decoder.prepare(1).size(), 100'000U);
}

}  // namespace
}  // namespace evergate::net
