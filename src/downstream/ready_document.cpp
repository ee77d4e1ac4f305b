#include "downstream/ready_document.h"

#include <fmt/format.h>

#include <iterator>

#include "downstream/errc.h"
#include "proto/json_view.h"

namespace evergate::downstream {

base::result<void> append_ready(std::string_view upstream, const ready_parts& own, std::string& out) {
  proto::object_cursor members(upstream);
  out += '{';
  bool has_private_channels = false;
  while (members.next()) {
    const auto key = members.key();
    if (key == "session_id" || key == "resume_gateway_url" || key == "guilds" || key == "shard") continue;
    if (key == "private_channels") has_private_channels = true;
    out += '"';
    out += key;
    out += "\":";
    out += members.value();
    out += ',';
  }
  if (!members.ok()) return base::fail(errc::bad_frame, "READY of Discord is not an object");
  if (!has_private_channels) out += R"("private_channels":[],)";
  out += R"("session_id":)";
  proto::append_quoted(out, own.session_id);
  out += R"(,"resume_gateway_url":)";
  proto::append_quoted(out, own.resume_url);
  fmt::format_to(std::back_inserter(out), R"(,"shard":[{},{}],"guilds":[)", own.lane.id, own.lane.count);
  for (const auto& guild : own.guilds) {
    if (out.back() != '[') out += ',';
    fmt::format_to(std::back_inserter(out), R"({{"id":"{}","unavailable":true}})", guild.id);
  }
  out += "]}";
  return {};
}

proto::snowflake self_id(std::string_view upstream) noexcept {
  return proto::snowflake_of(proto::member(proto::member(upstream, "user"), "id"));
}

}  // namespace evergate::downstream
