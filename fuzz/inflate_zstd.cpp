// Any messages as a zstd-stream: limits hold, errors are final, and a stream in other messages says the same.
#include "base/rng.h"
#include "fuzz/inflate.h"
#include "fuzz/target.h"

namespace evergate::fuzz {

void run(std::string_view bytes) {
  input in(bytes);
  const auto limits = drawn_limits(in);
  base::rng chance(in.byte());
  const auto messages = drawn_messages(in);
  constexpr auto kind = proto::compression::zstd_stream;
  const auto first = inflate_all(kind, limits, messages);

  std::vector<std::string_view> cut;
  for (auto message : messages) {
    while (!message.empty()) {
      const auto count = 1 + static_cast<std::size_t>(chance.below(message.size()));
      cut.push_back(message.substr(0, count));
      message.remove_prefix(count);
    }
  }
  const auto second = inflate_all(kind, limits, cut);
  if (first && second) base::check(*first == *second, "the cut makes no difference");

  round_trip(kind, messages);
  std::string joined;
  bool within = true;
  for (const auto message : messages) {
    joined += message;
    within = within && message.size() <= limits.payload_bytes_max;
  }
  const auto plain = inflate_all(proto::compression::none, limits, messages);
  base::check(plain.has_value() == within && (!plain || *plain == joined), "plain messages pass as they are");
}

}  // namespace evergate::fuzz
