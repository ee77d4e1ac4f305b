#include "flow/intake.h"

#include <fmt/format.h>

#include "base/check.h"
#include "proto/json_view.h"

namespace evergate::flow {

event_row& append_row(event_batch& out, proto::event_type type, std::string_view name, std::string_view d) {
  base::check(name.size() < 256, "an event name is bounded by the envelope scan");
  event_row row;
  row.type = type;
  row.retention = proto::info_of(type).retention;
  row.pos = static_cast<std::uint32_t>(out.arena.size());
  row.size = static_cast<std::uint32_t>(d.size());
  if (type == proto::event_type::unknown) {
    row.name_size = static_cast<std::uint8_t>(name.size());
    out.arena.append(name);
  }
  out.arena.append(d);
  out.has_interactions |= type == proto::event_type::interaction_create;
  return out.rows.emplace_back(row);
}

void append_gap(const gap_record& gap, event_batch& out) {
  std::string d = fmt::format(R"({{"shard":[{},{}],"session_id":)", gap.shard.id, gap.shard.count);
  proto::append_quoted(d, gap.session_id);
  d += fmt::format(R"(,"last_seq":{},"time_ms":{},"cause":)", gap.last_seq, gap.time_ms);
  proto::append_quoted(d, gap.cause);
  if (!gap.consumer.empty()) {
    d += R"(,"consumer":)";
    proto::append_quoted(d, gap.consumer);
  }
  d += '}';
  auto& row = append_row(out, proto::event_type::gap, {}, d);
  row.flags = row_flag::internal;
  row.shard = static_cast<std::uint16_t>(gap.shard.id);
  row.shard_count = static_cast<std::uint16_t>(gap.shard.count);
}

}  // namespace evergate::flow
