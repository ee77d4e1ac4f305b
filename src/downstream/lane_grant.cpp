#include "downstream/lane_grant.h"

#include "proto/event_type.h"

namespace evergate::downstream {

bool lane_grant::decided(const flow::event_batch& batch, const flow::event_row& row) const {
  using enum proto::event_type;
  if (row.type == guild_create || row.type == guild_delete) return true;
  if ((row.flags & flow::row_flag::reply) != 0) return true;
  const delivery_question asked{.consumer = session.consumer,
                                .lane = session.lane.id,
                                .lanes = session.lane.count,
                                .type = batch.name(row),
                                .guild = row.guild,
                                .d = batch.data(row)};
  return policy->decisions->deliver_event.ask(asked, [](const auto&) { return true; });
}

}  // namespace evergate::downstream
