#include "journal/element_list.h"

#include "proto/json_view.h"

namespace evergate::journal {

proto::snowflake id_of(std::string_view element, id_place place) noexcept {
  switch (place) {
    case id_place::id:
      return proto::snowflake_of(proto::member(element, "id"));
    case id_place::user_id:
      return proto::snowflake_of(proto::member(element, "user_id"));
    case id_place::sound_id:
      return proto::snowflake_of(proto::member(element, "sound_id"));
    case id_place::user:
      return proto::snowflake_of(proto::member(proto::member(element, "user"), "id"));
  }
  return 0;
}

element_list::element_list(std::string_view array, id_place place) : place_(place) {
  for (proto::array_cursor at(array); at.next();) {
    const auto id = id_of(at.value(), place_);
    if (id != 0) by_id_.try_emplace(id, elements_.size());
    elements_.push_back({id, at.value()});
  }
}

std::size_t element_list::index_of(proto::snowflake id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? elements_.size() : found->second;
}

std::string_view element_list::find(proto::snowflake id) const {
  const auto at = index_of(id);
  return at < elements_.size() ? elements_[at].raw : std::string_view();
}

void element_list::put(proto::snowflake id, std::string_view element) {
  if (id == 0) return;
  const auto at = index_of(id);
  // An element that was removed comes back at the end, as a new one would.
  if (at < elements_.size() && !elements_[at].raw.empty()) {
    elements_[at].raw = element;
    return;
  }
  by_id_.insert_or_assign(id, elements_.size());
  elements_.push_back({id, element});
}

bool element_list::erase(proto::snowflake id) {
  const auto at = index_of(id);
  if (at >= elements_.size() || elements_[at].raw.empty()) return false;
  elements_[at].raw = {};
  by_id_.erase(id);
  return true;
}

void element_list::clear() {
  elements_.clear();
  by_id_.clear();
}

void element_list::write(std::string& out) const {
  out += '[';
  bool first = true;
  for (const auto& one : elements_) {
    if (one.raw.empty()) continue;
    if (!first) out += ',';
    first = false;
    out.append(one.raw);
  }
  out += ']';
}

}  // namespace evergate::journal
