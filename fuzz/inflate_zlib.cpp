// Any messages as a zlib-stream: limits hold, errors are final, and where the stream is cut into messages
// makes no difference to what it says.
#include "base/rng.h"
#include "fuzz/inflate.h"
#include "fuzz/target.h"

namespace evergate::fuzz {

void run(std::string_view bytes) {
  input in(bytes);
  const auto limits = drawn_limits(in);
  base::rng chance(in.byte());
  const auto messages = drawn_messages(in);
  constexpr auto kind = proto::compression::zlib_stream;
  const auto first = inflate_all(kind, limits, messages);

  // Where a limit or an error speaks the two may differ, since they judge payloads and a cut just behind
  // 00 00 FF FF makes two of one; and what lacks its end waits for it, whole or not.
  std::vector<std::string_view> cut;
  for (auto message : messages) {
    while (!message.empty()) {
      const auto count = 1 + static_cast<std::size_t>(chance.below(message.size()));
      cut.push_back(message.substr(0, count));
      message.remove_prefix(count);
    }
  }
  const auto second = inflate_all(kind, limits, cut);
  std::string joined;
  for (const auto message : messages) joined += message;
  const bool ended = joined.ends_with(std::string_view("\x00\x00\xff\xff", 4));
  if (first && second && ended) base::check(*first == *second, "the cut makes no difference");

  round_trip(kind, messages);
  std::string blob;
  for (const auto message : messages) proto::compress_payload(message, blob);
}

}  // namespace evergate::fuzz
