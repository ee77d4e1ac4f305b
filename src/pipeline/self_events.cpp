#include "pipeline/self_events.h"

#include "proto/json_view.h"

namespace evergate::pipeline {
namespace {

bool removes(std::string_view d, proto::snowflake self_id) noexcept {
  proto::array_cursor ids(proto::member(d, "removed_member_ids"));
  while (ids.next()) {
    if (proto::snowflake_of(ids.value()) == self_id) return true;
  }
  return false;
}

bool adds(std::string_view d, proto::snowflake self_id) noexcept {
  proto::array_cursor members(proto::member(d, "added_members"));
  while (members.next()) {
    if (proto::snowflake_of(proto::member(members.value(), "user_id")) == self_id) return true;
  }
  return false;
}

}  // namespace

bool about_self(proto::event_type type, std::string_view d, proto::snowflake self_id) noexcept {
  if (self_id == 0) return false;
  if (type == proto::event_type::guild_member_update) {
    return proto::snowflake_of(proto::member(proto::member(d, "user"), "id")) == self_id;
  }
  if (type == proto::event_type::thread_members_update) return adds(d, self_id) || removes(d, self_id);
  return false;
}

}  // namespace evergate::pipeline
