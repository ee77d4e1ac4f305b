#include "proto/compression.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "base/rng.h"
#include "proto/errc.h"
#include "proto/payload_buffer.h"

namespace evergate::proto {
namespace {

constexpr compression both[] = {compression::zlib_stream, compression::zstd_stream};

/// Text that compresses about as JSON does.
std::string payload_of(std::size_t bytes, std::uint64_t seed) {
  base::rng rng(seed);
  std::string out;
  while (out.size() < bytes) {
    out += R"({"id":")" + std::to_string(rng()) + R"(","name":"member )" + std::to_string(rng.below(500)) +
           R"(","roles":[]},)";
  }
  out.resize(bytes);
  return out;
}

std::string compressed_by(deflater& by, std::string_view payload) {
  std::string out;
  by.compress(payload, out);
  return out;
}

TEST(compression, has_discords_names) {
  EXPECT_EQ(name_of(compression::none), "");
  EXPECT_EQ(compression_of("zlib-stream"), compression::zlib_stream);
  EXPECT_EQ(compression_of("zstd-stream"), compression::zstd_stream);
  EXPECT_EQ(compression_of(""), compression::none);
  EXPECT_FALSE(compression_of("gzip"));
}

TEST(compression, plain_messages_pass_within_the_bound) {
  const auto plain = inflater::make(compression::none, {.payload_bytes_max = 4});
  EXPECT_EQ(plain->feed("abcd").value(), "abcd");
  EXPECT_EQ(plain->feed("abcde").error().code, errc::too_large);
}

// Found by fuzzing (inflate_zstd): "after an error every further call fails" did not hold without
// compression.
TEST(compression, after_a_plain_message_too_large_every_call_fails) {
  const auto plain = inflater::make(compression::none, {.payload_bytes_max = 4});
  EXPECT_FALSE(plain->feed("abcde"));
  EXPECT_FALSE(plain->feed("abcd"));
}

// Found by fuzzing (inflate_zstd): sixteen empty messages ended a good stream.
TEST(compression, empty_messages_never_break_a_stream) {
  for (const auto kind : both) {
    const auto out = deflater::make(kind);
    const auto in = inflater::make(kind);
    for (int i = 0; i < 40; ++i) EXPECT_EQ(in->feed("").value(), "");
    std::string message;
    out->compress("payload", message);
    EXPECT_EQ(in->feed(message).value(), "payload");
  }
}

