#include "upstream/frames.h"

#include <fmt/format.h>

#include <iterator>

#include "base/check.h"
#include "proto/json_view.h"

namespace evergate::upstream {

std::string heartbeat_frame(flow::committed_seq seq) {
  if (seq.none()) return R"({"op":1,"d":null})";
  return fmt::format(R"({{"op":1,"d":{}}})", seq.value());
}

std::string identify_frame(const identify_fields& fields, const base::secret& token) {
  std::string out;
  // Once and large enough, so that growing leaves no copy of the token behind.
  out.reserve(512 + token.reveal().size() * 2 + fields.presence.size());
  out += R"({"op":2,"d":{"token":)";
  proto::append_quoted(out, token.reveal());
  out += R"(,"properties":{"os":)";
  proto::append_quoted(out, fields.os);
  out += R"(,"browser":)";
  proto::append_quoted(out, fields.browser);
  out += R"(,"device":)";
  proto::append_quoted(out, fields.device);
  fmt::format_to(std::back_inserter(out), R"(}},"large_threshold":{},"shard":[{},{}],"intents":{})",
                 fields.large_threshold, fields.shard.id, fields.shard.count, fields.intents);
  if (!fields.presence.empty()) {
    out += R"(,"presence":)";
    out += fields.presence;
  }
  out += "}}";
  return out;
}

std::string resume_frame(std::string_view session_id, flow::committed_seq seq, const base::secret& token) {
  base::check(!seq.none(), "RESUME needs a committed sequence");
  std::string out;
  out.reserve(128 + token.reveal().size() * 2 + session_id.size() * 2);
  out += R"({"op":6,"d":{"token":)";
  proto::append_quoted(out, token.reveal());
  out += R"(,"session_id":)";
  proto::append_quoted(out, session_id);
  fmt::format_to(std::back_inserter(out), R"(,"seq":{}}}}})", seq.value());
  return out;
}

std::string presence_frame(std::string_view presence) {
  return fmt::format(R"({{"op":3,"d":{}}})", presence);
}

}  // namespace evergate::upstream
