// One array of a guild document as id → raw element, in the array's order. Found by id, replaced, added at
// the end or removed without touching the others' bytes. Views only: whoever owns it keeps the bytes. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proto/snowflake.h"

namespace evergate::journal {

/// Where an element's id stands.
enum class id_place : std::uint8_t { id, user_id, sound_id, user };  ///< `user`: user.id

[[nodiscard]] proto::snowflake id_of(std::string_view element, id_place place) noexcept;

class element_list {
 public:
  /// Anything that is no array counts as empty.
  element_list(std::string_view array, id_place place);

  /// Empty when there is none.
  [[nodiscard]] std::string_view find(proto::snowflake id) const;
  /// Replaces the element in its place, or adds it at the end.
  void put(proto::snowflake id, std::string_view element);
  bool erase(proto::snowflake id);
  void clear();

  /// Calls `change(element)` for each; it returns the element to keep (the same, or other bytes), empty to
  /// remove it.
  template <class Change>
  void rewrite(Change&& change) {
    for (auto& one : elements_) {
      if (one.raw.empty()) continue;
      one.raw = change(one.raw);
    }
  }

  void write(std::string& out) const;
  [[nodiscard]] id_place place() const noexcept { return place_; }

 private:
  struct element {
    proto::snowflake id = 0;
    std::string_view raw;  ///< empty once removed
  };
  [[nodiscard]] std::size_t index_of(proto::snowflake id) const;

  std::vector<element> elements_;
  std::unordered_map<proto::snowflake, std::size_t> by_id_;
  id_place place_;
};

}  // namespace evergate::journal
