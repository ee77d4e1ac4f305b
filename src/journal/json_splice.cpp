#include "journal/json_splice.h"

#include <algorithm>
#include <vector>

#include "proto/json_view.h"

namespace evergate::journal {
namespace {

void append_member(std::string& out, std::string_view key, std::string_view value) {
  if (out.size() > 1) out += ',';
  out += '"';
  out.append(key);
  out.append("\":");
  out.append(value);
}

bool named(std::initializer_list<std::string_view> names, std::string_view key) {
  return std::ranges::find(names, key) != names.end();
}

}  // namespace

std::string without(std::string_view object, std::initializer_list<std::string_view> dropped) {
  std::string out;
  out.reserve(object.size() + 2);
  out += '{';
  for (proto::object_cursor at(object); at.next();) {
    if (!named(dropped, at.key())) append_member(out, at.key(), at.value());
  }
  out += '}';
  return out;
}

std::string with(std::string_view object, std::string_view key, std::string_view value) {
  std::string out;
  out.reserve(object.size() + key.size() + value.size() + 4);
  out += '{';
  bool placed = false;
  for (proto::object_cursor at(object); at.next();) {
    const bool here = at.key() == key;
    if (here && placed) continue;
    append_member(out, at.key(), here ? value : at.value());
    placed = placed || here;
  }
  if (!placed) append_member(out, key, value);
  out += '}';
  return out;
}

std::string merged(std::string_view object, std::string_view patch,
                   std::initializer_list<std::string_view> dropped) {
  struct change {
    std::string_view key;
    std::string_view value;
    bool placed = false;
  };
  std::vector<change> changes;
  for (proto::object_cursor at(patch); at.next();) {
    if (!named(dropped, at.key())) changes.push_back({at.key(), at.value()});
  }
  std::string out;
  out.reserve(object.size() + patch.size() + 2);
  out += '{';
  for (proto::object_cursor at(object); at.next();) {
    const auto found = std::ranges::find(changes, at.key(), &change::key);
    if (found == changes.end()) {
      append_member(out, at.key(), at.value());
    } else if (!found->placed) {
      append_member(out, at.key(), found->value);
      found->placed = true;
    }
  }
  for (const auto& one : changes) {
    if (!one.placed) append_member(out, one.key, one.value);
  }
  out += '}';
  return out;
}

bool is_object(std::string_view text) noexcept {
  proto::object_cursor at(text);
  while (at.next()) {
  }
  return at.ok();
}

}  // namespace evergate::journal
