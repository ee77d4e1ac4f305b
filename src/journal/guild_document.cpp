#include "journal/guild_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "journal/apply.h"
#include "journal/json_splice.h"
#include "proto/json_view.h"

namespace evergate::journal {
namespace {

struct array_name {
  std::string_view key;
  id_place place;
};

constexpr std::size_t counted_max = 64;  // looked through for each counter row

constexpr array_name array_names[guild_array_count] = {
    {"roles", id_place::id},
    {"emojis", id_place::id},
    {"stickers", id_place::id},
    {"channels", id_place::id},
    {"threads", id_place::id},
    {"members", id_place::user},
    {"presences", id_place::user},
    {"voice_states", id_place::user_id},
    {"stage_instances", id_place::id},
    {"guild_scheduled_events", id_place::id},
    {"soundboard_sounds", id_place::sound_id},
};

int array_of(std::string_view key) {
  const auto found = std::ranges::find(array_names, key, &array_name::key);
  return found == std::end(array_names) ? -1 : static_cast<int>(found - std::begin(array_names));
}

}  // namespace

bool guild_document::replace(std::string json) {
  std::deque<std::string> kept;
  const std::string_view text = kept.emplace_back(std::move(json));
  std::vector<top_member> members;
  proto::object_cursor at(text);
  while (at.next()) {
    const auto key = at.key();
    const auto repeated = std::ranges::find(members, key, &top_member::key) != members.end();
    if (!repeated) members.push_back({key, at.value(), array_of(key)});
  }
  if (!at.ok()) return false;
  remove();
  kept_ = std::move(kept);
  members_ = std::move(members);
  present_ = true;
  return true;
}

void guild_document::remove() {
  present_ = false;
  members_.clear();
  for (auto& list : lists_) list.reset();
  kept_.clear();
  counted_.clear();
}

bool guild_document::apply(proto::event_type type, std::string_view d) {
  if (type == proto::event_type::guild_create) {
    return proto::member(d, "unavailable") != "true" && replace(std::string(d));
  }
  if (!present_ || !is_object(d)) return false;
  if (apply_member(*this, type, d)) return true;
  apply_counted();
  return apply_guild(*this, type, d) || apply_channel(*this, type, d) || apply_thread(*this, type, d);
}

void guild_document::apply(const flow::counter_row& counter) {
  if (!present_) return;
  const auto same = std::ranges::find(counted_, counter.channel, &counted::channel);
  if (same != counted_.end()) return count_on(*same, counter);
  if (counted_.size() == counted_max) apply_counted();
  counted_.push_back(counted_of(counter));
}

void guild_document::apply_counted() {
  for (const auto& one : std::exchange(counted_, {})) journal::apply_counted(*this, one);
}

void guild_document::apply_user(std::string_view user) {
  if (!present_ || self_ == 0 || !is_object(user)) return;
  auto& members = list(guild_array::members);
  const auto own = members.find(self_);
  if (own.empty()) return;
  const auto changed = merged(proto::member(own, "user"), user);
  members.put(self_, keep(with(own, "user", changed)));
}

void guild_document::write(std::string& out) {
  apply_counted();
  out += '{';
  const std::size_t begin = out.size();
  bool marked = false;
  for (const auto& one : members_) {
    if (out.size() != begin) out += ',';
    out += '"';
    out.append(one.key);
    out.append("\":");
    if (one.key == "unavailable") {
      out.append("false");
      marked = true;
    } else if (one.list >= 0 && lists_[static_cast<std::size_t>(one.list)] != nullptr) {
      lists_[static_cast<std::size_t>(one.list)]->write(out);
    } else {
      out.append(one.value);
    }
  }
  if (!marked) {
    if (out.size() != begin) out += ',';
    out.append(R"("unavailable":false)");
  }
  out += '}';
}

element_list& guild_document::list(guild_array which) {
  auto& slot = lists_[static_cast<std::size_t>(which)];
  if (slot != nullptr) return *slot;
  const auto& name = array_names[static_cast<std::size_t>(which)];
  auto* const at = find(name.key);
  slot = std::make_unique<element_list>(at != nullptr ? at->value : std::string_view(), name.place);
  if (at == nullptr) members_.push_back({name.key, "[]", static_cast<int>(which)});
  return *slot;
}

std::string_view guild_document::get(std::string_view key) const {
  const auto found = std::ranges::find(members_, key, &top_member::key);
  return found == members_.end() ? std::string_view() : found->value;
}

void guild_document::set(std::string_view key, std::string_view value) {
  const int list = array_of(key);
  if (list >= 0) lists_[static_cast<std::size_t>(list)].reset();
  const auto kept = keep(std::string(value));
  if (auto* const at = find(key); at != nullptr) {
    at->value = kept;
    return;
  }
  members_.push_back({keep(std::string(key)), kept, list});
}

void guild_document::add(std::string_view key, std::int64_t amount) {
  const auto count = proto::integer_of(get(key));
  if (count) set(key, fmt::format("{}", std::max<std::int64_t>(0, *count + amount)));
}

std::string_view guild_document::keep(std::string text) {
  return kept_.emplace_back(std::move(text));
}

guild_document::top_member* guild_document::find(std::string_view key) {
  const auto found = std::ranges::find(members_, key, &top_member::key);
  return found == members_.end() ? nullptr : &*found;
}

}  // namespace evergate::journal
