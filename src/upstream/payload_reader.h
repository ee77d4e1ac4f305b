// Turns the messages of one upstream connection into envelopes: inflates them in that connection's own
// context and scans them. Owned by the shard's core; pure; bounded by inflate_limits.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "proto/compression.h"
#include "proto/envelope.h"

namespace evergate::upstream {

class payload_reader {
 public:
  payload_reader(proto::compression kind, proto::inflate_limits limits) noexcept
      : kind_(kind), limits_(limits) {}

  /// A connection begins: nothing of the one before is left in the stream.
  void begin();
  /// The connection has ended.
  void end();
  /// Nothing while more messages are needed; an error when what came cannot be read (then the connection is
  /// of no more use). The envelope's views are valid until the next call.
  [[nodiscard]] base::result<std::optional<proto::envelope>> read(std::string_view message);

 private:
  const proto::compression kind_;
  const proto::inflate_limits limits_;
  std::unique_ptr<proto::inflater> inflater_;
};

}  // namespace evergate::upstream