TEST(compression, payloads_of_every_size_come_back) {
  for (const auto kind : both) {
    const auto out = deflater::make(kind);
    const auto in = inflater::make(kind);
    std::uint64_t seed = 0;
    for (const std::size_t bytes :
         {1u, 2u, 100u, 1'200u, 16'383u, 16'384u, 16'385u, 65'536u, 1u << 20, 3u, 5u << 20, 20u << 20, 7u}) {
      const std::string payload = payload_of(bytes, ++seed);
      const std::string message = "junk" + compressed_by(*out, payload);
      const auto back = in->feed(std::string_view(message).substr(4));
      ASSERT_TRUE(back) << back.error().text();
      EXPECT_TRUE(*back == payload) << bytes;
    }
  }
}

TEST(compression, appends_to_what_is_there) {
  for (const auto kind : both) {
    std::string out = "head";
    deflater::make(kind)->compress("payload", out);
    EXPECT_TRUE(out.starts_with("head"));
    EXPECT_EQ(inflater::make(kind)->feed(out.substr(4)).value(), "payload");
  }
}

TEST(compression, later_payloads_lean_on_earlier_ones) {
  for (const auto kind : both) {
    const auto out = deflater::make(kind);
    const std::string payload = payload_of(2'000, 1);
    const std::size_t first = compressed_by(*out, payload).size();
    EXPECT_LT(compressed_by(*out, payload).size(), first / 4);
  }
}

TEST(compression, zlib_messages_end_in_the_flush_suffix) {
  const auto out = deflater::make(compression::zlib_stream);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(compressed_by(*out, payload_of(static_cast<std::size_t>(i * 97 + 1), 3))
                    .ends_with(std::string_view("\0\0\xff\xff", 4)));
  }
}

TEST(compression, zlib_payload_may_be_split_at_every_byte) {
  const std::string payload = payload_of(300, 1);
  const std::string message = compressed_by(*deflater::make(compression::zlib_stream), payload);
  for (std::size_t cut = 0; cut < message.size(); ++cut) {
    const auto in = inflater::make(compression::zlib_stream);
    const auto first = in->feed(std::string_view(message).substr(0, cut));
    ASSERT_TRUE(first);
    EXPECT_TRUE(first->empty());
    const auto second = in->feed(std::string_view(message).substr(cut));
    ASSERT_TRUE(second) << cut;
    EXPECT_EQ(*second, payload);
  }
  const auto in = inflater::make(compression::zlib_stream);
  for (std::size_t i = 0; i + 1 < message.size(); ++i)
    EXPECT_TRUE(in->feed(message.substr(i, 1)).value().empty());
  EXPECT_EQ(in->feed(message.substr(message.size() - 1)).value(), payload);
}

TEST(compression, zstd_payload_may_be_split_without_loss) {
  const std::string payload = payload_of(3'000, 1);
  const std::string message = compressed_by(*deflater::make(compression::zstd_stream), payload);
  for (std::size_t cut = 0; cut <= message.size(); cut += 7) {
    const auto in = inflater::make(compression::zstd_stream);
    std::string back(in->feed(std::string_view(message).substr(0, cut)).value());
    back += in->feed(std::string_view(message).substr(cut)).value();
    EXPECT_EQ(back, payload);
  }
}

TEST(compression, concatenated_messages_give_concatenated_payloads) {
  for (const auto kind : both) {
    const auto out = deflater::make(kind);
    const std::string first = compressed_by(*out, "{\"a\":1}");
    const std::string second = compressed_by(*out, "{\"b\":2}");
    EXPECT_EQ(inflater::make(kind)->feed(first + second).value(), "{\"a\":1}{\"b\":2}");
  }
}

TEST(compression, zstd_frames_that_end_may_be_followed_by_another) {
  std::string frame(200, '\0');
  frame.resize(ZSTD_compress(frame.data(), frame.size(), "hello", 5, 1));
  const auto in = inflater::make(compression::zstd_stream);
  EXPECT_EQ(in->feed(frame + frame).value(), "hellohello");
  EXPECT_EQ(in->feed(frame).value(), "hello");
}

TEST(compression, empty_flushes_give_empty_payloads) {
  for (const auto kind : both) {
    const auto out = deflater::make(kind);
    const auto in = inflater::make(kind);
    EXPECT_EQ(in->feed(compressed_by(*out, "x")).value(), "x");
    EXPECT_EQ(in->feed(compressed_by(*out, "")).value(), "");
    EXPECT_EQ(in->feed("").value(), "");
    EXPECT_EQ(in->feed(compressed_by(*out, "y")).value(), "y");
  }
}

TEST(compression, a_payload_of_exactly_the_bound_passes) {
  for (const auto kind : both) {
    for (const std::size_t bound : {1'000u, 16'384u, 100'000u}) {
      const auto out = deflater::make(kind);
      const auto in = inflater::make(kind, {.payload_bytes_max = bound});
      ASSERT_TRUE(in->feed(compressed_by(*out, payload_of(bound, 1))));
      const auto over = in->feed(compressed_by(*out, payload_of(bound + 1, 2)));
      ASSERT_FALSE(over);
      EXPECT_EQ(over.error().code, errc::too_large);
      EXPECT_NE(over.error().detail.find(std::to_string(bound)), std::string::npos);
      EXPECT_FALSE(in->feed(compressed_by(*out, "x")));
    }
  }
}

TEST(compression, bombs_are_refused_by_ratio_and_by_size) {
  for (const auto kind : both) {
    const std::string zeros(50u << 20, '0');
    const std::string bomb = compressed_by(*deflater::make(kind), zeros);
    const auto by_ratio = inflater::make(kind)->feed(bomb);
    ASSERT_FALSE(by_ratio);
    EXPECT_EQ(by_ratio.error().code, errc::too_large);
    const auto by_size =
        inflater::make(kind, {.payload_bytes_max = 1u << 20, .ratio_max = 1'000'000})->feed(bomb);
    ASSERT_FALSE(by_size);
    EXPECT_EQ(by_size.error().code, errc::too_large);
    EXPECT_TRUE(inflater::make(kind, {.ratio_max = 1'000'000})->feed(bomb));
  }
}

TEST(compression, small_payloads_may_have_any_ratio) {
  for (const auto kind : both) {
    const std::string spaces(1u << 20, ' ');
    EXPECT_TRUE(inflater::make(kind)->feed(compressed_by(*deflater::make(kind), spaces)));
  }
}

TEST(compression, unfinished_zlib_payloads_are_bounded) {
  const auto in = inflater::make(compression::zlib_stream, {.payload_bytes_max = 1'000});
  const std::string part(400, 'x');
  EXPECT_TRUE(in->feed(part));
  EXPECT_TRUE(in->feed(part));
  EXPECT_EQ(in->feed(part).error().code, errc::too_large);
}

TEST(compression, garbage_is_an_error_and_stays_one) {
  const std::string suffix("\0\0\xff\xff", 4);
  for (const auto kind : both) {
    const auto in = inflater::make(kind);
    const auto broken = in->feed("this is neither zlib nor zstd" + suffix);
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().code, errc::bad_compression);
    EXPECT_FALSE(in->feed(compressed_by(*deflater::make(kind), "x")));
  }
}

TEST(compression, flipped_bits_never_crash) {
  base::rng rng(9);
  for (const auto kind : both) {
    for (int i = 0; i < 3'000; ++i) {
      std::string message = compressed_by(*deflater::make(kind), payload_of(500, 1));
      message[rng.below(message.size())] ^= static_cast<char>(1u << rng.below(8));
      const auto back = inflater::make(kind, {.payload_bytes_max = 1u << 20})->feed(message);
      if (back) {
        EXPECT_LE(back->size(), 1u << 20);
      }
    }
  }
}

TEST(compression, a_zlib_stream_never_ends) {
  std::string blob;
  compress_payload("payload", blob);
  const auto broken = inflater::make(compression::zlib_stream)->feed(blob + std::string("\0\0\xff\xff", 4));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, errc::bad_compression);
}

TEST(compression, large_zstd_windows_are_refused) {
  const auto with_window = [](int log) {
    ZSTD_CCtx* const context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, log);
    const std::string text = "hello";
    std::string out(1'000, '\0');
    ZSTD_inBuffer in{text.data(), text.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    EXPECT_EQ(ZSTD_compressStream2(context, &to, &in, ZSTD_e_flush), 0u);
    ZSTD_freeCCtx(context);
    out.resize(to.pos);
    return out;
  };
  EXPECT_EQ(inflater::make(compression::zstd_stream)->feed(with_window(23)).value(), "hello");
  EXPECT_EQ(inflater::make(compression::zstd_stream)->feed(with_window(24)).error().code, errc::too_large);
  EXPECT_EQ(inflater::make(compression::zstd_stream, {.window_log_max = 24})->feed(with_window(24)).value(),
            "hello");
}

TEST(compression, output_memory_is_used_again) {
  for (const auto kind : both) {
    const auto out = deflater::make(kind);
    const auto in = inflater::make(kind);
    const char* const first = in->feed(compressed_by(*out, payload_of(60'000, 1))).value().data();
    for (std::uint64_t i = 0; i < 200; ++i) {
      EXPECT_EQ(in->feed(compressed_by(*out, payload_of(1 + i * 300, i))).value().data(), first);
    }
  }
}

TEST(compression, payload_blobs_are_whole_zlib_streams) {
  for (const std::size_t bytes : {0u, 1u, 1'000u, 300'000u}) {
    const std::string payload = payload_of(bytes, 4);
    std::string blob = "head";
    compress_payload(payload, blob);
    std::string back(bytes + 1, '\0');
    uLongf size = back.size();
    ASSERT_EQ(uncompress(reinterpret_cast<Bytef*>(back.data()), &size,
                         reinterpret_cast<const Bytef*>(blob.data() + 4), blob.size() - 4),
              Z_OK);
    back.resize(size);
    EXPECT_TRUE(back == payload);
    EXPECT_EQ(blob[4], 0x78);
  }
}

TEST(payload_buffer, gives_memory_back_after_a_calm) {
  payload_buffer buffer(64u << 20);
  while (buffer.capacity() < (8u << 20)) {
    buffer.produced(buffer.space_bytes());
    buffer.grow();
  }
  for (unsigned i = 0; i < payload_buffer::calm_payloads; ++i) {
    buffer.start();
    EXPECT_GE(buffer.capacity(), 8u << 20);
    buffer.produced(100);
  }
  buffer.start();
  EXPECT_EQ(buffer.capacity(), 0u);
}

}  // namespace
}  // namespace evergate::proto
